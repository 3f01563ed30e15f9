// <ditto-drums>: a drum grid in sixteenths; each step is a button. Emits `commit` when a hit is added or removed.

import { History, undoKey } from "./history.js";

const ROWS = [["kick", "Kick"], ["snare", "Snare"], ["hat", "Hat"], ["perc", "Percussion"]];
const STEP_BEATS = 0.25;
const STRENGTH = 1; // of a hit that is set by hand

export class Drums extends HTMLElement {
  hits = new Map(); // "kick:1.25" to a strength
  beats = 16;
  beatsPerBar = 4;
  #history = new History();

  connectedCallback() {
    this.innerHTML = `<div class="grid"><table><tbody></tbody></table></div>
      <div class="tools"><button type="button" class="undo">Undo</button><button type="button" class="clear">Clear</button>
      <button type="button" class="bar">Repeat the first bar</button>
      <span>Arrows move, space hits.</span></div>`;
    this.querySelector(".undo").onclick = () => this.back("undo");
    this.querySelector(".clear").onclick = () => this.#set(new Map());
    this.querySelector(".bar").onclick = () => this.#repeat();
    this.addEventListener("click", (event) => this.#toggle(event.target));
    this.addEventListener("keydown", (event) => this.#key(event));
    this.#build();
  }

  get groups() {
    return [...this.hits]
      .map(([name, strength]) => [Number(name.split(":")[1]), strength, name.split(":")[0]])
      .filter(([beat]) => beat < this.beats)
      .sort((one, other) => one[0] - other[0]);
  }

  get isUsed() {
    return this.hits.size > 0;
  }

  setLength(beats, beatsPerBar) {
    if (beats === this.beats && beatsPerBar === this.beatsPerBar) return;
    Object.assign(this, { beats, beatsPerBar });
    this.#build();
  }

  /** Replaces all hits by [beat, strength, group]. */
  replace(onsets) {
    const known = new Set(ROWS.map(([group]) => group));
    this.#set(
      new Map(
        onsets.map(([beat, strength, group]) => [
          `${known.has(group) ? group : "perc"}:${Math.round(beat / STEP_BEATS) * STEP_BEATS}`,
          strength,
        ]),
      ),
    );
  }

  back(way) {
    const hits = this.#history[way](this.hits);
    if (hits !== undefined) this.#change(hits);
  }

  #set(hits) {
    this.#history.note(this.hits);
    this.#change(hits);
  }

  #change(hits) {
    this.hits = hits;
    this.#show();
    this.dispatchEvent(new CustomEvent("commit", { bubbles: true }));
  }

  #build() {
    const steps = Math.round(this.beats / STEP_BEATS);
    const body = this.querySelector("tbody");
    if (!body) return;
    body.replaceChildren(
      ...ROWS.map(([group, label]) => {
        const row = document.createElement("tr");
        const head = document.createElement("th");
        head.scope = "row";
        head.textContent = label;
        row.append(head);
        for (let step = 0; step < steps; step++) {
          const beat = step * STEP_BEATS;
          const cell = row.insertCell();
          cell.className = Number.isInteger(beat) ? "beat" : "";
          const button = document.createElement("button");
          button.type = "button";
          button.dataset.hit = `${group}:${beat}`;
          button.tabIndex = step || group !== "kick" ? -1 : 0;
          button.setAttribute("aria-label", `${label}, beat ${beat + 1}`);
          cell.append(button);
        }
        return row;
      }),
    );
    this.#show();
  }

  #show() {
    this.querySelectorAll("[data-hit]").forEach((button) => button.setAttribute("aria-pressed", this.hits.has(button.dataset.hit)));
  }

  #toggle(button) {
    const hit = button.dataset?.hit;
    if (!hit) return;
    const hits = new Map(this.hits);
    if (!hits.delete(hit)) hits.set(hit, STRENGTH);
    this.#set(hits);
  }

  #repeat() {
    const first = this.groups.filter(([beat]) => beat < this.beatsPerBar);
    const hits = new Map();
    for (let bar = 0; bar < this.beats; bar += this.beatsPerBar)
      first.forEach(([beat, strength, group]) => hits.set(`${group}:${beat + bar}`, strength));
    this.#set(hits);
  }

  #key(event) {
    const way = undoKey(event);
    if (way) {
      event.preventDefault();
      this.back(way);
      return;
    }
    const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const down = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const cell = event.target.closest?.("td");
    if (!cell || !(across || down)) return;
    const rows = [...this.querySelectorAll("tr")];
    const row = rows[rows.indexOf(cell.parentElement) + (down ?? 0)] ?? cell.parentElement;
    const next = row.cells[cell.cellIndex + (across ?? 0)]?.querySelector("button");
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    event.preventDefault();
  }
}

customElements.define("ditto-drums", Drums);
