// <ditto-lane>: a curve over the loop's beats, drawn with the mouse, a finger or the keyboard.
//
// Heights are 0..1 of the lane's range; `data-scale="log"` makes the range run in octaves. Emits `edit` while the
// curve is changed and `commit` when the change is complete.

import { onFrame, watchSize } from "./canvas.js";
import { move, put, straight, until } from "./curve.js";
import { History, undoKey } from "./history.js";
import { PAD_PX, paintLane, WHOLE } from "./lane_paint.js";

const REACH_PX = 11; // how near the pointer must come to a point
const NUDGE = 1 / 84; // a key press: half a decibel of the intensity's range
const SNAPS = [["off", 0], ["1/4", 1], ["1/8", 0.5], ["1/16", 0.25]];

export class Lane extends HTMLElement {
  points = [];
  chosen = -1;
  beats = 16;
  beatsPerBar = 4;
  ghost = null; // heard line under the asked one: heights over the loop
  #history = new History();
  #drag = null;
  #strip = null; // drawn in the next frame: the points between which something has changed
  #frame = onFrame(() => this.#paint());
  #draw = () => this.#drawStrip(WHOLE);

  connectedCallback() {
    const { name, unit } = this.dataset;
    this.innerHTML = `
      <canvas tabindex="0" role="application"></canvas>
      <div class="tools">
        <label>Snap <select class="snap"></select></label>
        <button type="button" class="undo">Undo</button>
        <button type="button" class="clear">Clear</button>
        <span class="where" role="status"></span>
      </div>`;
    this.canvas = this.querySelector("canvas");
    this.canvas.setAttribute(
      "aria-label",
      `${name} curve in ${unit}. Enter adds a point, left and right choose one, up and down change it, ` +
        "shift with left and right moves it, brackets bend the line after it, delete removes it.",
    );
    const snap = this.querySelector(".snap");
    SNAPS.forEach(([text, beats]) => snap.add(new Option(text, beats, beats === 0.5, beats === 0.5)));
    this.querySelector(".undo").onclick = () => this.back("undo");
    this.querySelector(".clear").onclick = () => this.#change(() => (this.points = []));
    this.canvas.onpointerdown = (event) => this.#down(event);
    this.canvas.onpointermove = (event) => this.#moved(event);
    this.canvas.onpointerup = () => this.#up();
    this.canvas.onpointercancel = () => this.#up();
    this.canvas.ondblclick = (event) => this.#remove(this.#near(this.#place(event)));
    this.canvas.onkeydown = (event) => this.#key(event);
    watchSize(this.canvas, this.#draw);
    this.#say();
    addEventListener("ditto-theme", this.#draw);
  }

  /** The curve as straight pieces in the lane's unit, for a request. */
  get groups() {
    return straight(until(this.points, this.beats), (height) => this.valueOf(height)).map(([beat, value]) => [
      beat,
      Number(value.toFixed(3)),
    ]);
  }

  get isUsed() {
    return this.points.length > 0;
  }

  valueOf(height) {
    const [low, high] = this.range;
    return this.dataset.scale === "log" ? low * (high / low) ** height : low + (high - low) * height;
  }

  heightOf(value) {
    const [low, high] = this.range;
    const height = this.dataset.scale === "log" ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    return Math.min(Math.max(height, 0), 1);
  }

  /** Sets the loop's length; points beyond it stay for when it is longer again, and are not sent. */
  setLength(beats, beatsPerBar) {
    Object.assign(this, { beats, beatsPerBar });
    this.#draw();
  }

  /** Replaces the curve by points in the lane's unit. */
  replace(points) {
    this.#change(() => (this.points = points.map(([beat, value]) => [beat, this.heightOf(value), 0])));
  }

  /** Shows the heard line under the asked one. */
  showHeard(values) {
    this.ghost = values?.map((value) => this.heightOf(value)) ?? null;
    this.#draw();
  }

  get range() {
    return [Number(this.dataset.low), Number(this.dataset.high)];
  }

  get #snapBeats() {
    return Number(this.querySelector(".snap").value);
  }

  #change(act, { commit = true } = {}) {
    this.#history.note(this.points);
    act();
    this.chosen = Math.min(this.chosen, this.points.length - 1);
    this.#edited(commit);
  }

  #edited(commit, strip = WHOLE) {
    this.#drawStrip(strip);
    if (commit) this.#say();
    this.dispatchEvent(new CustomEvent(commit ? "commit" : "edit", { bubbles: true }));
  }

  /** Draws before the next frame: a strip, unless more than that has changed since the last one. */
  #drawStrip(strip) {
    this.#strip = this.#strip === null || this.#strip === strip ? strip : WHOLE;
    this.#frame();
  }

  back(way) {
    const points = this.#history[way](this.points);
    if (points === undefined) return;
    this.points = points;
    this.chosen = -1;
    this.#edited(true);
  }

  #say() {
    const point = this.points[this.chosen];
    const { unit } = this.dataset;
    const number = (value) => (unit === "Hz" ? Math.round(value) : value.toFixed(1));
    this.querySelector(".where").textContent = point
      ? `Beat ${(point[0] + 1).toFixed(2)}: ${number(this.valueOf(point[1]))} ${unit}`
      : this.points.length
        ? `${this.points.length} points. Alt-drag bends a line, double-click removes a point.`
        : "Click to draw.";
  }

  /** While a point is dragged the box is as it was at the press: asking again lays the page out at each move. */
  #place(event) {
    const box = this.#drag?.box ?? this.canvas.getBoundingClientRect();
    const x = Math.min(Math.max(event.clientX - box.left, 0), box.width);
    const y = Math.min(Math.max(event.clientY - box.top - PAD_PX, 0), box.height - 2 * PAD_PX);
    return { beat: (x / box.width) * this.beats, height: 1 - y / (box.height - 2 * PAD_PX), box };
  }

  #snapped(beat, free) {
    const step = free ? 0 : this.#snapBeats;
    return Math.min(step ? Math.round(beat / step) * step : beat, this.beats);
  }

  #near({ beat, height, box }) {
    let best = -1;
    let least = REACH_PX ** 2;
    this.points.forEach(([at, value], i) => {
      const dx = ((at - beat) / this.beats) * box.width;
      const dy = (value - height) * (box.height - 2 * PAD_PX);
      const distance = dx * dx + dy * dy;
      if (distance < least) [best, least] = [i, distance];
    });
    return best;
  }

  #down(event) {
    this.canvas.focus();
    this.canvas.setPointerCapture(event.pointerId);
    const place = this.#place(event);
    if (event.altKey) {
      const index = this.points.filter((point) => point[0] <= place.beat).length - 1;
      if (index < 0 || index >= this.points.length - 1) return;
      this.#history.note(this.points);
      this.#drag = { bend: index, from: place.height, box: place.box, strip: { from: index, to: index + 1 } };
      return;
    }
    this.#history.note(this.points);
    let index = this.#near(place);
    if (index < 0) index = put(this.points, this.#snapped(place.beat, event.shiftKey), place.height);
    this.chosen = index;
    this.#drag = { index, box: place.box, strip: { from: index - 1, to: index + 1 } };
    this.#edited(false);
  }

  #moved(event) {
    if (!this.#drag) return;
    const place = this.#place(event);
    const { index, bend, from, strip } = this.#drag;
    if (bend !== undefined) {
      const rises = this.points[bend + 1][1] >= this.points[bend][1] ? 1 : -1;
      this.points[bend][2] = Math.min(Math.max((place.height - from) * 2 * rises, -1), 1);
    } else move(this.points, index, this.#snapped(place.beat, event.shiftKey), place.height);
    this.#edited(false, strip);
  }

  #up() {
    if (!this.#drag) return;
    this.#drag = null;
    this.#edited(true);
  }

  #remove(index) {
    if (index >= 0) this.#change(() => this.points.splice(index, 1));
  }

  #key(event) {
    const way = undoKey(event);
    if (way) this.back(way);
    else if (!this.#keyed(event)) return;
    event.preventDefault();
  }

  #keyed(event) {
    const step = this.#snapBeats || 0.125;
    const point = this.points[this.chosen];
    const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const up = { ArrowUp: 1, ArrowDown: -1, PageUp: 6, PageDown: -6 }[event.key];
    if (across && !event.shiftKey) {
      this.chosen = Math.min(Math.max(this.chosen + across, 0), this.points.length - 1);
      this.#draw();
      this.#say();
    } else if (across && point) this.#change(() => move(this.points, this.chosen, Math.min(point[0] + across * step, this.beats), point[1]));
    else if (up && point) this.#change(() => (point[1] = Math.min(Math.max(point[1] + up * NUDGE, 0), 1)));
    else if (event.key === "Enter") this.#add(point, step);
    else if ((event.key === "[" || event.key === "]") && point)
      this.#change(() => (point[2] = Math.min(Math.max(point[2] + (event.key === "]" ? 0.2 : -0.2), -1), 1)));
    else if (event.key === "Delete" || event.key === "Backspace") this.#remove(this.chosen);
    else return false;
    return true;
  }

  #add(point, step) {
    const next = this.points[this.chosen + 1];
    const beat = !point ? 0 : next ? (point[0] + next[0]) / 2 : Math.min(point[0] + Math.max(step, 1), this.beats);
    const height = !point ? 0.5 : next ? (point[1] + next[1]) / 2 : point[1];
    this.#change(() => (this.chosen = put(this.points, beat, height)));
    this.#say();
    this.#draw();
  }

  /** Draws all, or while one point moves only the strip between its neighbours: nothing else can have changed. */
  #paint() {
    const strip = this.#strip ?? WHOLE;
    this.#strip = null;
    if (paintLane(this.canvas, this, strip) && this.#drag) this.#say();
  }
}

customElements.define("ditto-lane", Lane);
