// What leaves the device: a request is gathered whole, and what is missing is said before anything is sent.
const DOUBLE_PRESS_MS = 300;
const QUALITIES = ["draft", "normal", "best"];
const KEPT_BARS = 2;

const DARKEST_HZ = 400; // of the spectral centroid that the brightness follows
const BRIGHTEST_HZ = 4000;

// What an audio clip is used for, as settings of a request. `file` is what of it sounds; `bars` are the loop's, `own`
// those of the file at the set's tempo.
const USES = [
  { label: "Sounds like", settings: ({ file }) => ({ timbre: file }) },
  { label: "Groove of", settings: ({ file }) => ({ rhythm: file }) },
  { label: "Form of", settings: ({ file }) => ({ structure: file }) },
  { label: "Continue it", settings: ({ file, label, bars, own }) => {
    if (own < bars) return { inpaint: file, outpaint: bars - own };
    throw new Refused(`‘${label}’ has ${own} bars: set Bars to more than that to continue it.`);
  } },
  { label: "Keep bars 1-2", settings: ({ file, bars, barBeats }) =>
    ({ inpaint: file, keep: `0:${Math.min(KEPT_BARS, bars / 2) * barBeats}` }) },
  { label: "Under this loop", settings: ({ file }) => ({ with: file }) },
];
const GROOVE = "rhythm"; // the setting that a MIDI clip under Rhythm fills, too

const Asking = {
  // Gathers everything and sends it; what is missing is said before anything leaves. Returns whether it was asked.
  make(kind) {
    try {
      const request = this.gather(kind);
      this.outbox.submit(request);
      if (!this.link.connected) this.face.status("off", NO_ENGINE);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.sayError(error.message);
      return false;
    }
  },

  gather(kind) {
    if (!this.link) throw new Refused("The device is still loading. Try again in a moment.");
    const redraw = kind === "redraw" && this.store.state.lastTake !== "";
    const prompt = this.store.state.prompt.trim();
    if (!prompt) throw new Refused("Type a prompt first: what should the loop sound like?");
    const id = freshName(14);
    const settings = this.settings(redraw);
    const curve = this.curve(settings);
    const melody = this.uses("melody") ? this.clipNotes("melody") : null;
    const rhythm = this.uses("rhythm") ? this.clipNotes("rhythm") : null;
    const chords = this.store.state.chords.kind !== Picked.OFF ? this.clipNotes("chords") : null;
    const material = this.material();
    Object.assign(settings, material, this.layerSettings(material));
    const request = new LoopRequest(id, settings);
    if (curve) this.addCurve(request, curve);
    if (settings.intensity_source === "velocities") request.notes("intensity", this.clipNotes("melody").notes);
    if (melody) request.notes("melody", melody.notes);
    if (chords) request.notes("chords", chords.notes);
    if (rhythm) request.onsets("rhythm", Notes.strokes(rhythm.notes, this.values.drums === 1 && rhythm.drums));
    this.used = this.localCurve();
    this.store.remember(prompt);
    this.asked(id, { redraw });
    return request;
  },

  // Notes what was asked, until it has ended.
  asked(id, { redraw, stems = false }) {
    const { prompt, place } = this.store.state;
    this.pending.set(id, {
      prompt: prompt.trim(), redraw, first: null, start: this.regionStart, spot: this.lander.spot,
      stems: stems || place === Place.STEMS, made: [], tries: 0,
    });
  },

  addCurve(request, curve) {
    if (this.drives === Driven.INTENSITY || this.drives === Driven.INTENSITY_STRENGTH) request.curve("intensity", "db", curve);
    else request.curve("brightness", "unit", curve.map(([beat, value]) => [beat, asShare(value)]));
  },

  settings(redraw) {
    const { values } = this;
    const [numerator, denominator] = this.live.signature;
    const settings = {
      prompt: this.store.state.prompt.trim(), tempo_bpm: String(Number(this.live.tempo.toFixed(6))),
      time_signature: `${numerator}/${denominator}`, bars: values.bars, seed: values.seed,
      count: redraw ? 1 : values.takes, quality: QUALITIES[values.quality], slot: `device-${this.link.base}`,
      priority: values.takes > 1 && !redraw ? "batch" : "interactive",
    };
    if (this.sampleRate) settings.sample_rate = this.sampleRate;
    if (this.drives === Driven.BRIGHTNESS && this.uses("intensity"))
      Object.assign(settings, { "brightness.low": DARKEST_HZ, "brightness.high": BRIGHTEST_HZ });
    const key = this.keySetting();
    if (key) settings.key = key;
    if (redraw) Object.assign(settings, { from_take: this.store.state.lastTake, variation: values.variation / 100 });
    for (const control of ["intensity", "melody", "rhythm"])
      if (this.uses(control) && values[`${control}_strength`] !== 100)
        settings[`${this.driven(control)}.weight`] = values[`${control}_strength`] / 100;
    return settings;
  },

  driven(control) {
    return control === "intensity" && this.drives === Driven.BRIGHTNESS ? "brightness" : control;
  },

  // 0 follows the set's scale, 1 is free, then C major, C minor, C# major ...
  keySetting() {
    const choice = this.values.key;
    if (choice === 1) return "";
    if (choice === 0) {
      const { key } = this.live;
      if (key === null) this.face.hint("Scale unknown: the key is left free.");
      return key || "";
    }
    return `${NOTE_NAMES[Math.floor((choice - 2) / 2)]} ${choice % 2 ? "minor" : "major"}`;
  },

  uses(control) {
    return this.values[`${control}_strength`] > 0
      && (control === "intensity" || this.store.state[control].kind !== Picked.OFF);
  },

  // The notes of the clip that is picked, and whether its track holds a Drum Rack.
  clipNotes(control) {
    const { clip, label } = this.pickedClip(control, true);
    const notes = Notes.loop(clip, this.beats);
    if (!notes.length) throw new Refused(`The ${control} clip ‘${label}’ has no notes inside its loop.`);
    const track = this.live.trackOf(clip);
    const devices = track ? this.live.devices(track) : [];
    return { notes, drums: devices.some((device) => LiveSet.flag(device, "can_have_drum_pads")) };
  },

  // The audio clip that is picked, as settings.
  material() {
    if (this.store.state.audio.kind === Picked.OFF) return {};
    const { clip, label } = this.pickedClip("audio", false);
    const file = LiveSet.text(clip, "file_path");
    if (!file) throw new Refused(`The audio clip ‘${label}’ has no file. Pick another, or Off.`);
    const seconds = LiveSet.number(clip, "sample_length") / LiveSet.number(clip, "sample_rate");
    const range = FileRange.of(clip, seconds);
    if (!range) throw new Refused(`Nothing of the file of ‘${label}’ lies between the clip's markers. Move them, or pick Off.`);
    const own = Math.max(1, Math.round(((range.end - range.start) * this.live.tempo) / 60 / this.barBeats));
    const use = USES[this.store.state.use] ?? USES[0];
    const settings = use.settings({ file: FileRange.named(file, range), label, own, bars: this.values.bars, barBeats: this.barBeats });
    if (GROOVE in settings && this.uses("rhythm"))
      throw new Refused("The groove comes from the audio clip, and Rhythm names another. Set one of the two to Off.");
    return settings;
  },

  stop() {
    this.scan.cancel();
    for (const id of [...this.pending.keys()]) if (!this.outbox.cancel(id)) this.pending.delete(id);
    if (this.pending.size) this.face.status("working", "Stopping … the best take so far is kept.");
    else this.showState();
  },
};

Object.assign(Device.prototype, Asking);
