// What a hand does on the face.
const Controls = {
  control(name, raw) {
    const value = name === "intensity" ? raw : Math.round(raw);
    const before = this.values[name];
    this.values[name] = value;
    if (!this.link || before === value) return; // before `begin` these are the set's values coming back
    CHANGED[name]?.call(this, value);
    if (name.endsWith("strength") || name === "variation") this.redraw.edited();
    this.showActive();
  },

  // Automation that plays is no edit; a hand on the dial is.
  intensityMoved() {
    if (this.source !== "dial") return;
    this.showCurve();
    if (this.redraw.armed && (!this.live.playing || !this.lanes.ownPlays)) this.redraw.edited();
  },

  chooseSource(index) {
    this.values.source = index;
    this.face.set("source", index);
    this.watchSaved();
    this.showCurve();
    this.showActive();
  },

  drawnByHand(values) {
    if (this.source !== "drawn") this.chooseSource(DRAWN_SOURCE); // a stroke in the display is the wish to draw
    this.store.draw(values);
    this.showCurve();
    this.redraw.edited();
  },

  clearLane() {
    if (this.source === "learn") this.learned = null;
    if (this.source === "drawn") this.store.draw([]);
    this.showCurve();
  },

  // Greyed is what does nothing with what is chosen.
  showActive() {
    const { melody, rhythm, audio, layers, lastTake } = this.store.state;
    const on = {
      intensity: this.source === "dial" || this.drives === Driven.INTENSITY_STRENGTH || (this.source === "learn" && !this.lanes.selected),
      melody_strength: melody.kind !== Picked.OFF,
      rhythm_strength: rhythm.kind !== Picked.OFF,
      drums: rhythm.kind !== Picked.OFF,
      clear: this.source === "learn" || this.source === "drawn",
      drives: this.source !== "velocity" && this.source !== "saved",
      use: audio.kind !== Picked.OFF,
      take: this.takes.list.length > 0,
      variation: lastTake !== "",
    };
    for (const layer of LAYERS) {
      on[`mute_${layer}`] = layers !== Chosen.MIX;
      on[`again_${layer}`] = lastTake !== "" && layers !== Chosen.MIX;
    }
    for (const [key, active] of Object.entries(on)) this.face.active(key, active);
  },

  prompted(words) {
    const text = (words[0] === "text" ? words.slice(1) : words).join(" ");
    this.store.change({ prompt: wellFormed(text) });
  },

  press() {
    const now = this.clock.now();
    if (now - this.lastPress < DOUBLE_PRESS_MS) return;
    this.lastPress = now;
    this.face.status("working", "Asking the engine …");
    const asked = this.make("generate");
    if (asked && this.clock.stalled) this.sayError(AUDIO_OFF);
  },
};

const CHANGED = {
  intensity() {
    this.intensityMoved();
  },
  learn(value) {
    this.armLearning(value === 1);
  },
  redraw(value) {
    this.redraw.arm(value === 1);
    if (value === 1) this.hurry();
  },
  listen(value) {
    this.listening.turn(value === 1, this.live.playing);
    if (value === 1 && this.takes.current) this.offerSound(this.takes.current);
  },
  source() {
    this.watchSaved();
    this.showCurve();
  },
  bars() {
    this.watchSaved();
    this.showCurve();
  },
};

// What the face and the patcher say, beside the controls that simply have a value.
const HANDLERS = {
  loaded() {
    this.loaded();
  },
  begin() {
    this.begin();
  },
  kept(pieces) {
    if (!this.store.restore(pieces, Boolean(this.link))) return;
    this.face.set("prompt", this.store.state.prompt);
    if (this.link) this.refreshMenus();
  },
  keptdrawing(numbers) {
    if (this.store.restoreDrawing(numbers) && this.link) this.showCurve();
  },
  check([slot, number]) {
    this.store.check(slot, Number(number));
  },
  rate([hertz]) {
    this.sampleRate = Math.round(Number(hertz)) || 0;
  },
  enabled([on]) {
    this.face.enable(Number(on) !== 0);
  },
  inks(values) {
    this.face.setInks(values.map(Number));
  },
  filled() {
    this.listening.filled();
  },
  prompt(words) {
    this.prompted(words);
  },
  history([index]) {
    const prompt = this.store.state.history[index - 1];
    if (!prompt) return;
    this.store.change({ prompt });
    this.face.set("prompt", prompt);
  },
  melody([index]) {
    this.pickClip("melody", index);
  },
  rhythm([index]) {
    this.pickClip("rhythm", index);
  },
  audio([index]) {
    this.pickClip("audio", index);
  },
  use([index]) {
    this.store.change({ use: index });
    this.redraw.edited();
  },
  chords([index]) {
    this.pickClip("chords", index);
  },
  layers([index]) {
    this.chooseLayers(index);
    this.redraw.edited();
  },
  drives([index]) {
    this.store.change({ drives: index });
    this.showCurve();
    this.showActive();
  },
  place([index]) {
    this.store.change({ place: PLACES[index] ?? Place.SCENE });
  },
  target([index]) {
    this.pickTrack("target", index);
  },
  level([index]) {
    this.pickTrack("level", index);
  },
  take([index]) {
    this.takes.choose(index);
    this.showTakes();
    if (this.takes.current) this.offerSound(this.takes.current);
  },
  drawn(values) {
    this.drawnByHand(values.map(Number));
  },
  clear() {
    this.clearLane();
  },
  roll() {
    this.rollSeed();
  },
  generate() {
    this.press();
  },
  stop() {
    this.stop();
  },
  land() {
    if (this.takes.current) this.land(this.takes.current);
    else this.sayError("There is no take to land yet. Press Generate first.");
  },
  keep() {
    this.keepTake();
  },
  drop() {
    this.dropTake();
  },
};

Object.assign(Device.prototype, Controls);
