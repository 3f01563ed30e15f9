// The device: controls in, requests out, takes into clips. Reads top down: life, controls, asking, answers.
const OLDEST_LIVE = [12, 2];
const TICK_MS = 40;
const SETTLE_MS = 120; // the set gives its values back before this
const SOURCES = ["dial", "learn", "saved", "velocity", "drawn"];

class Device {
  constructor(host) {
    this.host = host;
    this.clock = new Clock(host);
    this.table = new Table(TABLE);
    this.live = new LiveSet(host);
    this.face = new Face(host.face);
    this.store = new Store((pieces) => host.keep("assign", ...pieces));
    this.clips = new Clips(this.live);
    this.learner = new Learner();
    this.takes = new Takes();
    this.lander = new Lander(this.live, this.clock);
    this.redraw = new Redraw(this.clock, () => this.make("redraw"));
    this.values = { ...CONTROL_DEFAULTS };
    this.learned = null; // { points, beats }
    this.used = null; // the curve of the last request
    this.pending = new Map(); // request id -> what was asked
    this.lastTake = "";
    this.known = new Set(); // ids of all takes that came
    this.count = 0;
    this.lastPress = 0;
    this.midiClips = [];
    this.clipItems = [];
    this.picked = {}; // ids of tracks, of use only while the set is open
    this.tracks = [];
  }

  // ---- life

  receive(name, args) {
    if (name.startsWith("/")) {
      if (this.link) this.link.receive(name, args);
    } else if (name in CONTROL_DEFAULTS) this.control(name, Number(args[0]));
    else if (HANDLERS[name]) HANDLERS[name].call(this, args);
  }

  // live.thisdevice speaks at load, and again at each save: everything here may happen twice.
  loaded() {
    if (this.started) {
      this.refreshMenus();
      return;
    }
    this.started = true;
    const version = this.live.version();
    if (!atLeast(version, OLDEST_LIVE)) {
      this.face.hint(`Ditto Live needs Live 12.2 or newer; this is ${version.slice(0, 2).join(".")}.`);
      this.face.status("error", "This Live is too old for Ditto Live. Update to 12.2 or newer.");
      return;
    }
    this.oldSimpler = !atLeast(version, SIMPLER_VERSION);
    this.face.hint("");
    this.face.status("off", "Looking for the engine …");
    this.face.ask();
    this.clock.after(SETTLE_MS, () => this.begin());
  }

  begin() {
    if (!this.store.state.instance) this.store.change({ instance: freshName(12) });
    this.link = new Link({
      table: this.table, clock: this.clock, instance: this.store.state.instance, nonce: freshName(16), heard: this,
      wire: { send: (port, path, args) => this.send(port, path, args), listen: (port) => this.host.port("port", port) },
    });
    this.outbox = new Outbox(this.link, this.clock);
    this.link.start();
    this.observers = [
      this.host.observe("live_set", "tracks", () => this.refreshSoon()),
      this.host.observe("live_set view", "detail_clip", () => this.refreshSoon()),
    ];
    this.refreshMenus();
    this.showTakes();
    this.showCurve();
    this.turn = this.clock.loop(() => this.tick());
  }

  close() {
    this.clock.stop();
  }

  send(port, path, args) {
    if (port !== this.sendingTo) this.host.udp("port", port);
    this.sendingTo = port;
    this.host.udp(path, ...args);
  }

  // An observer only says that something has changed; the work happens in a turn of its own.
  refreshSoon() {
    if (this.refreshing) this.refreshing.cancel();
    this.refreshing = this.clock.after(200, () => this.refreshMenus());
  }

  // ---- controls

  control(name, raw) {
    const value = name === "intensity" ? raw : Math.round(raw);
    const before = this.values[name];
    this.values[name] = value;
    if (before === value) return;
    if (name === "intensity") this.intensityMoved();
    if (name === "learn") this.armLearning(value === 1);
    if (name === "redraw") this.armRedraw(value === 1);
    if (name === "source" || name === "bars") this.showCurve();
    if (name.endsWith("strength") || name === "variation") this.redraw.edited();
  }

  // Automation that plays is no edit; a hand on the dial is.
  intensityMoved() {
    if (this.source !== "dial") return;
    this.showCurve();
    if (!this.live.playing || !this.live.automated("Intensity")) this.redraw.edited();
  }

  get source() {
    return SOURCES[this.values.source] || "dial";
  }

  get barBeats() {
    const [numerator, denominator] = this.live.signature;
    return (numerator * 4) / denominator;
  }

  get beats() {
    return this.values.bars * this.barBeats;
  }

  // Where the loop region starts in the set: the brace, or the bar that plays now.
  get regionStart() {
    const brace = this.live.loopStart;
    if (brace !== null) return brace;
    return this.live.playing ? Math.floor(this.live.beat / this.barBeats) * this.barBeats : 0;
  }

  armLearning(on) {
    if (!on) {
      this.learner.stop();
      return;
    }
    if (this.source !== "learn") this.sayError("Choose Learn as the source first, then arm it again.");
    else {
      this.learner.begin(this.regionStart, this.beats);
      this.hurry();
      this.face.status("ready", `Play bars ${this.barName(this.regionStart)} once: the Intensity lane is learned as it plays.`);
    }
  }

  armRedraw(on) {
    this.redraw.arm(on);
    if (on && this.turn) this.hurry();
  }

  barName(start) {
    const first = Math.floor(start / this.barBeats) + 1;
    return `${first} to ${first + this.values.bars - 1}`;
  }

  drawnByHand(values) {
    this.store.change({ drawn: values.map((value) => Math.round(value * 100) / 100) });
    this.showCurve();
    this.redraw.edited();
  }

  clearLane() {
    if (this.source === "learn") this.learned = null;
    if (this.source === "drawn") this.store.change({ drawn: [] });
    this.showCurve();
  }

  // ---- what is shown

  refreshMenus() {
    this.tracks = this.live.trackIds.map((id) => ({ id, name: LiveSet.text(this.live.object(id), "name") }));
    const { state } = this.store;
    this.trackMenu("target", "This track");
    this.trackMenu("level", "As rendered");
    this.face.menu("place", ["Next slot", "Arrangement", "Simpler"], state.place, this.oldSimpler ? [2] : []);
    this.face.menu("history", ["History", ...state.history], 0);
    this.clock.run(this.clips.list((found) => {
      this.midiClips = found;
      this.clipItems = ["Off", CLIP_IN_VIEW, ...found.map(({ label }) => label)];
      for (const name of ["melody", "rhythm"])
        this.face.menu(name, this.clipItems, this.clipItems.indexOf(state[name]));
    }));
  }

  // A track that was picked and is gone stays in the menu, so that nothing lands elsewhere unasked.
  trackMenu(menu, first) {
    const names = this.tracks.map(({ name }) => name);
    const picked = this.store.state[menu];
    const gone = picked && !names.includes(picked) ? [`${picked} (gone)`] : [];
    const index = gone.length ? names.length : names.indexOf(picked);
    this.face.menu(menu, [first, ...names, ...gone], 1 + index);
  }

  pickTrack(menu, index) {
    const track = this.tracks[index - 1];
    if (index > 0 && !track) return; // the one that is gone
    this.picked[menu] = track ? track.id : 0;
    this.store.change({ [menu]: track ? track.name : "" });
  }

  pickClip(control, index) {
    this.store.change({ [control]: index > 0 ? this.clipItems[index] : "" });
    this.redraw.edited();
  }

  showTakes() {
    this.face.menu("take", this.takes.labels, this.takes.chosen);
    const take = this.takes.current;
    if (take) this.face.display("scores", ...Object.entries(take.scores).flat());
  }

  showCurve() {
    const points = this.localCurve();
    this.face.display("source", this.source, this.values.bars, this.barBeats);
    if (points) this.face.display("curve", ...Curve.grid(points, this.beats));
    else this.face.display("curve");
  }

  sayError(words) {
    this.face.status("error", words);
  }

  // ---- a turn

  // Turns are slow while nothing listens; from now on they are quick, at once.
  hurry() {
    this.turn.cancel();
    this.turn = this.clock.loop(() => this.tick());
  }

  tick() {
    this.outbox.tick();
    if (!this.learner.active && !this.redraw.armed) return 6 * TICK_MS;
    const playing = this.live.playing;
    const beat = playing ? this.live.beat : null;
    if (playing) this.listen(beat);
    this.redraw.tick(playing ? Math.floor((beat - (this.live.loopStart || 0)) / this.beats) + 1e6 * this.wraps(beat) : null);
    return TICK_MS;
  }

  // How often the playhead has jumped back: each is a new pass of the loop.
  wraps(beat) {
    if (beat < (this.lastBeat ?? beat)) this.wrapCount = (this.wrapCount || 0) + 1;
    this.lastBeat = beat;
    return this.wrapCount || 0;
  }

  listen(beat) {
    const following = this.redraw.armed && this.source === "learn";
    if (following && !this.learner.active) this.learner.begin(this.regionStart, this.beats);
    if (!this.learner.active) return;
    const curve = this.learner.hear(beat, this.values.intensity);
    this.face.display("learning", this.learner.coverage);
    if (curve) this.learnedPass(curve, following);
  }

  learnedPass(points, following) {
    const first = this.learned === null;
    this.learned = { points, beats: this.beats };
    this.showCurve();
    if (following) this.redraw.learned(points, first ? null : this.used, this.beats);
    else {
      this.learner.stop();
      this.values.learn = 0;
      this.face.set("learn", 0);
      this.face.status("ready", `Learned ${this.values.bars} bars. Press Generate.`);
    }
  }
}

// What the face says, beside the controls that simply have a value.
const HANDLERS = {
  loaded() {
    this.loaded();
  },
  kept(pieces) {
    if (this.store.restore(pieces)) {
      this.face.set("prompt", this.store.state.prompt);
      if (this.link) this.refreshMenus();
    }
  },
  prompt(words) {
    this.store.change({ prompt: words.join(" ") });
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
  place([index]) {
    this.store.change({ place: index });
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
  },
  keep() {
    this.keepTake();
  },
  drop() {
    this.dropTake();
  },
};
