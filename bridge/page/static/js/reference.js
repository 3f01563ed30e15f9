// <ditto-reference>: a dropped sound as a wave over the loop's beats; the beats to keep are chosen on it.
//
// Drag over beats to keep them, drag over kept ones to let them go. Emits `commit` when the choice changes.

import { colour, fitted, grid, onFrame, watchSize } from "./canvas.js";
import { History, undoKey } from "./history.js";

export class Reference extends HTMLElement {
  beats = 16;
  beatsPerBar = 4;
  sound = null; // { outline, seconds, name }
  tempo = 120;
  canKeep = false;
  #kept = new Set(); // whole beats
  #cursor = 0;
  #anchor = null; // where a drag began, and whether it keeps
  #history = new History();
  #draw = onFrame(() => this.#paint());

  connectedCallback() {
    this.innerHTML = `
      <canvas tabindex="0" role="application" aria-label="The reference over the loop's beats. Left and right choose a beat, enter keeps it or lets it go, shift with left and right keeps several."></canvas>
      <div class="tools">
        <button type="button" class="undo">Undo</button>
        <button type="button" class="clear">Keep nothing</button>
        <span class="where" role="status"></span>
      </div>`;
    this.canvas = this.querySelector("canvas");
    this.querySelector(".undo").onclick = () => this.back("undo");
    this.querySelector(".clear").onclick = () => this.#set(new Set());
    this.canvas.onpointerdown = (event) => this.#down(event);
    this.canvas.onpointermove = (event) => this.#moved(event);
    this.canvas.onpointerup = () => this.#up();
    this.canvas.onpointercancel = () => this.#up();
    this.canvas.onkeydown = (event) => this.#key(event);
    this.canvas.onfocus = this.canvas.onblur = this.#draw;
    watchSize(this.canvas, this.#draw);
    addEventListener("ditto-theme", this.#draw);
    this.#say();
  }

  /** The ranges of beats to keep, as a request has them: "0:4,8:12". */
  get value() {
    const ranges = [];
    for (const beat of [...this.#kept].filter((one) => one < this.beats).sort((one, other) => one - other)) {
      if (ranges.length && ranges[ranges.length - 1][1] === beat) ranges[ranges.length - 1][1] = beat + 1;
      else ranges.push([beat, beat + 1]);
    }
    return ranges.map(([from, to]) => `${from}:${Math.min(to, this.beats)}`).join(",");
  }

  set value(text) {
    const kept = new Set();
    for (const [, from, to] of text.matchAll(/([\d.]+)\s*:\s*([\d.]+)/g))
      for (let beat = Math.floor(Number(from)); beat < Math.min(Number(to), 256); beat++) kept.add(beat);
    this.#kept = kept;
    this.#draw();
    this.#say();
  }

  show(sound) {
    this.sound = sound;
    this.#draw();
    this.#say();
  }

  /** Sets the loop that the sound lies under. */
  setLoop(beats, beatsPerBar, tempo, canKeep) {
    Object.assign(this, { beats, beatsPerBar, tempo, canKeep });
    this.querySelectorAll("button").forEach((button) => (button.disabled = !canKeep));
    this.#draw();
    this.#say();
  }

  back(way) {
    const kept = this.#history[way](this.#kept);
    if (kept !== undefined) this.#change(kept);
  }

  #set(kept) {
    this.#history.note(this.#kept);
    this.#change(kept);
  }

  #change(kept) {
    this.#kept = kept;
    this.#draw();
    this.#say();
    this.dispatchEvent(new CustomEvent("commit", { bubbles: true }));
  }

  #say() {
    const ranges = [...this.value.matchAll(/(\d+):([\d.]+)/g)].map(([, from, to]) => `${Number(from) + 1} to ${to}`);
    const where = !this.canKeep ? "" : ranges.length ? `Kept: beats ${ranges.join(", ")}` : "Drag over the beats to keep.";
    this.querySelector(".where").textContent = where;
  }

  #beat(event) {
    const box = this.canvas.getBoundingClientRect();
    return Math.min(Math.max(Math.floor(((event.clientX - box.left) / box.width) * this.beats), 0), Math.ceil(this.beats) - 1);
  }

  #down(event) {
    if (!this.canKeep) return;
    this.canvas.setPointerCapture(event.pointerId);
    const beat = this.#beat(event);
    this.#history.note(this.#kept);
    this.#anchor = { beat, keep: !this.#kept.has(beat), before: new Set(this.#kept) };
    this.#moved(event);
  }

  #moved(event) {
    if (!this.#anchor) return;
    const { beat, keep, before } = this.#anchor;
    const to = this.#beat(event);
    this.#kept = new Set(before);
    for (let one = Math.min(beat, to); one <= Math.max(beat, to); one++) keep ? this.#kept.add(one) : this.#kept.delete(one);
    this.#cursor = to;
    this.#draw();
    this.#say();
  }

  #up() {
    if (!this.#anchor) return;
    this.#anchor = null;
    this.#change(this.#kept);
  }

  #key(event) {
    const way = undoKey(event);
    const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (way) this.back(way);
    else if (across) {
      const before = this.#cursor;
      this.#cursor = Math.min(Math.max(before + across, 0), Math.ceil(this.beats) - 1);
      if (event.shiftKey && this.canKeep) this.#set(new Set([...this.#kept, before, this.#cursor]));
      this.querySelector(".where").textContent = `Beat ${this.#cursor + 1}${this.#kept.has(this.#cursor) ? ", kept" : ""}`;
      this.#draw();
    } else if ((event.key === "Enter" || event.key === " ") && this.canKeep) {
      const kept = new Set(this.#kept);
      if (!kept.delete(this.#cursor)) kept.add(this.#cursor);
      this.#set(kept);
    } else return;
    event.preventDefault();
  }

  #paint() {
    const { context, width, height } = fitted(this.canvas);
    if (!width) return;
    const x = (beat) => (beat / this.beats) * width;
    if (this.canKeep) {
      context.fillStyle = colour("asked");
      context.globalAlpha = 0.22;
      this.#kept.forEach((beat) => context.fillRect(x(beat), 0, x(1), height));
      context.globalAlpha = 1;
    }
    grid(context, width, height, this.beats, this.beatsPerBar);
    this.#wave(context, x, height);
    if (document.activeElement === this.canvas && this.canKeep) {
      context.strokeStyle = colour("ink");
      context.lineWidth = 2;
      context.strokeRect(x(this.#cursor) + 1, 1, x(1) - 2, height - 2);
    }
  }

  #wave(context, x, height) {
    if (!this.sound) return;
    const { outline, seconds } = this.sound;
    const loudest = Math.max(0.02, ...outline);
    const beats = (seconds * this.tempo) / 60;
    const wide = x(beats) / outline.length;
    outline.forEach((peak, i) => {
      const beat = (i / outline.length) * beats;
      if (beat >= this.beats) return;
      const tall = Math.max((peak / loudest) * (height - 12), 1);
      context.fillStyle = colour(!this.canKeep || this.#kept.has(Math.floor(beat)) ? "heard" : "edge");
      context.fillRect(x(beat), (height - tall) / 2, Math.max(wide - 0.5, 0.75), tall);
    });
  }
}

customElements.define("ditto-reference", Reference);
