// The saved set: after each save our lane is on the face at once, and Redraw follows it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Studio } from "../studio.mjs";

const RISE = [[0, -30], [16, -14]];
const FALL = [[0, -14], [8, -35], [16, -30]];

const curveShown = (room) => room.patch.find("display").state.curve;

function watching(more = {}) {
  const room = new Studio({ file: "/songs/my set.als", ...more });
  room.move("source", 2);
  return room;
}

function save(room, ...args) {
  room.patch.speak(); // live.thisdevice speaks at each save
  room.bridge.saved(room.patch, ...args);
  room.advance(50);
}

test("after a save the lane is on the face at once, whatever the order of its chunks", () => {
  const room = watching();
  assert.deepEqual([room.bridge.watch.lane, room.bridge.watch.beats, room.bridge.watch.known],
    ['/songs/my set.als#"Bass"/"Ditto Live"/Intensity', "0:16", 0]);
  assert.equal(curveShown(room).length, 0);
  save(room, 7, RISE);
  assert.equal(curveShown(room)[0], -30);
  assert.equal(curveShown(room)[127], -14);
  assert.match(room.status, /^The lane is read from the saved set/);
  save(room, 8, FALL, { size: 1, order: (chunks) => [...chunks].reverse() });
  assert.equal(curveShown(room)[0], -14);
  assert.ok(Math.abs(Math.min(...curveShown(room)) + 35) < 0.2);
  room.generate();
  assert.equal(room.bridge.last.settings.intensity_source, "lane"); // the bridge reads the set as it is by then
});

test("a lane that is not in decibels is shown as its share of the range", () => {
  const room = watching();
  save(room, 7, [[0, 0], [16, 1]], { unit: "unit" });
  assert.equal(curveShown(room)[0], -40);
  assert.equal(curveShown(room)[127], -10);
});

test("with Redraw on a save makes a new take when the lane has changed, and none when it has not", () => {
  const room = watching();
  save(room, 7, RISE);
  room.generate();
  room.move("redraw", 1);
  save(room, 7, RISE);
  room.advance(2000);
  assert.equal(room.bridge.done.length, 1);
  save(room, 8, FALL);
  room.advance(2000);
  assert.equal(room.bridge.done.length, 2);
  assert.ok(room.bridge.last.settings.from_take);
});

test("a curve that was lost is asked for again, with the mark of the last one", () => {
  const room = watching();
  save(room, 7, RISE);
  save(room, 8, FALL, { size: 2, order: (chunks) => chunks.slice(1) });
  assert.equal(curveShown(room)[0], -30);
  room.advance(5100);
  assert.equal(room.bridge.watch.known, 7);
  room.bridge.saved(room.patch, 8, FALL, { size: 2 });
  room.advance(5100);
  assert.equal(room.bridge.watch.known, 8);
});

test("a lane that is wanted no more is not shown: other bars, another brace, another source", () => {
  const room = watching();
  save(room, 7, RISE);
  room.move("bars", 2);
  assert.equal(room.bridge.watch.beats, "0:8");
  assert.equal(curveShown(room).length, 0);
  room.bridge.saved(room.patch, 9, RISE, { beats: "0:16" });
  room.advance(50);
  assert.equal(curveShown(room).length, 0);
  room.live.song.loop_start = 32;
  room.advance(5100);
  assert.equal(room.bridge.watch.beats, "32:40");
  room.move("source", 0);
  assert.equal(room.bridge.watch.lane, "");
  const asked = room.bridge.watches.length;
  room.advance(20_000);
  assert.equal(room.bridge.watches.length, asked);
});

test("a set that is saved for the first time, or under another name, is the one that is watched", () => {
  const room = new Studio();
  room.move("source", 2);
  room.advance(6000);
  assert.equal(room.bridge.watches.length, 0);
  room.live.song.file_path = "/songs/Lied 2.als";
  room.patch.speak();
  room.advance(50);
  assert.match(room.bridge.watch.lane, /^\/songs\/Lied 2.als#/);
});

test("a set that cannot be read is said once, and the curve before it stays", () => {
  const room = watching();
  save(room, 7, RISE);
  room.bridge.say(room.patch, "/ditto/error", "", "bad_input", "my set.als is damaged.", "Save it again.");
  room.advance(50);
  assert.match(room.status, /is damaged. Save it again/);
  assert.equal(curveShown(room)[0], -30);
});

test("watching makes no LiveAPI objects", () => {
  const room = watching();
  room.advance(1000);
  assert.equal(room.made(() => room.advance(60_000)), 0);
});

test("a bridge that was started anew is asked again", () => {
  const room = watching();
  save(room, 7, RISE);
  const asked = room.bridge.watches.length;
  room.bridge.hello = (patch, protocol, _instance, nonce) => room.bridge.say(patch, "/ditto/welcome", protocol, nonce, "other", "test");
  room.advance(5100);
  assert.ok(room.bridge.watches.length > asked);
  assert.equal(room.bridge.watch.known, 7);
});
