// Anything, in any order: whatever a producer does, nothing of theirs is lost, every loop of ours is right or said to be
// wrong, no object is made, and the device goes on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chance } from "../chance.mjs";
import { launch } from "../methods.mjs";
import { crooked, Studio } from "../studio.mjs";

const SEEDS = Number(process.env.DITTO_SEEDS ?? 12);
const STEPS = 60;

const LAYERS = ["drums", "percussion", "bass", "chords", "lead", "texture"];
const note = (pitch, start_time) => ({ pitch, start_time, duration: 0.5 });

function setUp(random, path) {
  return new Studio({
    scenes: 4, sceneLimit: 4 + Math.floor(random() * 30), warpDelay: [0, 45, 400, 2000, 5000][Math.floor(random() * 5)],
    guess: [null, { beats: 8 }, { beats: 17.3, extra: [[1, 2.9], [3, 7.1]] }, { shift: 0.02, beats: 15.9 }][Math.floor(random() * 4)],
    hiddenCounts: random() < 0.3, takeLanes: random() < 0.8, version: random() < 0.3 ? [12, 4, 5] : [12, 3, 5], file: "/set.als",
    patch: { assignKeeps: random() < 0.5 ? "all" : "float", bareText: random() < 0.5 },
    build(live, studio) {
      live.files.set(path, { rate: 44100, samples: 44100 * 3, seconds: 3 });
      live.midiClip(studio.keys, 0, "", [note(60, 0)]);
      live.midiClip(studio.keys, 1, "", [note(62, 1)]);
      const other = live.track("Other");
      live.audioClip(other, 0, path, { name: "mine" });
      live.audioClip(studio.bass, 2, path, { name: "mine too" });
      live.arrangementClip(studio.bass, 40, 48);
      live.simpler(live.rack(studio.keys, { drums: true }).chain);
      studio.filter = live.parameter(live.anyDevice(studio.keys, "Device", { name: "Filter", class_name: "F" }), "Cutoff", { automation: 1 });
      studio.filter.lane = (beat) => 0.5 + 0.4 * Math.sin(beat);
    },
  });
}

const ACTIONS = {
  generate: (room) => room.press("generate"),
  land: (room) => room.press("land"),
  keep: (room) => room.press("keep"),
  drop: (room) => room.press("drop"),
  stop: (room) => room.press("stop"),
  dial: (room, random) => room.patch.move("intensity", -40 + 30 * random()),
  redraw: (room) => room.move("redraw", 1 - room.patch.find("redraw").value),
  learn: (room) => room.move("learn", 1 - room.patch.find("learn").value),
  listen: (room) => room.move("listen", 1 - room.patch.find("listen").value),
  source: (room, random) => room.move("source", Math.floor(random() * 5)),
  bars: (room, random) => room.move("bars", [1, 2, 4, 8][Math.floor(random() * 4)]),
  takes: (room, random) => room.move("takes", 1 + Math.floor(random() * 3)),
  menu(room, random) {
    const key = ["melody", "rhythm", "audio", "use", "drives", "level", "target", "place", "take", "layers", "chords"][Math.floor(random() * 11)];
    const menu = room.patch.find(key);
    const index = Math.floor(random() * menu.items.length);
    if (!menu.disabled.has(index)) room.pick(key, index);
  },
  lit: (room, random) => room.move(`layer_${LAYERS[Math.floor(random() * 6)]}`, Math.floor(random() * 2)),
  mute: (room, random) => room.move(`mute_${LAYERS[Math.floor(random() * 6)]}`, Math.floor(random() * 2)),
  again: (room, random) => room.press(`again_${LAYERS[Math.floor(random() * 6)]}`),
  draw: (room, random) => room.patch.find("display").drag([[30, 30 + 60 * random()], [200, 30 + 60 * random()]]),
  scene: (room, random) => (room.live.view.selected_scene = room.live.song.scenes[Math.floor(random() * 4)]),
  brace: (room, random) => Object.assign(room.live.song, { loop_start: [0, 16, 32, 44][Math.floor(random() * 4)], loop: random() < 0.8 ? 1 : 0 }),
  playing(room) {
    room.live.song.current_song_time = 0.1;
    room.live.change(room.live.song, "is_playing", 1 - room.live.song.is_playing);
  },
  pass(room) {
    if (room.live.song.is_playing) room.pass();
  },
  select: (room, random) => room.live.select(random() < 0.5 ? room.filter : room.device.parameters[0]),
  open(room, random) {
    const clips = [...room.live.objects.values()].filter(({ type }) => type === "Clip");
    room.live.open(clips[Math.floor(random() * clips.length)]);
  },
  track: (room) => room.live.song.tracks.length < 9 && room.live.track("More"),
  selectTrack: (room, random) => room.live.selectTrack(room.live.song.tracks[Math.floor(random() * 3)]),
  back: (room) => room.live.song.tracks.forEach((track) => (track.playing_slot_index = -1)),
  deleteOurs(room, random) {
    const slots = room.bass.clip_slots.filter(({ clip }) => clip?.file_path.startsWith("/takes/"));
    const slot = slots[Math.floor(random() * slots.length)];
    if (!slot) return;
    room.live.remove(slot.clip);
    Object.assign(slot, { clip: null, has_clip: 0 });
  },
  audio: (room) => room.patch.turnAudio(!room.patch.audio),
  bridge: (room) => (room.bridge.silent = !room.bridge.silent),
  save: (room) => room.patch.speak(),
  enable: (room, random) => room.patch.enable(random() < 0.5),
  wait: (room) => room.advance(5000),
  reopen(room) {
    room.patch.turnAudio(true);
    room.advance(25_000); // what has landed is watched to its end; a set that is closed before keeps what Live makes of it
    const { saved, bareText, assignKeeps } = room.patch;
    room.patch.close();
    const before = room.live.made;
    room.patch = room.plug(room.device, { stored: saved, bareText, assignKeeps });
    room.advance(500);
    room.loading = (room.loading ?? 0) + room.live.made - before;
  },
  other: (room) => room.other.press("generate"),
  otherRedraw: (room) => room.other.move("redraw", 1 - room.other.find("redraw").value),
  otherDial: (room, random) => room.other.move("intensity", -40 + 30 * random()),
  otherDrop: (room) => room.other.press("drop"),
};

const NAMES = Object.keys(ACTIONS);

function check(room, mine, where) {
  for (const clip of mine) assert.ok(room.live.objects.has(clip.id) && !clip.cut, `${where}: ${clip.name} is lost`);
  assert.deepEqual([...room.patch.problems, ...room.other.problems], [], where);
}

test(`chaos: ${SEEDS} sessions of ${STEPS} acts`, () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = chance(seed);
    const path = "/mine.wav";
    const room = setUp(random, path);
    room.other = room.plug(room.live.device(room.bass));
    room.advance(2000);
    room.other.type("other pad");
    const mine = [...room.live.objects.values()].filter(({ type }) => type === "Clip");
    const before = room.live.made;
    const told = [];
    for (let step = 0; step < STEPS; step += 1) {
      const name = NAMES[Math.floor(random() * NAMES.length)];
      told.push(name);
      try {
        ACTIONS[name](room, random);
        room.advance(Math.floor(random() * 1500));
      } catch (error) {
        error.message += ` (seed ${seed}: ${told.slice(-8).join(", ")})`;
        throw error;
      }
      check(room, mine, `seed ${seed}, step ${step}, ${told.slice(-5).join(", ")}`);
    }
    room.patch.turnAudio(true);
    room.bridge.silent = false;
    room.live.change(room.live.song, "is_playing", 0);
    room.advance(60_000);
    launch(room.live);
    const bad = [...room.live.objects.values()].filter(({ type, file_path: file, parent }) =>
      type === "Clip" && file?.startsWith("/takes/") && parent.type === "ClipSlot").filter((clip) => {
      const { seconds } = room.live.files.get(clip.file_path);
      return crooked(clip, seconds * 2);
    });
    assert.deepEqual(bad.map((clip) => crooked(clip, room.live.files.get(clip.file_path).seconds * 2)), [], `seed ${seed}`);
    assert.equal(room.live.made - (room.loading ?? 0), before, `seed ${seed}: objects were made`);
    room.patch.enable(true);
    room.pick("place", "Next slot");
    room.pick("target", 0);
    for (const [key, value] of [["source", 0], ["takes", 1], ["bars", 4]]) room.move(key, value);
    for (const key of ["melody", "rhythm", "audio", "chords", "layers", "drives"]) room.pick(key, 0);
    room.advance(1000);
    const made = room.bridge.done.length;
    room.press("generate");
    room.advance(10_000);
    assert.equal(room.bridge.done.length, made + 1, `seed ${seed}: ${room.status}`);
  }
});
