// Undo for anything that has `value`: a stack of earlier values, none of them shared with the present one.

const MOST = 100;

export class History {
  #past = [];
  #future = [];

  /** Notes the value before a change. */
  note(value) {
    this.#past.push(structuredClone(value));
    if (this.#past.length > MOST) this.#past.shift();
    this.#future = [];
  }

  /** Returns the value before the last change, or undefined. */
  undo(now) {
    if (!this.#past.length) return undefined;
    this.#future.push(structuredClone(now));
    return this.#past.pop();
  }

  redo(now) {
    if (!this.#future.length) return undefined;
    this.#past.push(structuredClone(now));
    return this.#future.pop();
  }
}

/** Returns "undo", "redo" or "" for a key press. */
export function undoKey(event) {
  if (!(event.ctrlKey || event.metaKey)) return "";
  if (event.key.toLowerCase() === "z") return event.shiftKey ? "redo" : "undo";
  return event.key.toLowerCase() === "y" ? "redo" : "";
}
