// A bridge within the test: it keeps to the OSC table, and makes takes at once. Time is the test's.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const TABLE = JSON.parse(readFileSync(fileURLToPath(new URL("../../../max_for_live/addresses.json", import.meta.url)), "utf8"));
const ROWS = new Map(TABLE.addresses.map((row) => [row.path, row]));

export class FakeBridge {
  // `work` is how long a take is in the making; `takesOf(request)` may say how many come.
  constructor(live, { work = 100, silent = false } = {}) {
    Object.assign(this, { live, work, silent, requests: new Map(), done: [], favourites: [], watches: [], nonces: new Set(), count: 0, previews: false, made: new Map(), stemsLost: 0, state: "ready" });
    this.port = TABLE.osc_port;
  }

  take(patch, { path, args }, port) {
    const row = ROWS.get(path);
    if (!row || row.sender !== "device") throw new Error(`${path} is not a message of the device`);
    if (args.length < row.arguments.length) throw new Error(`${path} has ${args.length} arguments`);
    if (this.silent || port !== this.port) return;
    if (row.last && !this.nonces.has(args[args.length - 1])) throw new Error(`${path} does not end in the device's nonce`);
    if (row.last) args = args.slice(0, -1);
    this[path.slice("/ditto/".length).replace(/\//g, "_")]?.(patch, ...args);
  }

  say(patch, path, ...args) {
    const row = ROWS.get(path);
    if (!row || row.sender !== "bridge") throw new Error(`${path} is not a message of the bridge`);
    this.live.clock.after(1, () => patch.find("receive").hear(path, args));
  }

  hello(patch, protocol, _instance, nonce) {
    this.nonces.add(nonce);
    this.say(patch, "/ditto/welcome", protocol, nonce, "bridge", "test");
    this.say(patch, "/ditto/state", this.state, -1, "", "toy", 0);
  }

  loop_begin(_patch, id) {
    if (!this.requests.has(id)) this.requests.set(id, { id, settings: {}, chunks: {}, state: "open" });
  }

  loop_set(_patch, id, name, value) {
    const known = TABLE.settings.map((row) => row.name);
    if (!known.includes(name) && !/^\w+\.(weight|within|low|high|on)$/.test(name)) throw new Error(`there is no setting ${name}`);
    this.requests.get(id).settings[name] = decodeURIComponent(value);
  }

  loop_curve(_patch, id, control, unit, index, _chunks, ...rest) {
    this.chunk(id, "curve", control, index, rest, 2, unit);
  }

  loop_notes(_patch, id, control, index, _chunks, ...rest) {
    this.chunk(id, "notes", control, index, rest, 4);
  }

  loop_onsets(_patch, id, control, index, _chunks, ...rest) {
    this.chunk(id, "onsets", control, index, rest, 3);
  }

  chunk(id, part, control, index, rest, size, unit = "") {
    const rows = [];
    for (let i = 0; i < rest.length; i += size) rows.push(rest.slice(i, i + size));
    const known = (this.requests.get(id).chunks[`${part} ${control}`] ??= { unit, pieces: [] });
    known.pieces[index] = rows;
    known.rows = known.pieces.flat();
  }

  loop_commit(patch, id) {
    const request = this.requests.get(id);
    if (request?.state === "done") this.tell(patch, request); // said again, as often as it is asked
    if (!request || request.state !== "open") return;
    const parent = request.settings.from_take; // takes lie on disk: one of an earlier bridge is there, too
    if (parent && !/^take-\d+$/.test(parent)) return this.refuse(patch, id, `There is no take ${parent}.`);
    request.whole = { bars: "4", tempo_bpm: "120", time_signature: "4/4", ...this.made.get(parent), ...request.settings };
    const isMix = request.whole.layers === "mix";
    if (isMix && request.settings.again) return this.refuse(patch, id, "That take is one full mix.");
    if (isMix && request.settings.stems) return this.refuse(patch, id, "A full mix has no stems.");
    request.state = "accepted";
    this.say(patch, "/ditto/accepted", id, 0);
    this.live.clock.after(this.work, () => this.finish(patch, request));
  }

  finish(patch, request) {
    if (request.state !== "accepted") return;
    const count = Number(request.settings.count ?? 1);
    request.takes = [];
    for (let i = 0; i < count; i += 1) this.deliver(request, i);
    request.state = "done";
    this.done.push(request);
    this.tell(patch, request);
  }

  refuse(patch, id, sentence) {
    this.requests.get(id).state = "refused";
    this.say(patch, "/ditto/error", id, "bad_request", sentence, "Try another.");
  }

  // Takes, each with its stems, and the end; `stemsLost` datagrams of stems do not arrive, and `early` stems overtake.
  tell(patch, { id, whole, takes }) {
    for (const { take, stems } of takes) {
      if (!this.early) this.say(patch, "/ditto/take", ...take);
      for (const stem of stems) {
        if (this.stemsLost > 0) this.stemsLost -= 1;
        else this.say(patch, "/ditto/stem", ...stem);
      }
      if (this.early) this.say(patch, "/ditto/take", ...take);
    }
    this.say(patch, "/ditto/done", id, takes.length, 0, "t", "/t.wav", Number(whole.bars), whole.tempo_bpm);
  }

  deliver(request, index) {
    const { id, whole: settings } = request;
    this.count += 1;
    const name = `take-${this.count}`;
    this.made.set(name, settings);
    const rate = Number(settings.sample_rate ?? 44100);
    const [numerator, denominator] = settings.time_signature.split("/").map(Number);
    const beats = (Number(settings.bars) * numerator * 4) / denominator;
    const samples = Math.round(((beats * 60) / Number(settings.tempo_bpm)) * rate);
    const path = `/takes/take-${this.count}.wav`;
    const facts = { rate, samples, seconds: samples / rate, beats };
    this.live.files.set(path, facts);
    const layers = settings.layers && settings.layers !== "mix" ? settings.layers.split(",") : ["drums", "bass", "chords"];
    const stems = request.settings.stems === "1"
      ? layers.map((layer) => [name, layer, `/takes/${name}-${layer}.wav`]) : [];
    for (const [, , file] of stems) this.live.files.set(file, facts);
    const take = [id, index, name, path, Number(settings.bars), settings.tempo_bpm, settings.time_signature, samples, rate,
      encodeURIComponent(this.notes ?? ""), "intensity_rho", 0.9];
    request.takes.push({ take, stems });
  }

  preview(patch, path) {
    const [id] = [...this.requests.keys()].slice(-1);
    this.live.files.set(path, { rate: 44100, samples: 44100, seconds: 1 });
    this.say(patch, "/ditto/preview", id, 0, 1, path);
  }

  loop_cancel(patch, id) {
    const request = this.requests.get(id);
    if (!request) this.say(patch, "/ditto/error", id, "bad_message", `There is no request ${id} to cancel.`, "It may have ended already.");
    else if (request.state === "done") this.tell(patch, request);
    else {
      request.state = "cancelled";
      this.say(patch, "/ditto/cancelled", id, 0);
    }
  }

  take_favourite(_patch, id, on) {
    if (this.favouritesLost > 0) this.favouritesLost -= 1;
    else this.favourites.push([id, on]);
  }

  lane_watch(_patch, nonce, lane, beats, known) {
    this.watches.push({ nonce, lane: decodeURIComponent(lane), beats, known });
  }

  // The set was saved, and its lane is sent in chunks of `size` points, in the order of `order`.
  saved(patch, mark, points, { unit = "db", size = points.length, order = (chunks) => chunks, beats = this.watch.beats } = {}) {
    const count = Math.ceil(points.length / size);
    const chunks = Array.from({ length: count }, (_, i) => [i, points.slice(i * size, (i + 1) * size)]);
    for (const [index, part] of order(chunks))
      this.say(patch, "/ditto/lane/curve", this.watch.nonce, beats, mark, unit, index, count, ...part.flat());
  }

  get watch() {
    return this.watches[this.watches.length - 1];
  }

  get last() {
    return this.done[this.done.length - 1];
  }
}
