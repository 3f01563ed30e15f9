"use strict";
// A classic script, so that the page works from a file: plays loops without a gap, changes sides at the bar, draws.
(() => {
  const pairs = JSON.parse(document.getElementById("data").textContent);
  const LEAD_SECONDS = 0.05;
  const RATE_HZ = 48000; // Opus has no other: loop points are whole samples
  const FADE = 960; // samples, 20 ms
  let context = null;
  let output = null;
  let playing = null; // { pair, side, sources, gains, origin, loop }
  const buffers = new Map();
  const silent = new Set(); // "pair/layer" that is switched off
  const FADE_SECONDS = 0.004; // of a layer that is switched: no click

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  async function wake() {
    context ??= new AudioContext({ sampleRate: RATE_HZ });
    if (!output) {
      output = new GainNode(context, { gain: Number(document.getElementById("volume").value) });
      output.connect(context.destination);
    }
    if (context.state === "suspended") await context.resume();
  }

  function bufferOf(loop) {
    return decoded(loop.sound, loop);
  }

  async function decoded(sound, loop) {
    if (!buffers.has(sound)) {
      const bytes = Uint8Array.from(atob(sound), (letter) => letter.charCodeAt(0));
      buffers.set(sound, closed(await context.decodeAudioData(bytes.buffer), loop));
    }
    return buffers.get(sound);
  }

  /** Returns what sounds of a loop: its layers, each with its name, or the loop itself. */
  async function partsOf(loop, isSecret) {
    const stems = isSecret ? [] : Object.entries(loop.stems ?? {});
    if (!stems.length) return [["", await bufferOf(loop)]];
    return Promise.all(stems.map(async ([layer, sound]) => [layer, await decoded(sound, loop)]));
  }

  /** Fades a loop's end into what lies before its start, which is the same sound: the codec errs in two ways there. */
  function closed(buffer, { pad, frames }) {
    for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
      const samples = buffer.getChannelData(channel);
      for (let n = 1; n <= FADE; n++) {
        const share = n / FADE;
        const end = pad + frames - FADE + n - 1;
        samples[end] = samples[end] * (1 - share) + samples[pad - FADE + n - 1] * share;
      }
    }
    return buffer;
  }

  /** Plays a loop from `at` samples on; another side of the same pair comes in at the next bar. */
  async function play(pair, side, at = 0, isSecret = false) {
    await wake();
    const loop = pairs[pair].loops[side];
    const parts = await partsOf(loop, isSecret);
    const [loopStart, loopEnd] = [loop.pad / RATE_HZ, (loop.pad + loop.frames) / RATE_HZ];
    const gains = new Map();
    const sources = parts.map(([layer, buffer]) => {
      const source = new AudioBufferSourceNode(context, { buffer, loop: true, loopStart, loopEnd });
      const gain = new GainNode(context, { gain: silent.has(`${pair}/${layer}`) ? 0 : 1 });
      source.connect(gain).connect(output);
      gains.set(layer, gain);
      return source;
    });
    const soon = Math.round((context.currentTime + LEAD_SECONDS) * RATE_HZ);
    const next = playing && playing.pair === pair ? nextBar(soon) : { when: soon, offset: Math.round(at) };
    sources.forEach((source) => source.start(next.when / RATE_HZ, (loop.pad + next.offset) / RATE_HZ));
    playing?.sources.forEach((source) => source.stop(next.when / RATE_HZ));
    playing = { pair, side, sources, gains, loop, isSecret, origin: next.when - next.offset };
    show();
  }

  /** Returns when the next bar begins, and where in the loop it lies, both in samples. */
  function nextBar(soon) {
    const { origin, loop } = playing;
    const bar = loop.frames / loop.bars;
    const when = Math.round(origin + Math.ceil((soon - origin) / bar) * bar);
    return { when, offset: (when - origin) % loop.frames };
  }

  function stop() {
    playing?.sources.forEach((source) => source.stop());
    playing = null;
    show();
  }

  /** Returns 0..1 of the loop that plays, null where none does. */
  function position() {
    if (!playing) return null;
    const { frames } = playing.loop;
    const passed = (context.currentTime * RATE_HZ - playing.origin) % frames;
    return ((passed + frames) % frames) / frames;
  }

  function isShown(pair, side = playing?.side) {
    return Boolean(playing) && !playing.isSecret && playing.pair === pair && playing.side === side;
  }

  function show() {
    document.getElementById("stop").disabled = !playing;
    document.querySelectorAll("article").forEach((article, pair) => {
      article.dataset.playing = isShown(pair) ? "yes" : "no";
      article.querySelectorAll(".side button").forEach((button, side) => {
        button.setAttribute("aria-pressed", isShown(pair, side));
        button.firstChild.textContent = isShown(pair, side) ? "■ " : "▶ ";
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
        const button = made("button", "");
        button.append("▶ ", pair.labels[side]);
        button.type = "button";
        button.onclick = () => (isShown(index, side) ? stop() : play(index, side));
        const canvas = document.createElement("canvas");
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `${pair.title}, ${pair.labels[side]}: wave, asked and heard`);
        box.append(button, canvas);
        sides.append(box);
      });
      article.append(sides, layers(pair, index));
      main.append(article);
    });
  }

  /** Buttons for the layers of a pair, where one of its sides has some. */
  function layers(pair, index) {
    const names = [...new Set(pair.loops.flatMap(({ stems = {} }) => Object.keys(stems)))];
    const box = made("div", names.length ? "Layers: " : "", "layers");
    names.forEach((layer) => {
      const button = made("button", layer);
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      button.onclick = () => {
        const name = `${index}/${layer}`;
        if (!silent.delete(name)) silent.add(name);
        button.setAttribute("aria-pressed", !silent.has(name));
        if (playing?.pair === index) playing.gains.get(layer)?.gain.setTargetAtTime(silent.has(name) ? 0 : 1, context.currentTime, FADE_SECONDS);
      };
      box.append(button);
    });
    return box;
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
    pair.loops[1].controls.forEach((control) => target(pen, control, pair, loop, width, height));
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

  /** Draws what was asked for; under a level the one that this side has. */
  function target(pen, control, pair, loop, width, height) {
    pen.fillStyle = colour("asked");
    if (control.asked) {
      const all = [control.asked, ...pair.loops.map((one) => one.level_db)].flat().filter((value) => value > -59);
      const range = [Math.min(...all) - 2, Math.max(...all) + 2];
      line(pen, loop.level_db, range, width, height, colour("heard"), 2);
      line(pen, control.asked, range, width, height, colour("asked"), 2.5);
    }
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

  function line(pen, values, [low, high], width, height, stroke, thick) {
    pen.strokeStyle = stroke;
    pen.lineWidth = thick;
    pen.lineJoin = "round";
    pen.beginPath();
    values.forEach((value, i) => pen.lineTo((i / (values.length - 1)) * width, height - ((Math.max(value, low) - low) / (high - low)) * height));
    pen.stroke();
  }

  function turn() {
    document.querySelectorAll("article").forEach((article, index) => {
      const moving = isShown(index);
      if (!moving && article.dataset.drawn === "yes") return;
      article.querySelectorAll("canvas").forEach((canvas, side) => draw(canvas, pairs[index], side, isShown(index, side) ? position() : null));
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
      await play(pair, side, Math.random() * pairs[pair].loops[side].frames, true);
      here.disabled = false;
      said.textContent = "Listen for a turn or two.";
    };
    here.onclick = () => {
      const at = position();
      if (at === null || !playing.isSecret) {
        said.textContent = "Play a loop for the test first.";
        return;
      }
      const off = Math.min(at, 1 - at);
      tries.push(off);
      const near = tries.filter((one) => one <= 0.1).length;
      said.textContent = `You were ${((off * playing.loop.frames) / RATE_HZ).toFixed(2)} s off. ${near} of ${tries.length} within a tenth of the loop.`;
    };
  }

  build();
  seamTest();
  document.getElementById("stop").onclick = stop;
  document.getElementById("volume").oninput = ({ target: slider }) => output && (output.gain.value = Number(slider.value));
  const redraw = () => document.querySelectorAll("article").forEach((article) => (article.dataset.drawn = "no"));
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", redraw);
  addEventListener("resize", redraw);
  window.listening = { play, stop, position, pairs, bufferOf, get output() { return output; } };
  turn();
})();
