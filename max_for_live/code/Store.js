// What is kept in the set beside the parameters: the device's id, the prompt and its history, the drawn curve
// and the picks. One stored-only value, written only when the producer has changed something.
const PIECE = 400; // characters of one symbol; Max's are limited
const STORE_TAG = "ditto1";
const HISTORY = 12;

class Store {
  constructor(write) {
    this.write = write;
    this.state = {
      instance: "", prompt: "", history: [], drawn: [], melody: "", rhythm: "", target: "", level: "", place: 0,
    };
    this.last = "";
  }

  // Takes what the set gave back; returns false when there is nothing of ours in it.
  restore(pieces) {
    const [tag, ...rest] = pieces.map(String);
    const text = rest.join("");
    if (tag !== STORE_TAG || text === this.last) return false;
    try {
      const state = JSON.parse(decodeURIComponent(text));
      Object.keys(this.state).forEach((name) => {
        if (typeof state[name] === typeof this.state[name]) this.state[name] = state[name];
      });
      this.last = text;
      return true;
    } catch {
      return false; // written by a later version, or cut short
    }
  }

  change(values) {
    Object.assign(this.state, values);
    const text = encodeURIComponent(JSON.stringify(this.state));
    if (text === this.last) return;
    this.last = text;
    this.write([STORE_TAG, ...(text.match(new RegExp(`.{1,${PIECE}}`, "g")) || [])]);
  }

  remember(prompt) {
    const history = [prompt, ...this.state.history.filter((other) => other !== prompt)].slice(0, HISTORY);
    this.change({ prompt, history });
  }
}
