// Live's own warping, early, late or never: ten seconds after landing the clip is right, or the face says what is wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import { crooked, Studio } from "../studio.mjs";

const GUESSES = [
  { beats: 8 }, { beats: 32 }, { shift: 0.031, beats: 15.7 }, { beats: 17.3, extra: [[1.0, 2.9], [3.0, 7.1]] },
  { beats: 16, extra: [[2.0, 4.9]] }, { beats: 8, extra: [[0.01, 0.02], [3, 2.9]] },
];
const DELAYS_MS = [0, 45, 400, 2000, 5000];

for (const delay of DELAYS_MS)
  test(`A2: Live warps ${delay} ms after the clip was made: it is right 10 s after landing`, () => {
    for (const guess of GUESSES)
      for (const createdWarping of [1, 0]) {
        const room = new Studio({ guess, warpDelay: delay, createdWarping });
        room.generate();
        room.advance(10_000);
        assert.equal(crooked(room.clips[0]), "", JSON.stringify({ guess, delay, createdWarping, words: room.status }));
        assert.match(room.status, /^Landed/);
      }
  });

test("A2: Live never warps by itself: the clip is right", () => {
  for (const createdWarping of [1, 0]) {
    const room = new Studio({ createdWarping });
    room.generate();
    room.advance(10_000);
    assert.equal(crooked(room.clips[0]), "");
  }
});

test("A2: warping that comes on late is waited for", () => {
  const room = new Studio({ createdWarping: 0, warpingTurn: 5000 });
  room.generate();
  room.advance(10_000);
  assert.equal(crooked(room.clips[0]), "");
});

test("A2: warping that never comes on is said, with what to do", () => {
  const room = new Studio({ createdWarping: 0, warpingTurn: null });
  room.press("generate");
  room.advance(15_000);
  assert.match(room.status, /did not turn warping on.*Open the clip/);
});

test("A2: markers that Live does not let be mended are said", () => {
  const room = new Studio({ guess: { beats: 8 }, warpDelay: 2000 });
  room.generate();
  room.clips[0].sample_length = 1; // so that every marker behind the start is refused
  room.advance(12_000);
  assert.match(room.status, /Live warped the loop in its own way.*by hand/);
});

for (const hiddenCounts of [false, true])
  test(`A7: the end is pinned ${hiddenCounts ? "also when the hidden marker counts as a neighbour" : "at the file's end"}`, () => {
    for (const guess of GUESSES) {
      const room = new Studio({ guess, hiddenCounts });
      room.generate();
      assert.equal(crooked(room.clips[0]), "", JSON.stringify(guess));
    }
  });

test("A7: no marker is asked for behind the file's end, also when our seconds are a hair above Live's", () => {
  for (const [bars, tempo] of [[4, 120], [3, 97.531], [1, 173.9], [16, 61.7], [7, 133.37]]) {
    const room = new Studio({ guess: { beats: bars * 3 }, tempo });
    room.move("bars", bars);
    room.generate();
    assert.equal(crooked(room.clips[0], bars * 4, tempo), "");
    assert.ok(!room.live.console.some((text) => /sample time/.test(text)), room.live.console.join("; "));
  }
});

test("A9: the clip's ruler counts in the set's signature", () => {
  const room = new Studio({ signature: [7, 8] });
  room.move("bars", 2);
  room.generate();
  const [clip] = room.clips;
  assert.deepEqual([clip.signature_numerator, clip.signature_denominator], [7, 8]);
  assert.equal(crooked(clip, 7), "");
});

test("A2: a clip that was taken away while it is watched is left alone", () => {
  const room = new Studio({ guess: { beats: 8 }, warpDelay: 5000 });
  room.generate();
  room.press("drop");
  room.advance(15_000);
  assert.deepEqual(room.live.console, []);
  assert.match(room.status, /The clip is gone/);
});
