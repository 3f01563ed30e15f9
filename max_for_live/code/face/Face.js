// What the face shows. All goes out of one outlet and is routed by its first word in the patcher.
const INKED = ["prompt", "history", "melody", "rhythm", "audio", "use", "drives", "layers", "chords", "level", "target",
  "place", "take"];

class Face {
  constructor(out) {
    this.out = out;
    this.menus = {};
    this.actives = {};
    this.inks = null; // { on, off } of the theme
    this.enabled = true;
    this.inked = new Set(); // menus that do not have the theme's own colour any more
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
    if (INKED.includes(key)) this.ink(key);
    else this.out(key, "active", on ? 1 : 0);
  }

  // The device is switched on or off; Live's own controls grey by themselves.
  enable(on) {
    this.enabled = on;
    this.display("enabled", on ? 1 : 0);
    this.inkAll();
  }

  // The theme's colours have changed.
  setInks(values) {
    this.inks = { on: values.slice(0, 4), off: values.slice(4, 8) };
    this.inkAll();
  }

  inkAll() {
    for (const key of INKED) this.ink(key);
  }

  // Menus and the prompt keep the theme's own colour until they have been greyed once.
  ink(key) {
    const off = !this.enabled || this.actives[key] === false;
    if (!this.inks || (!off && !this.inked.has(key))) return;
    this.inked.add(key);
    this.out(key, "textcolor", ...(off ? this.inks.off : this.inks.on));
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
