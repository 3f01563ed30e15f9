// <ditto-roll>: a piano roll. Click draws a note, dragging sets its length, a click on a note removes it.
//
// `notes` are [pitch, start, duration, velocity] in beats. Emits `commit` when they change.

import { colour, fitted, grid, onFrame, watchSize } from "./canvas.js";
import { History, undoKey } from "./history.js";

const ROW_PX = 13;
const LOWEST = 36; // C2
const HIGHEST = 96; // C7
const NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const BLACK = new Set([1, 3, 6, 8, 10]);
const VELOCITY = 100;
const MIDDLE_C = 60;

export class Roll extends HTMLElement {
  notes = [];
  beats = 16;
  beatsPerBar = 4;
  cursor = { pitch: MIDDLE_C, beat: 0 };
  #history = new History();
  #drag = null;
  #draw = onFrame(() => this.#paint());

  connectedCallback() {
    this.innerHTML = `
      <div class="scroll"><canvas tabindex="0" role="application" aria-label="Piano roll. Arrows move the cursor, enter adds or removes a note, plus and minus change its length."></canvas></div>
      <div class="tools">
        <label>Grid <select class="snap"><option value="1">1/4</option><option value="0.5" selected>1/8</option><option value="0.25">1/16</option></select></label>
        <button type="button" class="undo">Undo</button>
        <button type="button" class="clear">Clear</button>
        <button type="button" class="hear">Hear it</button>
        <span class="where" role="status">Click to draw notes.</span>
      </div>`;
    this.canvas = this.querySelector("canvas");
    this.canvas.style.height = `${(HIGHEST - LOWEST + 1) * ROW_PX}px`;
    this.querySelector(".undo").onclick = () => this.#back("undo");
    this.querySelector(".clear").onclick = () => this.replace([]);
    this.querySelector(".hear").onclick = () => this.dispatchEvent(new CustomEvent("hear", { bubbles: true }));
    this.canvas.onpointerdown = (event) => this.#down(event);
    this.canvas.onpointermove = (event) => this.#moved(event);
    this.canvas.onpointerup = () => this.#up();
    this.canvas.onkeydown = (event) => this.#key(event);
    watchSize(this.canvas, this.#draw);
    addEventListener("ditto-theme", this.#draw);
    this.#scrollTo(MIDDLE_C + 12);
    this.closest("details")?.addEventListener("toggle", () => this.#scrollTo(MIDDLE_C + 12));
  }

  get groups() {
    return this.notes.filter(([, start]) => start < this.beats).map((note) => [...note]);
  }

  get isUsed() {
    return this.notes.length > 0;
  }

  setLength(beats, beatsPerBar) {
    Object.assign(this, { beats, beatsPerBar });
    this.#draw();
  }

  /** Replaces all notes; those outside the roll's range are moved by octaves. */
  replace(notes) {
    this.#history.note(this.notes);
    this.notes = notes.map(([pitch, start, duration, velocity]) => [this.#folded(pitch), start, duration, velocity]);
    if (notes.length) this.#scrollTo(this.notes.reduce((sum, note) => sum + note[0], 0) / notes.length + 10);
    this.#changed();
  }

  #folded(pitch) {
    while (pitch < LOWEST) pitch += 12;
    while (pitch > HIGHEST) pitch -= 12;
    return pitch;
  }

  #scrollTo(pitch) {
    this.querySelector(".scroll").scrollTop = Math.max(0, (HIGHEST - pitch) * ROW_PX);
  }

  get #step() {
    return Number(this.querySelector(".snap").value);
  }

  #changed() {
    this.#draw();
    const count = this.notes.length;
    this.querySelector(".where").textContent = count ? `${count} note${count > 1 ? "s" : ""}` : "Click to draw notes.";
    this.dispatchEvent(new CustomEvent("commit", { bubbles: true }));
  }

  #back(way) {
    const notes = this.#history[way](this.notes);
    if (notes === undefined) return;
    this.notes = notes;
    this.#changed();
  }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      beat: Math.min(Math.max((event.clientX - box.left) / box.width, 0), 0.9999) * this.beats,
      pitch: HIGHEST - Math.floor((event.clientY - box.top) / ROW_PX),
    };
  }

  #at(pitch, beat) {
    return this.notes.findIndex((note) => note[0] === pitch && beat >= note[1] && beat < note[1] + note[2]);
  }

  #down(event) {
    const { beat, pitch } = this.#place(event);
    this.#history.note(this.notes);
    const there = this.#at(pitch, beat);
    if (there >= 0) {
      this.notes.splice(there, 1);
      this.#changed();
      return;
    }
    this.canvas.setPointerCapture(event.pointerId);
    const start = Math.floor(beat / this.#step) * this.#step;
    this.#drag = [pitch, start, this.#step, VELOCITY];
    this.notes.push(this.#drag);
    this.#draw();
  }

  #moved(event) {
    if (!this.#drag) return;
    const { beat } = this.#place(event);
    this.#drag[2] = Math.max(Math.ceil((beat - this.#drag[1]) / this.#step), 1) * this.#step;
    this.#draw();
  }

  #up() {
    if (!this.#drag) return;
    this.#drag = null;
    this.#changed();
  }

  #key(event) {
    const way = undoKey(event);
    const { cursor } = this;
    const there = this.#at(cursor.pitch, cursor.beat);
    const moves = { ArrowLeft: [-this.#step, 0], ArrowRight: [this.#step, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (way) this.#back(way);
    else if (moves[event.key]) {
      cursor.beat = Math.min(Math.max(cursor.beat + moves[event.key][0], 0), this.beats - this.#step);
      cursor.pitch = Math.min(Math.max(cursor.pitch + moves[event.key][1], LOWEST), HIGHEST);
      this.querySelector(".where").textContent = `${NAMES[cursor.pitch % 12]}${Math.floor(cursor.pitch / 12) - 2}, beat ${cursor.beat + 1}`;
      this.#draw();
    } else if (event.key === "Enter" || event.key === " ") {
      this.#history.note(this.notes);
      if (there >= 0) this.notes.splice(there, 1);
      else this.notes.push([cursor.pitch, cursor.beat, this.#step, VELOCITY]);
      this.#changed();
    } else if ((event.key === "+" || event.key === "-") && there >= 0) {
      this.#history.note(this.notes);
      this.notes[there][2] = Math.max(this.notes[there][2] + (event.key === "+" ? this.#step : -this.#step), this.#step);
      this.#changed();
    } else return;
    event.preventDefault();
  }

  #paint() {
    const { context, width, height } = fitted(this.canvas);
    if (!width) return;
    const y = (pitch) => (HIGHEST - pitch) * ROW_PX;
    context.fillStyle = colour("raised");
    for (let pitch = LOWEST; pitch <= HIGHEST; pitch++) if (BLACK.has(pitch % 12)) context.fillRect(0, y(pitch), width, ROW_PX);
    grid(context, width, height, this.beats, this.beatsPerBar);
    context.font = "10px system-ui, sans-serif";
    context.fillStyle = colour("muted");
    for (let pitch = LOWEST; pitch <= HIGHEST; pitch += 12) context.fillText(`C${pitch / 12 - 2}`, 4, y(pitch) + 10);
    context.fillStyle = colour("asked");
    this.notes.forEach(([pitch, start, duration, velocity]) => {
      context.globalAlpha = 0.45 + (0.55 * velocity) / 127;
      context.beginPath();
      context.roundRect((start / this.beats) * width + 0.5, y(pitch) + 1, Math.max((duration / this.beats) * width - 1, 2), ROW_PX - 2, 3);
      context.fill();
    });
    context.globalAlpha = 1;
    if (document.activeElement === this.canvas) {
      context.strokeStyle = colour("heard");
      context.strokeRect((this.cursor.beat / this.beats) * width, y(this.cursor.pitch), (this.#step / this.beats) * width, ROW_PX);
    }
  }
}

customElements.define("ditto-roll", Roll);
