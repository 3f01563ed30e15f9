// The parts of the script that need no Live: run by `node --test`, on the text that the built device carries.
import assert from "node:assert/strict";
import { test } from "node:test";
import vm from "node:vm";
import { fileURLToPath } from "node:url";
import { readDevice } from "./patch.mjs";

const path = process.env.DITTO_DEVICE ?? fileURLToPath(new URL("../../../max_for_live/Ditto Live.amxd", import.meta.url));
const text = readDevice(path).boxes.map(({ box }) => box).find(({ id }) => id === "obj-script").textfile.text;
const names = "Clock, Curve, Learner, Link, LoopRequest, Outbox, Redraw, Store, Table, Takes, Warp, LiveSet, TABLE, "
  + "encodeText, decodeText, atLeast, hash, freshName, shortened";
const inside = text.slice(0, text.indexOf("inlets = 1")).replace("return { Device };", `return { ${names} };`);
const parts = vm.runInNewContext(`${inside}\nDitto`, { Date });
const { Curve, Learner, Link, LoopRequest, Outbox, Redraw, Store, Table, Takes, Warp } = parts;
const plain = (value) => JSON.parse(JSON.stringify(value));

// Repeatable chance (a linear congruential generator, Numerical Recipes).
function chance(seed) {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

test("a thinned curve stays within its tolerance and keeps its ends", () => {
  for (let seed = 0; seed < 40; seed += 1) {
    const random = chance(seed);
    const points = Array.from({ length: 2 + Math.floor(random() * 200) }, (_, i) => [i * 0.1, -40 + 30 * random() ** 3]);
    const thin = Curve.thin(points, 0.5);
    assert.deepEqual(plain(thin[0]), points[0]);
    assert.deepEqual(plain(thin.at(-1)), points.at(-1));
    for (const [beat, value] of points) assert.ok(Math.abs(Curve.at(thin, beat) - value) <= 0.5 + 1e-9);
  }
});

test("a straight lane thins to its ends, and a drawing closes at the wrap", () => {
  const line = Array.from({ length: 100 }, (_, i) => [i, i / 2]);
  assert.equal(Curve.thin(line, 0.01).length, 2);
  const drawn = Curve.fromDrawing([-30, -20, -10, -20], 16);
  assert.equal(drawn[0][1], drawn.at(-1)[1]);
  assert.deepEqual([drawn[0][0], drawn.at(-1)[0]], [0, 16]);
});

const pass = (learner, from, to, step = 0.1, value = (beat) => beat) => {
  for (let beat = from; beat < to; beat += step) {
    const curve = learner.hear(beat, value(beat));
    if (curve) return curve;
  }
  return null;
};

test("a whole pass is learned, whatever the region's start", () => {
  for (const start of [0, 32, 7.5]) {
    const learner = new Learner();
    learner.begin(start, 8);
    const curve = pass(learner, start - 3, start + 9, 0.1, (beat) => beat - start);
    assert.equal(curve[0][0], 0);
    assert.equal(curve.at(-1)[0], 8);
    for (const [beat, value] of curve.slice(0, -1)) assert.ok(Math.abs(beat - value) < 0.11);
  }
});

test("a loop brace that wraps ends the pass, and the next one begins", () => {
  const learner = new Learner();
  learner.begin(0, 8);
  assert.equal(pass(learner, 0, 8), null); // the last look was before the end
  assert.ok(learner.hear(0.05, 1)); // back at the start
  assert.equal(pass(learner, 0.1, 8), null);
  assert.ok(learner.hear(0.1, 1));
});

test("a jump of the playhead, a stall or a start in the middle is no pass", () => {
  const learner = new Learner();
  learner.begin(0, 8);
  assert.equal(pass(learner, 3, 7.9), null);
  assert.equal(learner.hear(8.05, 0), null);
  assert.equal(pass(learner, 0, 4), null);
  assert.equal(learner.hear(6, 0), null); // jumped over two beats
  assert.equal(pass(learner, 6.1, 8.5), null);
  assert.equal(pass(learner, 0, 4), null);
  assert.equal(learner.hear(1, 0), null); // back in the middle
  assert.equal(pass(learner, 1.1, 8.5), null);
});

function timed() {
  const clock = { time: 0, now: () => clock.time };
  let made = 0;
  const redraw = new Redraw(clock, () => (made += 1));
  return { clock, redraw, count: () => made };
}

test("a redraw needs to be armed, waits 150 ms after the last edit, and happens once a pass", () => {
  const { clock, redraw, count } = timed();
  redraw.edited();
  clock.time = 1000;
  redraw.tick(0);
  assert.equal(count(), 0);
  redraw.arm(true);
  redraw.edited();
  clock.time = 1100;
  redraw.edited();
  clock.time = 1249;
  redraw.tick(0);
  assert.equal(count(), 0);
  clock.time = 1250;
  redraw.tick(0);
  assert.equal(count(), 1);
  redraw.edited();
  clock.time = 2000;
  redraw.tick(0);
  assert.equal(count(), 1);
  redraw.tick(1);
  assert.equal(count(), 2);
  redraw.edited();
  clock.time = 3000;
  redraw.tick(null); // stopped: nothing to wait for
  assert.equal(count(), 3);
});

test("a learned pass counts from 1 dB on", () => {
  const { clock, redraw, count } = timed();
  redraw.arm(true);
  const flat = (level) => [[0, level], [8, level]];
  redraw.learned(flat(-20), flat(-20.9), 8);
  clock.time = 1000;
  redraw.tick(0);
  assert.equal(count(), 0);
  redraw.learned(flat(-20), flat(-21.1), 8);
  clock.time = 2000;
  redraw.tick(0);
  assert.equal(count(), 1);
});

test("text survives the wire in any language", () => {
  for (const words of ["dusty boom bap", "50 % wet", "東京の夜", "naïve café ‘quoted’", "🎹 keys", "a,b;c \\ $1"]) {
    const sent = parts.encodeText(words);
    assert.match(sent, /^[\x20-\x7e]*$/);
    assert.equal(parts.decodeText(sent), words);
  }
  assert.equal(parts.decodeText("100%"), "100%");
});

test("half a letter is replaced on the wire, and a name is never cut inside one", () => {
  for (const [words, heard] of [["dub\ud83e", "dub\ufffd"], ["\udd41dub", "\ufffddub"], ["\udd41\ud83e", "\ufffd\ufffd"], ["🥁\ud83e!", "🥁\ufffd!"]])
    assert.equal(parts.decodeText(parts.encodeText(words)), heard);
  for (let most = 2; most < 12; most += 1) assert.ok(parts.shortened("a🥁b🥁🥁c🥁🥁🥁", most).isWellFormed());
  assert.equal(parts.shortened("a🥁🥁", 4), "a🥁…");
  assert.equal(parts.shortened("a🥁🥁🥁", 5), "a🥁…");
});

test("what leaves is checked against the table", () => {
  const table = new Table(parts.TABLE);
  assert.deepEqual(plain(table.outgoing("/ditto/take/favourite", ["abc", 1, "n"])), ["abc", 1, "n"]);
  assert.throws(() => table.outgoing("/ditto/done", []));
  assert.throws(() => table.outgoing("/ditto/hello", [1, "i"]));
  assert.throws(() => table.outgoing("/ditto/take/favourite", ["abc", 1]));
  assert.throws(() => table.outgoing("/ditto/take/favourite", ["abc", 2, "n"]));
  assert.throws(() => table.outgoing("/ditto/loop/curve", ["r", "intensity", "db", 0, 1, 0, "n"]));
  assert.throws(() => table.outgoing("/ditto/loop/set", ["r", "prompt", "pad"]));
  assert.deepEqual(plain(table.outgoing("/ditto/loop/curve", ["r", "intensity", "db", 0, 1, 0, -9, "n"])).at(-1), "n");
  assert.equal(table.incoming("/ditto/hello", [1, "i", "n", 4]), null);
  assert.equal(table.incoming("/ditto/cancelled", ["r"]), null);
});

test("a take's message keeps its path beside the address", () => {
  const table = new Table(parts.TABLE);
  const args = ["r1", 0, "t1", "/takes/caf%C3%A9.wav", 4, "120", "3/4", 264600, 44100, "", "seam_ratio", 0.5];
  const message = table.incoming("/ditto/take", args);
  assert.equal(message.address, "/ditto/take");
  assert.equal(message.path, "/takes/café.wav");
  const take = Takes.from(message, { number: 1, prompt: "a prompt that is much longer than a clip's name", color: 0 });
  assert.deepEqual([take.beats, take.seconds, take.scores.seam_ratio], [12, 6, 0.5]);
  assert.ok(take.name.length <= 31);
});

test("requests are cut into datagrams that Max can send, and every part can be asked for again", () => {
  const points = Array.from({ length: 1000 }, (_, i) => [i / 100, -20]);
  const request = new LoopRequest("r1", { prompt: "pad", bars: 4 }).curve("intensity", "db", points);
  assert.equal(request.settings, 2);
  assert.deepEqual(plain(request.commitArgs("n")), ["r1", "n", 2, "curve", "intensity", 4]);
  assert.equal(request.select().length, 1 + 2 + 4);
  assert.deepEqual(plain(request.select("curve", "intensity", [1, 3]).map(({ index }) => index)), [1, 3]);
  assert.equal(request.select("set", "", []).length, 2);
  const sent = request.select("curve", "intensity", []).flatMap(({ args }) => args.slice(5, -1));
  assert.deepEqual(plain(sent), points.flat());
});

function wire() {
  const log = { sent: [], ports: [], events: [], time: 0, turns: [] };
  const clock = { now: () => log.time, after: (_ms, work) => work(), loop: (work) => log.turns.push(work) };
  const link = new Link({
    table: new Table(parts.TABLE), clock, instance: "dabc", nonce: "dnonce",
    wire: { send: (port, path, args) => log.sent.push({ port, path, args }), listen: (port) => log.ports.push(port) },
    heard: { found: (again) => log.events.push(`found ${again}`), lost: () => log.events.push("lost"),
      message: (message) => log.events.push(message.address), greeted: () => {}, foreign: () => log.events.push("foreign"), alone: () => {} },
  });
  link.start();
  return { log, link, turn: () => log.turns[0]() };
}

const welcome = (link, nonce, bridge = "b1", protocol = parts.TABLE.protocol) => link.receive("/ditto/welcome", [protocol, nonce, bridge, "1"]);

test("the search asks every port with a nonce of its own, and the echo says which one it was", () => {
  const { log, link, turn } = wire();
  turn();
  assert.equal(log.sent.length, 16);
  assert.equal(new Set(log.sent.map(({ port }) => port)).size, 16);
  welcome(link, "someone-else-0");
  assert.equal(link.connected, false);
  welcome(link, "dnonce-3");
  assert.equal(link.port, log.sent[3].port);
  assert.deepEqual(log.events, ["found false"]);
  turn();
  assert.equal(log.sent.at(-1).port, link.port);
});

test("a taken reply port is left for the next, within the range", () => {
  const { log, turn } = wire();
  for (let i = 0; i < 9; i += 1) turn();
  assert.equal(new Set(log.ports).size, log.ports.length);
  assert.ok(log.ports.length >= 4);
  assert.ok(log.ports.every((port) => port >= 47200 && port <= 48199));
});

test("silence ends a session, another bridge id means a restart, another protocol is said", () => {
  const { log, link, turn } = wire();
  turn();
  welcome(link, "dnonce-0");
  welcome(link, "dnonce-0", "b2");
  assert.deepEqual(log.events, ["found false", "found true"]);
  log.time += 13000;
  turn();
  assert.deepEqual(log.events.at(-1), "lost");
  welcome(link, "dnonce-0", "b2", parts.TABLE.protocol + 1);
  assert.equal(log.events.at(-1), "foreign");
});

test("nothing from the bridge counts before there is a session", () => {
  const { log, link } = wire();
  link.receive("/ditto/state", ["ready", -1, "", "", 0]);
  link.receive("/ditto/nonsense", []);
  assert.deepEqual(log.events, []);
});

test("a commit is repeated until it is answered, and an end waits for all its takes", () => {
  const { log, link, turn } = wire();
  turn();
  welcome(link, "dnonce-0");
  const outbox = new Outbox(link, { now: () => log.time });
  outbox.submit(new LoopRequest("r1", { prompt: "NONCE" }));
  const set = log.sent.find(({ path }) => path === "/ditto/loop/set");
  assert.deepEqual(plain(set.args), ["r1", "prompt", "NONCE", link.nonce]);
  const commits = () => log.sent.filter(({ path: sent }) => sent === "/ditto/loop/commit").length;
  assert.equal(commits(), 1);
  for (let i = 0; i < 3; i += 1) {
    log.time += 250;
    outbox.tick();
  }
  assert.equal(commits(), 4);
  outbox.hear("r1");
  log.time += 250;
  outbox.tick();
  assert.equal(commits(), 4);
  assert.equal(outbox.take("r1", "t1"), true);
  assert.equal(outbox.take("r1", "t1"), false);
  assert.equal(outbox.end("r1", 2), false);
  assert.equal(commits(), 5);
  outbox.take("r1", "t2");
  assert.equal(outbox.end("r1", 2), true);
  assert.equal(log.sent.at(-1).path, "/ditto/seen");
  assert.equal(outbox.hear("r1"), false);
});

test("what is kept comes back, and what is not ours is left alone", () => {
  const writes = [];
  const store = new Store((slot, ...message) => message[0] === "assign" && writes.push(message.slice(1)));
  store.change({ prompt: `long ${"東京 ".repeat(300)}`, instance: "dx" });
  store.change({ instance: "dx" });
  assert.equal(writes.length, 1); // nothing new, nothing written
  assert.ok(writes[0].every((piece) => piece.length <= 400));
  store.draw([-20, -18.5]);
  store.draw([-20, -18.5]);
  assert.deepEqual(plain(writes[1]), [1, -20, -18.5]);
  const other = new Store(() => assert.fail("restoring writes nothing"));
  assert.equal(other.restore(writes[0]), true);
  assert.deepEqual(plain(other.state), plain(store.state));
  assert.equal(other.restoreDrawing(writes[1]), true);
  assert.deepEqual(plain(other.drawn), [-20, -18.5]);
  for (const foreign of [[0], [], ["ditto1", "%7Bbroken"], ["other", "x"]]) assert.equal(other.restore(foreign), false);
  store.remember("one");
  store.remember("two");
  store.remember("one");
  assert.deepEqual(plain(store.state.history.slice(0, 2)), ["one", "two"]);
});

test("warp markers move without passing each other", () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const random = chance(seed);
    const times = Array.from({ length: 2 }, random).sort((a, b) => a - b).map((share) => share * 8);
    const guessed = Array.from({ length: 2 }, random).sort((a, b) => a - b).map((share) => share * 40);
    if (times[1] - times[0] < 0.01 || guessed[1] - guessed[0] < 0.01) continue;
    const markers = times.map((sample_time, i) => ({ sample_time, beat_time: guessed[i] }));
    for (const { from, to } of Warp.moves(markers, 2)) {
      markers.find(({ beat_time: beat }) => beat === from).beat_time = to;
      assert.ok(markers[0].beat_time < markers[1].beat_time, `seed ${seed}`);
    }
    markers.forEach(({ sample_time: at, beat_time: beat }) => assert.ok(Math.abs(beat - 2 * at) < 1e-9));
  }
});

test("versions, names and ports", () => {
  assert.ok(parts.atLeast([12, 4, 0], [12, 4]));
  assert.ok(parts.atLeast([13, 0, 0], [12, 4]));
  assert.ok(!parts.atLeast([12, 3, 9], [12, 4]));
  assert.match(parts.freshName(12), /^[a-z0-9]{13}$/);
  assert.equal(parts.hash("dabc"), parts.hash("dabc"));
  assert.equal(parts.shortened("a b c", 10), "a b c");
});
