// What is kept in the set beside the parameters: the device's id, the prompt and its history, the picks and the last
// takes, as pieces of text; and the drawing, as numbers. Both values are stored-only, and written only when something
// has changed. `assign` makes no undo step, but is documented for one number only: what does not come back after it is
// sent again as it is.
const STORE_TAG = "ditto1";
const HISTORY = 12;
const DRAWING_TAG = 1;
const KEPT_TAKES = 8;
const OF_THE_DEVICE = new Set(["instance", "takes", "lastTake", "history"]);

class Store {
  // `write(slot, ...message)` sends to one of the two values: "state" or "drawing".
  constructor(write) {
    this.write = write;
    this.state = {
      instance: "", prompt: "", history: [], melody: NOTHING_PICKED, rhythm: NOTHING_PICKED, audio: NOTHING_PICKED,
      chords: NOTHING_PICKED, layers: 0, use: 0, target: "", level: "", place: Place.SCENE, drives: 0, takes: [], lastTake: "",
    };
    this.drawn = [];
    this.last = { state: "", drawing: "" };
    this.plain = { state: false, drawing: false }; // whether `assign` was found not to keep
    this.pending = { state: null, drawing: null };
    this.puts = 0;
    this.numbers = { state: 0, drawing: 0 }; // of the last put
  }

  // Takes what the set gave back; returns false when there is nothing new of ours in it. While something of ours is on
  // its way there, what comes is older, or cut short. In a device that `runs` it is a preset, or an undo: settings
  // change, but not which device this is and what it has made.
  restore(message, runs) {
    const pieces = message.map(String);
    this.came("state", pieces);
    const text = pieces.join(" ");
    if (pieces[0] !== STORE_TAG || text === this.last.state || this.pending.state) return false;
    try {
      const state = Pieces.read(pieces.slice(1));
      Object.keys(this.state).filter((name) => !runs || !OF_THE_DEVICE.has(name)).forEach((name) => {
        if (typeof state[name] === typeof this.state[name]) this.state[name] = state[name];
      });
      if (!PLACES.includes(this.state.place)) this.state.place = Place.SCENE;
      this.last.state = text;
      if (runs && !this.plain.state) this.change({}); // what is ours belongs into the set, too; without an undo step
      return true;
    } catch {
      return false; // written by a later version, or cut short
    }
  }

  restoreDrawing(numbers) {
    this.came("drawing", numbers);
    const [tag, ...values] = numbers.map(Number);
    const text = values.join(" ");
    if (tag !== DRAWING_TAG || text === this.last.drawing || this.pending.drawing) return false;
    this.last.drawing = text;
    this.drawn = values;
    return true;
  }

  change(values) {
    Object.assign(this.state, values);
    const pieces = [STORE_TAG, ...Pieces.of(this.state)];
    const text = pieces.join(" ");
    if (text === this.last.state) return;
    this.last.state = text;
    this.put("state", pieces);
  }

  draw(values) {
    this.drawn = values.map((value) => Math.round(value * 100) / 100);
    const text = this.drawn.join(" ");
    if (text === this.last.drawing) return;
    this.last.drawing = text;
    this.put("drawing", [DRAWING_TAG, ...this.drawn]);
  }

  put(slot, message) {
    if (this.plain[slot]) {
      this.write(slot, ...message);
      return;
    }
    this.pending[slot] = message;
    this.numbers[slot] = this.puts + 1;
    this.write(slot, "assign", ...message);
    this.write(slot, "bang"); // it answers with what it has kept, at once
    this.puts += 1;
    this.write("check", slot, this.puts);
  }

  // What one of the values holds now.
  came(slot, message) {
    const wanted = this.pending[slot];
    if (wanted && Store.same(message, wanted)) this.pending[slot] = null;
  }

  // All answers to put number `number` are here; what has not come back is sent without `assign`.
  check(slot, number) {
    const message = this.pending[slot];
    if (!message || number !== this.numbers[slot]) return;
    this.pending[slot] = null;
    this.plain[slot] = true;
    this.write(slot, ...message);
  }

  static same(message, wanted) {
    return message.length === wanted.length && message.every((value, i) =>
      (typeof wanted[i] === "number" ? Math.abs(Number(value) - wanted[i]) < 1e-4 : String(value) === wanted[i]));
  }

  remember(prompt) {
    const history = [prompt, ...this.state.history.filter((other) => other !== prompt)].slice(0, HISTORY);
    this.change({ prompt, history });
  }
}
