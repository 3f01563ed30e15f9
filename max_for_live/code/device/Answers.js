// What comes back from the bridge, and what becomes of it: words on the face, takes, clips.
const NO_ENGINE = "No engine. Run ‘ditto-live install-service’.";
const NO_ENGINE_HELP = `${NO_ENGINE} Once in a terminal; from then on it starts by itself. If it runs already: let the `
  + "firewall (on a Mac, Local Network in Privacy & Security) allow Live, and see ‘ditto-live doctor’.";
const STEM_TRIES = 3; // how often stems that have not come are asked for again
const LONG_SEARCH_MS = 20_000;

// What the bridge calls a stage, as a producer reads it.
function inWords(phase, take, steps) {
  if (phase === "decode") return steps > 1 ? `Turning take ${take + 1} of ${steps} into sound` : "Turning it into sound";
  const words = { optimise: "Searching", guide: "Guiding" }[phase];
  return words ? (take > 0 ? `${words} for take ${take + 1}` : words) : "Getting ready";
}

const ENDINGS = new Set(["/ditto/done", "/ditto/cancelled", "/ditto/superseded", "/ditto/error"]);

// What the bridge says about one request; `asked` is what we know of it.
const ANSWERS = {
  "/ditto/missing"({ request_id: id, part, control, rest }) {
    this.outbox.send(id, part, control, rest.flat());
  },
  "/ditto/accepted"({ rest, queue_position: before }, asked) {
    if (asked.made.length) return; // said again, because something was lost: its takes are landing already
    const notes = rest.flat().join(" ");
    if (this.clock.stalled) this.sayError(AUDIO_OFF);
    else this.face.status("working", before ? `Waiting: ${before} before it. ${notes}` : notes || "Accepted.");
  },
  "/ditto/progress"(message, asked) {
    if (message.take >= asked.made.length) this.progressed(message);
  },
  "/ditto/preview"({ path }, asked) {
    const beats = this.beats;
    this.listening.offer({ path, beats, seconds: (beats * 60) / this.live.tempo, start: asked.start }, this.live.playing);
  },
  "/ditto/take"(message, asked) {
    this.took(message, asked);
  },
  "/ditto/done"({ request_id: id, takes }) {
    this.ended(id, takes, "");
  },
  "/ditto/cancelled"({ request_id: id, takes }) {
    this.ended(id, takes, "");
  },
  "/ditto/superseded"({ request_id: id }) {
    this.ended(id, 0, "");
  },
  "/ditto/error"({ request_id: id, sentence, remedy }) {
    this.ended(id, 0, this.outbox.isStopping(id) ? "" : `${sentence} ${remedy}`); // it may be over, or unknown, already
  },
};

const Answers = {
  found(restarted) {
    this.helped = false;
    this.tellFavourites();
    this.watchSaved();
    if (restarted || this.outbox.open.size) this.outbox.resendAll();
  },

  // The bridge that was told is still there: what may have been lost on the way is said once more.
  greeted() {
    this.tellFavourites();
    this.unsaid.clear();
  },

  lost() {
    this.engine = null;
    this.face.status("off", this.pending.size ? `${NO_ENGINE} What was asked is asked again when it is back.` : NO_ENGINE);
  },

  // Nobody has answered for a while.
  alone(ms) {
    if (ms < LONG_SEARCH_MS || this.helped || this.pending.size) return;
    this.helped = true; // once: other words may follow
    this.face.status("off", NO_ENGINE_HELP);
  },

  foreign(version) {
    this.sayError(`The engine is version ${version}, and this device is for another one. Run ‘ditto-live install-device’, `
      + "then put the new device on the track.");
  },

  message(message) {
    const { address: path, request_id: id } = message;
    if (path === "/ditto/state") this.engineState(message);
    else if (path === "/ditto/lane/curve") this.laneChunk(message);
    else if (path === "/ditto/stem") this.stem(message);
    else if (path === "/ditto/error" && !id) this.sayError(`${message.sentence} ${message.remedy}`);
    else if (this.outbox.hear(id)) ANSWERS[path]?.call(this, message, this.pending.get(id));
    else if (path === "/ditto/take") this.late(message);
    else if (ENDINGS.has(path)) this.outbox.acknowledge(id); // heard before, and the thanks were lost
  },

  // A take that was asked for before the set was opened again: it is offered, and lands when the producer says so.
  late(message) {
    if (this.takes.knows(message.take_id)) return;
    this.gatherStrays(this.offer(message, this.store.state.prompt));
    this.face.status("ready", "A loop that you asked for earlier is here. Press Land to put it into a clip.");
  },

  // The state comes again with every hello; only a new one may replace the words that are on the face.
  engineState(message) {
    const before = this.engine;
    this.engine = message;
    const same = before && ["state", "fraction", "sentence"].every((name) => before[name] === message[name]);
    if (!same && !this.pending.size) this.showState();
  },

  showState() {
    const { state = "no_engine", fraction = -1, sentence = "" } = this.engine || {};
    const words = { no_engine: NO_ENGINE, ready: "Ready. Press Generate.", stopping: "The engine is stopping." };
    const loading = fraction >= 0 ? `Loading ${Math.round(fraction * 100)} %` : "Loading …";
    const kind = { no_engine: "off", loading: "loading", working: "working", stopping: "off" }[state] || "ready";
    this.face.status(kind, state === "loading" ? loading : words[state] || sentence || "Working for another device …");
  },

  progressed({ phase, take, step, steps, seconds_left: left, rest }) {
    this.face.status("working", inWords(phase, take, steps));
    this.face.display("progress", step, steps, left, ...rest.flat());
  },

  took(message, asked) {
    if (!this.outbox.take(message.request_id, message.take_id)) return;
    const parent = this.takes.byId(this.store.state.lastTake);
    const take = this.offer(message, asked.prompt);
    if (asked.stems) take.awaits = { redraw: asked.redraw, spot: asked.spot };
    asked.made.push(take);
    this.gatherStrays(take);
    if (asked.stems) return;
    asked.first ??= take;
    const first = asked.redraw ? parent : asked.first;
    this.land(take, { redraw: asked.redraw, parent, first, spot: asked.spot });
  },

  ended(id, takes, words) {
    if (!this.outbox.end(id, this.wantsStems(this.pending.get(id)) ? takes + 1 : takes)) return; // asked for again
    this.pending.delete(id);
    this.face.display("idle");
    if (words) this.sayError(words);
    else if (!this.lander.busy) this.showState();
  },

  // Nobody says how many stems there are, and a datagram may be lost: all are asked for once more, and more often where
  // a take has none.
  wantsStems(asked) {
    if (!asked?.stems || !asked.made.length) return false;
    asked.tries += 1;
    return asked.tries <= (asked.made.some((take) => !take.stems.length) ? STEM_TRIES : 1);
  },

  rollSeed() {
    const seed = Math.floor(Math.random() * 100000);
    this.values.seed = seed;
    this.face.set("seed", seed);
  },
};

Object.assign(Device.prototype, Answers);
