// What leaves the device: a request is gathered whole, and what is missing is said before anything is sent.
const DOUBLE_PRESS_MS = 300;
const QUALITIES = ["draft", "normal", "best"];
const CLIP_IN_VIEW = "Clip in Detail View";

const NO_CURVE = {
  learn: "No lane is learned for this length yet. Arm Learn pass and play the region once.",
  drawn: "Nothing is drawn yet. Draw a curve in the display.",
};

const Asking = {
  press() {
    const now = this.clock.now();
    if (now - this.lastPress < DOUBLE_PRESS_MS) return;
    this.lastPress = now;
    this.face.status("working", "Asking the engine …");
    this.make("generate");
  },

  // Gathers everything and sends it; what is missing is said before anything leaves.
  make(kind) {
    try {
      const request = this.gather(kind);
      this.outbox.submit(request);
      if (!this.link.connected) this.face.status("off", NO_ENGINE);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.sayError(error.message);
    }
  },

  gather(kind) {
    if (!this.link) throw new Refused("The device is still loading. Try again in a moment.");
    const redraw = kind === "redraw" && this.lastTake !== "";
    const prompt = this.store.state.prompt.trim();
    if (!prompt) throw new Refused("Type a prompt first: what should the loop sound like?");
    const id = freshName(14);
    const settings = this.settings(redraw);
    const melody = this.notesOf("melody");
    const rhythm = this.notesOf("rhythm");
    const intensity = this.intensity(settings);
    const request = new LoopRequest(id, settings);
    if (intensity) request.curve("intensity", "db", intensity);
    if (settings.intensity_source === "velocities") request.notes("intensity", this.clipNotes("melody"));
    if (melody) request.notes("melody", melody);
    if (rhythm) request.notes("rhythm", rhythm);
    this.used = intensity;
    this.store.remember(prompt);
    this.pending.set(id, { prompt, redraw, numbers: [] });
    this.current = id;
    return request;
  },

  settings(redraw) {
    const values = this.values;
    const [numerator, denominator] = this.live.signature;
    const settings = {
      prompt: this.store.state.prompt.trim(), tempo_bpm: String(Number(this.live.tempo.toFixed(6))),
      time_signature: `${numerator}/${denominator}`, bars: values.bars, seed: values.seed,
      count: redraw ? 1 : values.takes, quality: QUALITIES[values.quality], slot: `device-${this.link.base}`,
      priority: values.takes > 1 && !redraw ? "batch" : "interactive",
    };
    const key = this.keySetting();
    if (key) settings.key = key;
    if (redraw) Object.assign(settings, { from_take: this.lastTake, variation: values.variation / 100 });
    for (const control of ["intensity", "melody", "rhythm"])
      if (this.uses(control) && values[`${control}_strength`] !== 100)
        settings[`${control}.weight`] = values[`${control}_strength`] / 100;
    return settings;
  },

  // 0 follows the set's scale, 1 is free, then C major, C minor, C# major ...
  keySetting() {
    const choice = this.values.key;
    if (choice === 1) return "";
    if (choice === 0) {
      const { key } = this.live;
      if (key === null) this.face.hint("The set's scale is not one that the engine knows; the key is left free.");
      return key || "";
    }
    return `${NOTE_NAMES[Math.floor((choice - 2) / 2)]} ${choice % 2 ? "minor" : "major"}`;
  },

  uses(control) {
    return this.values[`${control}_strength`] > 0
      && (control === "intensity" || (this.store.state[control] !== ""));
  },

  // The notes of the clip that is picked, or null when it is off or left out.
  notesOf(control) {
    return this.uses(control) ? this.clipNotes(control) : null;
  },

  clipNotes(control) {
    const label = this.store.state[control];
    const picked = this.midiClips.find((clip) => clip.label === label);
    const clip = label === CLIP_IN_VIEW ? this.clips.selected() : picked && this.live.object(picked.id);
    if (!clip) throw new Refused(`The ${control} clip ‘${label}’ is not there. Pick a MIDI clip, or Off.`);
    const notes = this.clips.notes(clip, this.beats);
    if (!notes.length) throw new Refused(`The ${control} clip ‘${label}’ has no notes inside its loop.`);
    return notes;
  },

  // The intensity as breakpoints, or null when the bridge reads it or there is none; settings say which.
  intensity(settings) {
    if (!this.uses("intensity")) {
      settings.intensity_source = "none";
      return null;
    }
    if (this.source === "saved") {
      Object.assign(settings, this.savedLane());
      return null;
    }
    if (this.source === "velocity") {
      if (!this.store.state.melody) throw new Refused("Velocities come from the melody clip. Pick one under Melody.");
      settings.intensity_source = "velocities";
      return null;
    }
    const points = this.localCurve();
    if (!points) throw new Refused(NO_CURVE[this.source]);
    return points;
  },

  // The curve that the device itself holds, or null.
  localCurve() {
    const { drawn } = this.store.state;
    if (this.source === "dial") return Curve.constant(this.values.intensity, this.beats);
    if (this.source === "drawn" && drawn.length) return Curve.fromDrawing(drawn, this.beats);
    if (this.source === "learn" && this.learned && this.learned.beats === this.beats) return this.learned.points;
    return null;
  },

  savedLane() {
    const file = this.live.file;
    if (!file) throw new Refused("The set is not saved yet. Save it, then the lane can be read from it.");
    const start = this.live.loopStart ?? 0;
    return {
      intensity_source: "lane", lane_beats: `${start}:${start + this.beats}`,
      lane: `${file}#${this.live.laneName("Intensity")}`,
    };
  },

  stop() {
    for (const id of this.pending.keys()) this.outbox.cancel(id);
    this.face.status("working", this.pending.size ? "Stopping … the best take so far is kept." : "Nothing to stop.");
    if (!this.pending.size) this.showState();
  },
};

Object.assign(Device.prototype, Asking);
