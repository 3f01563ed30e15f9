// Where a take lands, and that nothing which lies in the set is lost.
import assert from "node:assert/strict";
import { test } from "node:test";
import { launch } from "../methods.mjs";
import { crooked, Studio } from "../studio.mjs";

const redrawn = (room, times) => {
  room.generate();
  room.move("redraw", 1);
  room.play();
  room.clips[0].parent.parent.playing_slot_index = 0;
  for (let i = 0; i < times; i += 1) {
    room.patch.move("intensity", -15 - (i % 10));
    room.pass();
    room.advance(1500);
    launch(room.live);
    assert.match(room.status, /^Landed/, `redraw ${i + 1}: ${room.status}`);
  }
};

test("B2: nine redraws on eight scenes: two slots take turns, and the last one plays", () => {
  const room = new Studio({ scenes: 8 });
  redrawn(room, 9);
  assert.equal(room.bridge.done.length, 10);
  assert.equal(room.clips.length, 3); // the first take, and two redraws
  assert.equal(room.live.song.scenes.length, 8);
  const playing = room.bass.clip_slots[room.bass.playing_slot_index].clip;
  assert.equal(playing.file_path, "/takes/take-10.wav");
  for (const clip of room.clips) assert.equal(crooked(clip), "");
});

test("B2: 200 redraws in a row", () => {
  const room = new Studio({ scenes: 8 });
  redrawn(room, 200);
  assert.equal(room.bridge.done.length, 201);
  assert.equal(room.clips.length, 3);
  assert.deepEqual(room.live.console, []);
});

test("B2: with no slot left a redraw makes a scene", () => {
  const room = new Studio({
    scenes: 2,
    build(live) {
      live.files.set("/mine.wav", { rate: 44100, samples: 44100, seconds: 1 });
      live.audioClip(live.song.tracks[1], 1, "/mine.wav", { name: "mine" });
    },
  });
  redrawn(room, 4);
  assert.equal(room.live.song.scenes.length, 4);
  assert.equal(room.clips.filter(({ name }) => name === "mine").length, 1);
});

test("B2: a redraw that is kept, renamed or playing is never replaced", () => {
  const room = new Studio({ scenes: 8 });
  redrawn(room, 1);
  room.press("keep");
  const kept = room.clips[1];
  redrawMore(room, 3);
  const renamed = room.clips[room.clips.length - 1];
  renamed.name = "my favourite";
  redrawMore(room, 4);
  assert.ok(room.clips.includes(kept));
  assert.ok(room.clips.includes(renamed));
  const playing = room.bass.clip_slots[room.bass.playing_slot_index].clip;
  assert.equal(playing.file_path, `/takes/take-${room.bridge.count}.wav`);
});

const redrawMore = (room, times) => {
  for (let i = 0; i < times; i += 1) {
    room.patch.move("intensity", -30 + (i % 7) - Math.random());
    room.pass();
    room.advance(1500);
    launch(room.live);
  }
};

test("B3: a redrawn loop goes on where the old one was", () => {
  const room = new Studio();
  room.generate();
  room.move("redraw", 1);
  room.play();
  room.bass.playing_slot_index = 0;
  room.clips[0].position = 5.5;
  room.patch.move("intensity", -13);
  room.advance(1500);
  launch(room.live);
  const playing = room.bass.clip_slots[room.bass.playing_slot_index].clip;
  assert.equal(playing.file_path, "/takes/take-2.wav");
  assert.equal(playing.position, 5.5);
});

test("B3: a redraw does not take a track away from the Arrangement", () => {
  const room = new Studio({ build: (live) => void live.arrangementClip(live.song.tracks[1], 0, 64) });
  room.generate();
  room.move("redraw", 1);
  room.play();
  room.patch.move("intensity", -13);
  room.advance(1500);
  launch(room.live);
  assert.equal(room.live.song.back_to_arranger, 0);
  assert.match(room.status, /plays the Arrangement/);
});

test("B4: what lies at the loop brace is not overwritten: the take goes onto a take lane", () => {
  for (const [from, to] of [[0, 16], [12, 40], [-4, 4], [4, 8], [0, 64]]) {
    const room = new Studio({ build: (live) => void live.arrangementClip(live.song.tracks[1], from, to) });
    room.pick("place", "Arrangement");
    room.generate();
    assert.equal(room.live.overwritten, undefined, `${from} to ${to}`);
    assert.equal(room.bass.arrangement_clips.length, 1);
    const [clip] = room.bass.take_lanes[0].arrangement_clips;
    assert.equal(crooked(clip, 16, 120, false), "");
    assert.equal(clip.end_time - clip.start_time, 16);
    assert.match(room.status, /Bar 1 of ‘Bass’ holds a clip already: the take is on a take lane/);
    room.generate();
    assert.equal(room.bass.take_lanes.length, 2);
    assert.equal(room.live.overwritten, undefined);
  }
});

test("B4: without take lanes the Arrangement is left alone, in words, and the take is safe", () => {
  const room = new Studio({ takeLanes: false, build: (live) => void live.arrangementClip(live.song.tracks[1], 40, 42) });
  Object.assign(room.live.song, { loop: 1, loop_start: 32 });
  room.pick("place", "Arrangement");
  room.press("generate");
  room.advance(3000);
  assert.match(room.status, /A clip lies at bar 9 of ‘Bass’, and nothing is overwritten. Move the loop brace, or choose Selected scene/);
  assert.equal(room.bass.arrangement_clips.length, 1);
  room.pick("place", "Selected scene");
  room.press("land");
  room.settle();
  assert.equal(crooked(room.clips[0]), "");
});

test("B4: a full Session is no reason not to land in the Arrangement, and no scene stays", () => {
  const room = new Studio({
    scenes: 1,
    build(live) {
      live.files.set("/mine.wav", { rate: 44100, samples: 44100, seconds: 1 });
      live.audioClip(live.song.tracks[1], 0, "/mine.wav");
    },
  });
  room.live.song.loop_start = 32;
  room.pick("place", "Arrangement");
  room.generate();
  const [clip] = room.bass.arrangement_clips;
  assert.equal(clip.start_time, 32);
  assert.equal(crooked(clip), "");
  assert.equal(room.live.song.scenes.length, 1);
  assert.equal(room.clips.length, 1);
});

test("B4: a redraw in the Arrangement replaces its own last take and nothing else", () => {
  const room = new Studio();
  room.pick("place", "Arrangement");
  room.generate();
  room.move("redraw", 1);
  room.patch.move("intensity", -13);
  room.advance(3000);
  assert.deepEqual(room.bass.arrangement_clips.map(({ file_path: file }) => file), ["/takes/take-2.wav"]);
  room.bass.arrangement_clips[0].name = "mine now";
  room.patch.move("intensity", -23);
  room.advance(3000);
  assert.equal(room.bass.arrangement_clips.length, 1);
  assert.equal(room.bass.take_lanes[0].arrangement_clips.length, 1);
});

test("B5: the selected scene is the default, then the next free slot below it", () => {
  const room = new Studio({ scenes: 6 });
  room.live.view.selected_scene = room.live.song.scenes[3];
  room.generate();
  room.generate();
  assert.deepEqual(room.bass.clip_slots.map(({ has_clip: has }) => has), [0, 0, 0, 1, 1, 0]);
  room.pick("place", "Next slot");
  room.generate();
  assert.deepEqual(room.bass.clip_slots.map(({ has_clip: has }) => has), [1, 0, 0, 1, 1, 0]);
});

test("B5: scene, brace and signature are those of the press, not those of the landing", () => {
  const room = new Studio({ scenes: 6, signature: [3, 4], bridge: { work: 3000 } });
  room.live.view.selected_scene = room.live.song.scenes[2];
  room.press("generate");
  room.advance(1000);
  room.live.view.selected_scene = room.live.song.scenes[5];
  room.live.song.signature_numerator = 4;
  room.settle();
  assert.equal(room.bass.clip_slots[2].has_clip, 1);
  assert.equal(room.clips[0].signature_numerator, 3);
  room.pick("place", "Arrangement");
  room.live.song.loop_start = 24;
  room.advance(400);
  room.press("generate");
  room.advance(1000);
  room.live.song.loop_start = 96;
  room.settle();
  assert.equal(room.bass.arrangement_clips[0].start_time, 24);
});

test("B5: a full column gets a new scene, which is said; where Live adds none that is said too", () => {
  const room = new Studio({ scenes: 1 });
  room.generate();
  room.generate();
  assert.match(room.status, /in a new scene/);
  assert.equal(room.clips.length, 2);
  const full = new Studio({ scenes: 1, sceneLimit: 1 });
  full.generate();
  full.press("generate");
  full.advance(3000);
  assert.match(full.status, /Every slot of ‘Bass’ holds a clip, and Live adds no scene. Choose another track/);
});

test("B5: New track makes an audio track beside, also from a MIDI track", () => {
  for (const from of ["bass", "keys"]) {
    const room = new Studio({ build: (_live, studio) => studio[from] });
    room.pick("place", "New track");
    room.generate();
    const made = room.live.song.tracks[room.live.song.tracks.indexOf(room[from]) + 1];
    assert.equal(made.name, "warm pad 1");
    assert.equal(crooked(made.clip_slots[0].clip), "");
  }
});

test("B5: with New track all takes of a press and its redraws share one new track", () => {
  const room = new Studio({ scenes: 8, build: (_live, studio) => studio.keys });
  room.pick("place", "New track");
  room.move("takes", 3);
  room.press("generate");
  room.advance(6000);
  const made = room.live.song.tracks.filter(({ name }) => name.startsWith("warm pad"));
  assert.equal(made.length, 1);
  assert.equal(made[0].clip_slots.filter(({ clip }) => clip).length, 3);
  room.move("redraw", 1);
  room.patch.move("intensity", -13);
  room.advance(3000);
  assert.equal(made[0].clip_slots.filter(({ clip }) => clip).length, 4);
  assert.equal(room.live.song.tracks.length, 3);
});

test("B2: a redraw into a Simpler replaces its sample", () => {
  const room = new Studio({ version: [12, 4, 0], build: (live, studio) => void (studio.simpler = live.simpler(studio.keys)) });
  room.pick("target", "Keys");
  room.pick("place", "Simpler");
  room.generate();
  room.move("redraw", 1);
  room.patch.move("intensity", -13);
  room.advance(3000);
  assert.equal(room.simpler.sample, "/takes/take-2.wav");
});

test("a clip that was deleted by hand is no longer a take's", () => {
  const room = new Studio();
  room.generate();
  const [slot] = room.bass.clip_slots;
  room.live.remove(slot.clip);
  Object.assign(slot, { clip: null, has_clip: 0 });
  room.pick("take", 0);
  assert.match(room.patch.find("take").items[0], /not landed/);
});

test("A9: a Simpler in a rack, or on the selected Drum Rack pad, takes the file", () => {
  const build = (live, studio) => {
    studio.inRack = live.simpler(live.rack(live.rack(studio.keys).chain).chain);
    studio.onPad = live.simpler(live.rack(studio.keys, { drums: true }).chain);
  };
  const room = new Studio({ version: [12, 4, 0], build });
  room.pick("target", "Keys");
  room.pick("place", "Simpler");
  room.generate();
  assert.equal(room.inRack.sample, "/takes/take-1.wav");
  room.pick("place", "Drum pad");
  room.generate();
  assert.equal(room.onPad.sample, "/takes/take-2.wav");
  assert.match(room.status, /pad Kick/);
});

test("two devices on one track lose nothing of each other's", () => {
  const room = new Studio({ scenes: 8 });
  const other = room.plug(room.live.device(room.bass));
  room.until(() => other.status?.startsWith("Ready"), () => other.status);
  other.type("other pad");
  room.advance(50);
  room.press("generate");
  other.press("generate");
  room.advance(4000);
  const names = room.clips.map(({ name }) => name).sort();
  assert.deepEqual(names, ["other pad 1", "warm pad 1"]);
  room.move("redraw", 1);
  other.move("redraw", 1);
  for (let i = 0; i < 6; i += 1) {
    room.patch.move("intensity", -12 - i);
    other.move("intensity", -13 - i);
    room.advance(3000);
  }
  assert.equal(room.clips.filter(({ name }) => name.startsWith("warm")).length, 3);
  assert.equal(room.clips.filter(({ name }) => name.startsWith("other")).length, 3);
  for (const clip of room.clips) assert.equal(crooked(clip), "");
});

test("a set that changes under a landing is said, and the next one lands", () => {
  const room = new Studio();
  room.press("generate");
  room.until(() => room.clips.length === 1, "a clip");
  room.live.remove(room.clips[0]);
  Object.assign(room.bass.clip_slots[0], { clip: null, has_clip: 0 });
  room.advance(12_000);
  room.generate();
  assert.equal(room.clips.length, 1);
  assert.equal(crooked(room.clips[0]), "");
});

test("what is said again of a request whose take has come does not hide that it lands", () => {
  const room = new Studio({ scenes: 8 });
  const say = room.bridge.say.bind(room.bridge);
  room.bridge.say = (patch, path, ...rest) => path !== "/ditto/done" && say(patch, path, ...rest); // lost on the way
  room.press("generate");
  room.until(() => /^Landing/.test(room.status), () => room.status);
  const [id] = [...room.bridge.requests.keys()].slice(-1);
  say(room.patch, "/ditto/accepted", id, 0);
  say(room.patch, "/ditto/progress", id, "optimise", 0, 1, 20, 3);
  room.advance(1);
  assert.match(room.status, /^Landing/);
  room.settle();
  assert.match(room.status, /^Landed/);
});
