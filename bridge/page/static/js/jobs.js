// The requests in progress: one row for each, kept while it lasts, so that its button can hold the focus.

import { element } from "./element.js";
import { drawLosses } from "./picture.js";

export class Jobs {
  #list;
  #status;
  #stop;
  #rows = new Map();

  /** `stop` is called with the id of a request that is no longer wanted. */
  constructor({ list, status }, stop) {
    this.#list = list;
    this.#status = status;
    this.#stop = stop;
  }

  clear() {
    [...this.#rows.keys()].forEach((id) => this.end(id));
  }

  /** Shows a request, new or known. */
  show({ id, prompt, notes = [], progress = {}, losses }) {
    const row = this.#rows.get(id) ?? this.#add(id, prompt);
    row.notes.replaceChildren(...notes.map((note) => element("span", { class: "muted" }, note)));
    if (losses?.length) Object.assign(row, { take: progress.take ?? 0, losses: [...losses] });
    this.#tell(row, progress);
  }

  progress({ id, losses, ...progress }) {
    const row = this.#rows.get(id);
    if (!row) return;
    if (progress.phase !== "decode" && progress.take !== row.take) Object.assign(row, { take: progress.take, losses: [] }); // a search of its own
    if (progress.phase !== "decode") row.losses.push(losses);
    this.#tell(row, progress);
  }

  end(id) {
    this.#rows.get(id)?.box.remove();
    if (this.#rows.delete(id) && !this.#rows.size) this.#status.textContent = "";
  }

  #add(id, prompt) {
    const [canvas, left, legend, notes] = [element("canvas", { hidden: "" }), element("span", { class: "muted" }), element("p", { class: "legend" }), element("div", { class: "notes" })];
    const bar = element("progress", { max: 1, "aria-label": `How far ${prompt || "the loop"} is` });
    const stop = element("button", { type: "button", onclick: () => this.#stop(id), "aria-label": `Stop here: ${prompt || "no words"}` }, "Stop here");
    const box = element("div", { class: "job" }, element("strong", {}, prompt || "no words"), stop, bar, canvas, legend, left, notes);
    const row = { box, bar, canvas, left, legend, notes, take: 0, losses: [] };
    this.#rows.set(id, row);
    this.#list.append(box);
    this.#status.textContent = `Making ${prompt || "a loop"}.`;
    return row;
  }

  #tell(row, { step = 0, steps = 0, seconds_left: left = 0, phase = "", take = 0 }) {
    if (steps) {
      row.bar.max = steps;
      row.bar.value = step;
    }
    const time = left > 0 ? `, about ${left < 10 ? left.toFixed(1) : Math.round(left)} s left` : "";
    const decoding = `Turning ${steps > 1 ? `take ${take + 1} of ${steps}` : "it"} into sound${time} …`;
    const which = take > 0 ? ` for take ${take + 1}` : "";
    const searching = `${phase === "guide" ? "Guiding" : "Searching"}${which}: step ${step} of ${steps}${time}`;
    row.left.textContent = phase === "decode" ? decoding : steps ? searching : "Getting ready …";
    if (!row.losses.length) return;
    const last = row.losses[row.losses.length - 1];
    row.canvas.hidden = false;
    row.canvas.setAttribute("role", "img");
    row.canvas.setAttribute("aria-label", `Losses: ${Object.entries(last).map(([name, loss]) => `${name} ${loss.toPrecision(2)}`).join(", ")}`);
    row.legend.replaceChildren(
      ...Object.entries(last).map(([name, loss], i) => element("span", { class: i % 2 ? "asked" : "heard-line" }, `${name} ${loss.toPrecision(2)}`)),
    );
    requestAnimationFrame(() => drawLosses(row.canvas, row.losses));
  }
}
