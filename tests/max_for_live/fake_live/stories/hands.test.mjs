// What a producer's hands do to the set meanwhile: nothing of theirs is lost, and what cannot be done is said.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Studio } from "../studio.mjs";

test("a prompt that is too long for a datagram is said, and nothing is asked; a shorter one is made", () => {
  for (const letter of ["x", "あ", "🎹", "%"]) {
    const room = new Studio();
    for (let length = 1; length < 5300; length = Math.ceil(length * 1.5)) {
      const before = room.bridge.done.length;
      room.type(letter.repeat(length));
      room.press("generate");
      room.advance(3000);
      assert.deepEqual(room.patch.problems, []);
      const said = /^The prompt is too long to be sent. Shorten it to (\d+) % of its length/.exec(room.status);
      assert.equal(room.bridge.done.length, before + (said ? 0 : 1), `${letter} ${length}: ${room.status}`);
      if (!said) continue;
      assert.equal(room.patch.find("prompt").text.length, letter.length * length);
      room.type(letter.repeat(Math.floor((length * Number(said[1])) / 100)));
      room.press("generate");
      room.advance(3000);
      assert.equal(room.bridge.done.length, before + 1);
    }
    assert.match(room.status, /^Landed/);
  }
});

const WAV = "/mine.wav";

function fullRoom(more = {}) {
  return new Studio({
    scenes: 2, warpDelay: 400, guess: { beats: 8 }, ...more,
    build(live, studio) {
      live.files.set(WAV, { rate: 44100, samples: 44100 * 3, seconds: 3 });
      studio.other = live.track("Other");
      for (const slot of [0, 1]) live.audioClip(studio.bass, slot, WAV, { name: "mine" });
    },
  });
}

// Everything in a set that is not a take of ours.
const theirs = ({ live }) => [...live.objects.values()].filter(({ type, file_path: file }) =>
  type === "Clip" && !file?.startsWith("/takes/"));

// Begins to land in the Arrangement by way of a scene of our own, and stops in the middle.
function inTheMiddle(room) {
  room.pick("place", "Arrangement");
  room.press("generate");
  room.until(() => room.live.song.scenes.length === 3 && room.bass.clip_slots[2].has_clip, "a clip on its way", 10);
}

test("what a hand puts into the scene that is there only for a landing stays, and so does the scene", () => {
  for (const on of ["other", "bass"]) {
    const room = fullRoom();
    inTheMiddle(room);
    const slot = room[on].clip_slots[2];
    if (slot.clip) room.live.remove(slot.clip); // a clip that is dropped onto another replaces it
    room.live.audioClip(room[on], 2, WAV, { name: "just now" });
    const before = theirs(room).length;
    room.advance(30_000);
    assert.equal(theirs(room).length, before, on);
    assert.equal(room.live.song.scenes.length, 3);
    assert.equal(slot.clip?.name, "just now");
    assert.deepEqual(room.bass.clip_slots.filter(({ clip }) => clip?.file_path.startsWith("/takes/")), []);
  }
});

test("a scene that a hand adds while a take lands is not taken for ours", () => {
  const room = fullRoom();
  inTheMiddle(room);
  const theirScene = room.live.addScene();
  room.advance(30_000);
  assert.deepEqual(room.live.song.scenes.map(({ id }) => id).filter((id) => id === theirScene.id), [theirScene.id]);
  assert.equal(room.live.song.scenes.length, 3);
  assert.match(room.status, /^Landed on/);
});

test("a device that is taken away while a take lands in the Arrangement leaves nothing in the Session", () => {
  const room = fullRoom();
  inTheMiddle(room);
  const before = theirs(room).length;
  room.patch.close();
  room.advance(30_000);
  assert.equal(room.live.song.scenes.length, 2);
  assert.equal(theirs(room).length, before);
  assert.deepEqual([...room.live.objects.values()].filter(({ file_path: file }) => file?.startsWith("/takes/")), []);
});
