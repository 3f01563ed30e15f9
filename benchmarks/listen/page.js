"use strict";
// A classic script, so that the page works from a file: plays loops without a gap, changes sides at the bar, draws.
(() => {
  const pairs = JSON.parse(document.getElementById("data").textContent);
  const LEAD_SECONDS = 0.05;
  let context = null;
  let output = null;
  let playing = null; // { pair, side, source, origin, loop }
  const buffers = new Map();

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  async function wake() {
    context ??= new AudioContext({ sampleRate: 48000 });
    if (!output) {
      output = new GainNode(context, { gain: Number(document.getElementById("volume").value) });
      output.connect(context.destination);
    }
    if (context.state === "suspended") await context.resume();
  }

  async function bufferOf(loop) {
    if (!buffers.has(loop)) {
      const bytes = Uint8Array.from(atob(loop.sound), (letter) => letter.charCodeAt(0));
      buffers.set(loop, await context.decodeAudioData(bytes.buffer));
    }
    return buffers.get(loop);
  }

  async function play(pair, side, at = 0) {
    await wake();
    const loop = pairs[pair].loops[side];
    const buffer = await bufferOf(loop);
    const source = new AudioBufferSourceNode(context, { buffer, loop: true, loopStart: loop.pad, loopEnd: loop.pad + loop.seconds });
    source.connect(output);
    let when = context.currentTime + LEAD_SECONDS;
    let offset = at;
    if (playing && playing.pair === pair) {
      const bar = playing.loop.seconds / playing.loop.bars;
      const count = Math.ceil((when - playing.origin) / bar);
      when = playing.origin + count * bar;
      offset = (count * bar) % loop.seconds;
    }
    source.start(when, loop.pad + offset);
    playing?.source.stop(when);
    playing = { pair, side, source, loop, origin: when - offset };
    show();
  }

  function stop() {
    playing?.source.stop();
    playing = null;
    show();
  }

  function position() {
    if (!playing) return null;
    const seconds = context.currentTime - playing.origin;
    return (((seconds % playing.loop.seconds) + playing.loop.seconds) % playing.loop.seconds) / playing.loop.seconds;
  }

  function show() {
    document.getElementById("stop").disabled = !playing;
    document.querySelectorAll("article").forEach((article, pair) => {
      article.dataset.playing = playing?.pair === pair ? "yes" : "no";
      article.querySelectorAll(".side button").forEach((button, side) => {
        button.setAttribute("aria-pressed", playing?.pair === pair && playing.side === side);
      });
    });
  }

  function build() {
    const main = document.getElementById("pairs");
    pairs.forEach((pair, index) => {
      const article = document.createElement("article");
      article.append(made("h2", pair.title), made("p", pair.text), made("p", pair.loops[1].facts, "facts"));
      const sides = made("div", "", "sides");
      pair.loops.forEach((loop, side) => {
        const box = made("div", "", "side");
        const button = made("button", `▶ ${pair.labels[side]}`);
        button.type = "button";
        button.onclick = () => (playing?.pair === index && playing.side === side ? stop() : play(index, side));
        const canvas = document.createElement("canvas");
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `${pair.title}, ${pair.labels[side]}: wave, asked and heard`);
        box.append(button, canvas);
        sides.append(box);
      });
      article.append(sides);
      main.append(article);
    });
  }

  function made(tag, text, name) {
    const element = document.createElement(tag);
    element.textContent = text;
    if (name) element.className = name;
    return element;
  }

  /** Both sides are drawn over what the controlled one was asked for, so that they can be compared. */
  function draw(canvas, pair, side, at) {
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio)) Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const loop = pair.loops[side];
    bars(pen, loop, width, height);
    wave(pen, loop, width, height);
    pair.loops[1].controls.forEach((control) => target(pen, control, loop, width, height));
    const own = loop.controls.find((control) => control.heard) ?? pair.loops[1].controls.find((control) => control.asked);
    if (own?.heard && side === 1) line(pen, own.heard, own, width, height, colour("heard"), 2);
    if (at !== null) {
      pen.fillStyle = colour("ink");
      pen.fillRect(at * width, 0, 1.5, height);
    }
  }

  function bars(pen, loop, width, height) {
    pen.fillStyle = colour("line");
    for (let bar = 1; bar < loop.bars; bar++) pen.fillRect((bar / loop.bars) * width, 0, 1, height);
  }

  function wave(pen, loop, width, height) {
    const [low, high] = loop.outline;
    pen.fillStyle = colour("heard");
    pen.globalAlpha = 0.3;
    pen.beginPath();
    high.forEach((value, i) => pen.lineTo((i / high.length) * width, height / 2 - (value * height) / 2));
    for (let i = low.length - 1; i >= 0; i--) pen.lineTo((i / low.length) * width, height / 2 - (low[i] * height) / 2);
    pen.fill();
    pen.globalAlpha = 1;
  }

  function target(pen, control, loop, width, height) {
    pen.fillStyle = colour("asked");
    if (control.asked) line(pen, control.asked, control, width, height, colour("asked"), 2.5);
    if (control.points) {
      const octaves = (value) => Math.log2(value / 200) / Math.log2(40);
      pen.strokeStyle = colour("asked");
      pen.lineWidth = 2.5;
      pen.beginPath();
      control.points.forEach(([beat, value]) => pen.lineTo((beat / loop.beats) * width, height - octaves(value) * height));
      pen.stroke();
    }
    const pitches = (control.notes ?? []).map(([pitch]) => pitch);
    const low = Math.min(...pitches) - 3;
    const rows = Math.max(...pitches) - low + 4;
    (control.notes ?? []).forEach(([pitch, start, duration]) => {
      pen.fillRect((start / loop.beats) * width, height - ((pitch - low + 1) / rows) * height, (duration / loop.beats) * width - 2, Math.max(height / rows - 1, 3));
    });
    (control.onsets ?? []).forEach(([beat, strength]) => pen.fillRect((beat / loop.beats) * width, height * (1 - 0.9 * strength), 3, height * 0.9 * strength));
    if (control.text && /^[A-Z]+$/.test(control.text)) {
      pen.font = "600 18px system-ui, sans-serif";
      [...control.text].forEach((letter, i, all) => pen.fillText(letter, ((i + 0.5) / all.length) * width - 6, 24));
    }
  }

  function line(pen, values, control, width, height, stroke, thick) {
    const all = [...control.asked, ...control.heard].filter((value) => value > -59);
    const low = Math.min(...all) - 2;
    const high = Math.max(...all) + 2;
    pen.strokeStyle = stroke;
    pen.lineWidth = thick;
    pen.beginPath();
    values.forEach((value, i) => pen.lineTo((i / (values.length - 1)) * width, height - ((Math.max(value, low) - low) / (high - low)) * height));
    pen.stroke();
  }

  function turn() {
    document.querySelectorAll("article").forEach((article, index) => {
      const moving = playing?.pair === index;
      if (!moving && article.dataset.drawn === "yes") return;
      article.querySelectorAll("canvas").forEach((canvas, side) => draw(canvas, pairs[index], side, moving && playing.side === side ? position() : null));
      article.dataset.drawn = moving ? "no" : "yes";
    });
    requestAnimationFrame(turn);
  }

  function seamTest() {
    const [begin, here, said] = ["seam-play", "seam-here", "seam-said"].map((id) => document.getElementById(id));
    const tries = [];
    begin.onclick = async () => {
      const pair = Math.floor(Math.random() * pairs.length);
      const side = Math.floor(Math.random() * 2);
      stop();
      await play(pair, side, Math.random() * pairs[pair].loops[side].seconds);
      document.querySelectorAll("article").forEach((article) => (article.dataset.playing = "no"));
      here.disabled = false;
      said.textContent = "Listen for a turn or two.";
    };
    here.onclick = () => {
      const at = position();
      if (at === null) return;
      const off = Math.min(at, 1 - at);
      tries.push(off);
      const near = tries.filter((one) => one <= 0.1).length;
      said.textContent = `You were ${(off * playing.loop.seconds).toFixed(2)} s off. ${near} of ${tries.length} within a tenth of the loop.`;
    };
  }

  build();
  seamTest();
  document.getElementById("stop").onclick = stop;
  document.getElementById("volume").oninput = ({ target: slider }) => output && (output.gain.value = Number(slider.value));
  addEventListener("resize", () => document.querySelectorAll("article").forEach((article) => (article.dataset.drawn = "no")));
  window.listening = { play, stop, position, get output() { return output; } };
  turn();
})();
