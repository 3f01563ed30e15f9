// The device: its life from load to deletion, and its turns. Controls.js has what a hand does, Layers.js what of it
// is about layers, Menus.js what the menus show, Hearing.js how a lane is heard, Watching.js how it is read from the saved set, Asking.js what leaves, Answers.js what comes back.
const OLDEST_LIVE = [12, 2];
const TICK_MS = 40;
const SOURCES = ["dial", "learn", "saved", "velocity", "drawn"];
const LEARN_SOURCE = SOURCES.indexOf("learn");
const DRAWN_SOURCE = SOURCES.indexOf("drawn");
// What a curve may move: a target, or how much a control counts.
const Driven = Object.freeze({
  INTENSITY: 0, BRIGHTNESS: 1, INTENSITY_STRENGTH: 2, MELODY_STRENGTH: 3, RHYTHM_STRENGTH: 4,
});
const DRIVEN_LABELS = ["Intensity", "Brightness", "Intensity strength", "Melody strength", "Rhythm strength"];
const STRENGTH_OF = {
  [Driven.INTENSITY_STRENGTH]: "intensity", [Driven.MELODY_STRENGTH]: "melody", [Driven.RHYTHM_STRENGTH]: "rhythm",
};
// What may come while the set is being opened; a button that speaks then was not pressed.
const AT_LOAD = new Set(["loaded", "begin", "kept", "keptdrawing", "check", "rate", "enabled", "inks"]);
const AUDIO_OFF = "Live's audio is off. Switch it on: Options, Audio Engine On.";

class Device {
  constructor(host) {
    this.host = host;
    this.clock = new Clock(host);
    this.table = new Table(TABLE);
    this.live = new LiveSet(host);
    this.face = new Face(host.face);
    this.store = new Store(host.keep);
    this.clips = new Clips(this.live);
    this.lanes = new Lanes(this.live);
    this.scan = new Scan(this.live, this.lanes, this.clock);
    this.learner = new Learner();
    this.takes = new Takes();
    this.lander = new Lander(this.live, this.clock);
    this.listening = new Listening((...message) => this.face.out("player", ...message), this.clock, (words) => this.sayError(words));
    this.redraw = new Redraw(this.clock, () => this.make("redraw"));
    this.values = { ...CONTROL_DEFAULTS };
    this.learned = null; // { points (shares or dB), beats, name }
    this.used = null; // the curve of the last request
    this.watched = UNWATCHED; // our lane as the saved set has it
    this.pending = new Map(); // request id -> what was asked
    this.count = 0;
    this.lastPress = 0;
    this.picked = {}; // ids of tracks and clips, of use only while the set is open
    this.tracks = [];
    this.unsaid = new Set(); // takes whose mark the bridge may not know yet
    this.sampleRate = 0;
  }

  receive(name, args) {
    if (name.startsWith("/")) {
      if (this.link) this.link.receive(name, args);
    } else if (name in CONTROL_DEFAULTS) this.control(name, Number(args[0]));
    else if (HANDLERS[name] && (this.link || AT_LOAD.has(name))) HANDLERS[name].call(this, args);
  }

  // live.thisdevice speaks at load, and again at each save: everything here may happen twice. The parameters have
  // their values by now; what the face and the set answer comes before `begin`, without any timer.
  loaded() {
    if (this.started) {
      if (!this.link) return;
      this.refreshMenus();
      this.watchSaved(); // a set that is saved under another name is another file
      return;
    }
    this.started = true;
    this.face.out("awake", "stop");
    this.version = this.live.version();
    if (!atLeast(this.version, OLDEST_LIVE)) {
      this.face.hint("Ditto Live needs Live 12.2 or newer.");
      const own = this.version.slice(0, 2).join(".");
      this.face.status("error", `This is Live ${own}, too old for Ditto Live. Update to 12.2 or newer.`);
      return;
    }
    this.oldSimpler = !atLeast(this.version, SIMPLER_VERSION);
    this.face.status("off", "Starting … If this stays, switch Live's audio on: Options, Audio Engine On.");
    this.face.ask();
    this.face.out("again", "begin");
  }

  begin() {
    if (this.link || !this.started) return;
    this.live.open();
    if (!this.store.state.instance) this.store.change({ instance: freshName(12) });
    this.link = new Link({
      table: this.table, clock: this.clock, instance: this.store.state.instance, nonce: freshName(16), heard: this,
      wire: { send: (port, path, args) => this.send(port, path, args), listen: (port) => this.host.port("port", port) },
    });
    this.outbox = new Outbox(this.link, this.clock);
    this.link.start();
    this.observe();
    this.redraw.arm(this.values.redraw === 1);
    this.takes.restore(this.store.state.takes);
    this.count = this.takes.highest;
    this.refreshMenus();
    this.showTakes();
    this.showCurve();
    this.turn = this.clock.loop(() => this.firstTick());
    this.clock.loop(() => {
      this.watchSaved();
      return SAVED_LANE_MS;
    });
  }

  // An observer only says that something has changed; the work happens in a turn of its own.
  observe() {
    const later = (property, work) => (...args) => {
      const [name, ...value] = args.flat();
      if (name === property) this.clock.after(0, () => work(value));
    };
    const watch = (path, property, work) => this.host.observe(path, property, later(property, work));
    this.observers = [
      watch("live_set", "tracks", () => this.refreshSoon()),
      watch("live_set", "scenes", () => this.refreshSoon()),
      watch("live_set", "is_playing", () => this.listening.refresh(this.live.playing)),
      watch("live_set view", "detail_clip", () => this.clipOpened()),
      watch("live_set view", "selected_track", (value) => this.trackSelected(Number(value[value.length - 1]))),
      watch("live_set view", "selected_parameter", (value) => this.lanes.select(Number(value[value.length - 1]))),
    ];
  }

  close() {
    this.scan.cancel(); // the playhead goes back
    this.lander.cancel();
    this.clock.stop();
  }

  send(port, path, args) {
    if (port !== this.sendingTo) this.host.udp("port", port);
    this.sendingTo = port;
    this.host.udp(path, ...args);
  }

  sayError(words) {
    this.face.status("error", words);
  }

  // ---- a turn

  firstTick() {
    if (!this.link.connected && !this.ticked) this.face.status("off", "Looking for the engine …");
    this.ticked = true;
    return this.tick();
  }

  // Turns are slow while nothing listens; from now on they are quick, at once.
  hurry() {
    if (!this.turn) return;
    this.turn.cancel();
    this.turn = this.clock.loop(() => this.tick());
  }

  tick() {
    this.outbox.tick();
    if (!this.learner.active && !this.redraw.armed) return 6 * TICK_MS;
    const { playing } = this.live;
    const beat = playing ? this.live.beat : null;
    if (playing) this.listen(beat);
    const pass = () => Math.floor((beat - (this.live.loopStart || 0)) / this.beats) + 1e6 * this.wraps(beat);
    this.redraw.tick(playing ? pass() : null);
    return TICK_MS;
  }

  // How often the playhead has jumped back: each is a new pass of the loop.
  wraps(beat) {
    if (beat < (this.lastBeat ?? beat)) this.wrapCount = (this.wrapCount || 0) + 1;
    this.lastBeat = beat;
    return this.wrapCount || 0;
  }
}
