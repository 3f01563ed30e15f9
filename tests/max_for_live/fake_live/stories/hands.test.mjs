// What a producer's hands do to the set meanwhile: nothing of theirs is lost, and what cannot be done is said.
import assert from "node:assert/strict";
import { test } from "node:test";
import { launch } from "../methods.mjs";
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

test("a slot where a recording is to begin is no empty slot: not for a take, not for a redraw", () => {
  const room = new Studio({ scenes: 6 });
  room.play();
  room.bass.fired_slot_index = 0; // a hand has pressed the slot's record button, and waits for the bar
  room.generate();
  assert.equal(room.bass.clip_slots[0].has_clip, 0);
  assert.equal(room.bass.clip_slots[1].has_clip, 1);
  room.bass.fired_slot_index = 2;
  room.move("redraw", 1);
  room.patch.move("intensity", -13);
  room.advance(3000);
  assert.equal(room.bass.clip_slots[2].has_clip, 0);
  assert.match(room.status, /^Landed/);
  assert.equal(room.live.recordingsLost, 0);
});

test("nothing lands in the Arrangement of a track that is being recorded; the take is safe, and lands afterwards", () => {
  for (const onClip of [false, true]) {
    const room = new Studio({ build: (live, { bass }) => void (onClip && live.arrangementClip(bass, 0, 8)) });
    room.pick("place", "Arrangement");
    room.bass.arm = 1;
    room.live.song.record_mode = 1;
    room.play();
    room.press("generate");
    room.advance(5000);
    assert.equal(room.status, "‘Bass’ is being recorded. Stop the recording, then press Land.");
    assert.equal(room.bass.arrangement_clips.length, onClip ? 1 : 0);
    room.live.change(room.live.song, "is_playing", 0);
    room.press("land");
    room.settle();
    assert.match(room.status, onClip ? /take lane/ : /^Landed on ‘Bass’ at bar 1/);
  }
});

// What a hand may do to a clip that a redraw has made.
const TOUCHES = {
  name: (clip) => (clip.name = "mine now"),
  color: (clip) => (clip.color = 0x123456),
  gain: (clip) => (clip.gain = 0.7),
  transposition: (clip) => (clip.pitch_coarse = -3),
  detuning: (clip) => (clip.pitch_fine = 12),
  "warp mode": (clip) => (clip.warp_mode = 3),
  "the loop's end": (clip) => (clip.loop_end = 8),
  "the start marker": (clip) => (clip.start_marker = 1),
  "no loop": (clip) => (clip.looping = 0),
  "an envelope": (clip) => (clip.has_envelopes = 1),
  "switched off": (clip) => (clip.muted = 1),
  "a warp marker": (clip) => (clip.markers = [[0, 0], [2, 5], ...clip.markers.slice(1)]),
};

for (const [what, touch] of Object.entries(TOUCHES)) {
  test(`a redraw that a hand has worked on is not replaced, in the Session and in the Arrangement: ${what}`, () => {
    const room = new Studio({ scenes: 8 });
    room.generate();
    room.move("redraw", 1);
    room.play();
    room.bass.playing_slot_index = 0;
    const redraw = (i) => {
      room.patch.move("intensity", -15 - i);
      room.pass();
      room.advance(1500);
      launch(room.live);
      room.advance(20_000);
    };
    [1, 2].forEach(redraw); // the first of the two does not play now
    const touched = room.clips.find(({ file_path: file }) => file === "/takes/take-2.wav");
    touch(touched);
    [3, 4, 5, 6].forEach(redraw);
    assert.ok(room.clips.includes(touched));
    assert.equal(room.clips.length, 4); // the first, theirs, and two that take turns

    const other = new Studio();
    other.pick("place", "Arrangement");
    other.generate();
    other.advance(20_000);
    const [clip] = other.bass.arrangement_clips;
    touch(clip);
    other.move("redraw", 1);
    other.patch.move("intensity", -13);
    other.advance(5000);
    assert.deepEqual(other.bass.arrangement_clips, [clip]);
    assert.equal(other.bass.take_lanes[0].arrangement_clips.length, 1);
  });
}

test("Stop before the engine was there: nothing is asked when it comes", () => {
  const room = new Studio();
  room.bridge.silent = true;
  room.advance(20_000); // the session is lost
  room.press("generate");
  room.press("stop");
  room.bridge.silent = false;
  room.advance(20_000);
  assert.equal(room.bridge.requests.size, 0);
  assert.match(room.status, /^Ready/);
  room.generate();
  assert.match(room.status, /^Landed/);
});

test("Stop is said until it has arrived: past lost datagrams, a bridge that is away, and one that was started anew", () => {
  const stops = {
    lost: (room, lose) => (lose.stop = 3),
    away: (room) => (room.bridge.silent = true),
    anew(room) {
      for (const request of room.bridge.requests.values()) request.state = "gone";
      room.bridge.requests.clear();
    },
  };
  for (const [what, happens] of Object.entries(stops)) {
    const lose = { stop: 0 };
    const room = new Studio({
      bridge: { work: 40_000 },
      patch: { lose: ({ path, out }) => out && path === "/ditto/loop/cancel" && lose.stop-- > 0 },
    });
    room.press("generate");
    room.advance(1000);
    happens(room, lose);
    room.press("stop");
    room.advance(what === "away" ? 20_000 : 5000);
    room.bridge.silent = false;
    room.advance(60_000);
    assert.equal(room.bridge.done.length, 0, what);
    assert.equal(room.clips.length, 0);
    assert.match(room.status, /^Ready/, what);
  }
});

test("warp markers that a hand has moved within the first seconds are left alone, once the clip is the producer's", () => {
  const room = new Studio();
  room.generate();
  const [clip] = room.clips;
  clip.pitch_coarse = 2;
  clip.markers = [[0, 0], [2, 5], ...clip.markers.slice(1)];
  const before = JSON.stringify(clip.markers);
  room.advance(30_000);
  assert.equal(JSON.stringify(clip.markers), before);
});

test("Bars that are moved while a lane is learned: what was learned is said, and is not taken for another length", () => {
  for (const playing of [true, false]) {
    const room = new Studio();
    const [own] = room.device.parameters;
    Object.assign(own, { automation: 1, lane: (beat) => -40 + beat });
    if (playing) room.play();
    room.move("learn", 1);
    room.advance(200);
    room.move("bars", 8);
    for (let i = 0; i < 700 && !/^Learned/.test(room.status); i += 1) {
      if (playing) room.live.song.current_song_time = (room.live.song.current_song_time + 0.1) % 16;
      room.advance(50);
    }
    assert.equal(room.status, "Learned 4 bars, and Bars is 8 now. Set Bars to 4, or press Learn again.");
    assert.equal(room.patch.find("learn").value, 0);
    room.press("generate");
    room.advance(500);
    assert.match(room.status, /^No lane is learned for this length yet/);
    room.move("bars", 4);
    room.generate();
    assert.match(room.status, /^Landed/);
  }
});

test("with Redraw on, learning goes on where the brace and Bars are moved to", () => {
  const room = new Studio();
  room.generate();
  room.move("source", 1);
  room.move("redraw", 1);
  room.play();
  const pass = (from, beats, value) => {
    for (let beat = from; beat < from + beats; beat += 0.1) {
      room.live.song.current_song_time = beat;
      room.patch.move("intensity", value - beat / 8);
      room.advance(50);
    }
  };
  for (let i = 0; i < 2; i += 1) pass(0, 16, -15);
  Object.assign(room.live.song, { loop_start: 32, loop_length: 8 });
  room.move("bars", 2);
  const before = room.bridge.done.length;
  for (let i = 0; i < 4; i += 1) pass(32, 8, -22 - i * 3);
  assert.ok(room.bridge.done.length > before);
  assert.equal(room.bridge.last.settings.bars, "2");
});

test("a loop brace that is shorter than the loop is said when a pass is to be learned", () => {
  const room = new Studio();
  room.live.song.loop_length = 8;
  room.play();
  room.move("learn", 1);
  assert.match(room.status, /^Play bars 1 to 4 once: .* The loop brace ends before that: lengthen it, or switch it off\.$/);
});

test("a computer's clock that is set back by an hour stops nothing", () => {
  const room = new Studio();
  room.generate();
  room.patch.clockSet = -3_600_000;
  room.generate();
  assert.equal(room.clips.length, 2);
  room.bridge.silent = true;
  room.advance(20_000);
  assert.match(room.status, /^No engine/);
  room.bridge.silent = false;
  room.advance(10_000);
  room.generate();
  assert.equal(room.clips.length, 3);
});
