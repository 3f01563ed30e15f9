// What the face shows. All goes out of one outlet and is routed by its first word in the patcher.
class Face {
  constructor(out) {
    this.out = out;
    this.menus = {};
    this.actives = {};
  }

  menu(name, items, index, disabled = []) {
    const key = JSON.stringify([items, disabled]);
    if (this.menus[name] !== key) {
      this.out(name, "clear");
      items.forEach((item) => this.out(name, "append", item));
      disabled.forEach((item) => this.out(name, "enableitem", item, 0));
      this.menus[name] = key;
    }
    this.out(name, "set", Math.max(0, index));
  }

  set(name, value) {
    this.out(name, "set", value);
  }

  // Greys a control that does nothing, or not.
  active(key, on) {
    if (this.actives[key] === on) return;
    this.actives[key] = on;
    this.out(key, "active", on ? 1 : 0);
  }

  // Asks every control for its value; they answer as if they had been moved.
  ask() {
    this.out("askkept", "bang");
    this.out("ask", "outputvalue");
  }

  hint(words) {
    this.out("hint", "set", words);
  }

  display(...message) {
    this.out("display", ...message);
  }

  // kind: off, loading, ready, working, error.
  status(kind, words) {
    this.display("status", kind, words);
  }
}
