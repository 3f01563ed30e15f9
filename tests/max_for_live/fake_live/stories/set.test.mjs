// A set that changes at random while takes are made and land: tracks come, go and move, are frozen and recorded; clips are
// dropped, renamed, worked on, undone and redone; tempo and metre change; the set is closed and opened again. What a hand
// has made or touched is never lost, nothing goes wrong within the device, and it goes on afterwards.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chance } from "../chance.mjs";
import { launch } from "../methods.mjs";
import { crooked, Studio } from "../studio.mjs";

const SEEDS = Number(process.env.DITTO_SEEDS ?? 12);
const FIRST = Number(process.env.DITTO_FIRST_SEED ?? 1);
const STEPS = 80;
const WAV = "/mine.wav";
const PLACES = ["Selected scene", "Next slot", "New track", "Arrangement", "Stems on tracks"];

// The room, and all clips that are the producer's.
class Session {
  constructor(seed) {
    this.random = chance(seed);
    this.theirs = new Set();
    this.redone = new Set();
    this.room = new Studio({
      scenes: 4, sceneLimit: 4 + this.upTo(20), warpDelay: this.one([45, 400, 2000]), frozenKeeps: this.random() < 0.5,
      guess: this.one([null, { beats: 8 }, { beats: 17.3, extra: [[1, 2.9], [3, 7.1]] }]), file: "/set.als",
      patch: { assignKeeps: this.one(["all", "float"]) },
      build: (live) => {
        live.files.set(WAV, { rate: 44100, samples: 44100 * 3, seconds: 3 });
        for (let i = 0; i < 3; i += 1) live.track("Audio", { numbered: true });
        live.midiClip(live.song.tracks[0], 0, "", [{ pitch: 60, start_time: 0, duration: 1 }]);
      },
    });
    for (const { type, ...clip } of this.live.objects.values()) if (type === "Clip") this.theirs.add(this.live.objects.get(clip.id));
  }

  get live() {
    return this.room.live;
  }

  get song() {
    return this.live.song;
  }

  upTo(count) {
    return Math.floor(this.random() * count);
  }

  one(list) {
    return list[this.upTo(list.length)];
  }

  get audioTracks() {
    return this.song.tracks.filter((track) => track.has_audio_input && !track.is_foldable);
  }

  // All slots of audio tracks with a clip, or without one.
  slots(full) {
    return this.audioTracks.flatMap((track) => track.clip_slots).filter((slot) => Boolean(slot.has_clip) === full);
  }

  deleteClip(clip) {
    const { parent } = clip;
    if (parent.type === "ClipSlot") Object.assign(parent, { clip: null, has_clip: 0 });
    else parent.arrangement_clips = parent.arrangement_clips.filter((other) => other !== clip);
    this.live.remove(clip);
    this.theirs.delete(clip);
  }

  // Every clip of a track that is deleted goes with it, by the producer's own hand.
  deleteTrack(track) {
    for (const clip of [...this.theirs]) if (this.live.trackOf(clip) === track) this.deleteClip(clip);
    for (const object of [...this.live.objects.values()])
      if (object !== this.room.device && object.type !== "MaxDevice" && this.live.trackOf(object) === track) this.live.remove(object);
    this.song.tracks.splice(this.song.tracks.indexOf(track), 1);
    this.live.notify(this.song, "tracks");
  }

  moveDevice(track) {
    const { device } = this.room;
    device.parent.devices = device.parent.devices.filter((other) => other !== device);
    device.parent = track;
    track.devices.push(device);
  }
}

const HANDS = {
  generate: ({ room }) => room.press("generate"),
  land: ({ room }) => room.press("land"),
  keep: ({ room }) => room.press("keep"),
  again: ({ room }) => room.press("again_bass"),
  redraw: ({ room }) => room.move("redraw", 1 - room.patch.find("redraw").value),
  dial: (all) => all.room.patch.move("intensity", -40 + 30 * all.random()),
  place: (all) => all.room.pick("place", all.one(PLACES)),
  target: (all) => all.room.pick("target", all.upTo(all.room.patch.find("target").items.length)),
  melody: (all) => all.room.pick("melody", all.upTo(all.room.patch.find("melody").items.length)),
  take: (all) => all.room.pick("take", all.upTo(all.room.patch.find("take").items.length)),
  tempo: (all) => all.live.change(all.song, "tempo", all.one([60, 97.3, 120, 133.37, 174])),
  metre: (all) => Object.assign(all.song, all.one([[4, 4], [7, 8], [3, 4]]).reduce((set, value, i) =>
    ({ ...set, [i ? "signature_denominator" : "signature_numerator"]: value }), {})),
  newTrack: (all) => all.song.tracks.length < 9 && all.live.track("Audio", { numbered: true, at: all.upTo(all.song.tracks.length + 1) }),
  deleteTrack(all) {
    const others = all.song.tracks.filter((track) => track !== all.live.trackOf(all.room.device));
    if (others.length > 3) all.deleteTrack(all.one(others));
  },
  moveDevice: (all) => all.moveDevice(all.one(all.song.tracks)),
  freeze(all) {
    const track = all.one(all.audioTracks);
    track.is_frozen = 1 - track.is_frozen;
  },
  rename: (all) => (all.one(all.song.tracks).name = all.one(["Same", "-", "808", "ü 日本"])),
  newScene: (all) => all.song.scenes.length < 12 && all.live.addScene(),
  drop(all) {
    const slot = all.one(all.slots(false));
    if (slot) all.theirs.add(all.live.audioClip(slot.parent, slot.parent.clip_slots.indexOf(slot), WAV, { name: "mine" }));
  },
  replace(all) {
    const slot = all.one(all.slots(true));
    if (!slot) return;
    all.deleteClip(slot.clip);
    all.theirs.add(all.live.audioClip(slot.parent, slot.parent.clip_slots.indexOf(slot), WAV, { name: "mine instead" }));
  },
  arrange: (all) => {
    const track = all.one(all.audioTracks);
    const start = 8 * all.upTo(8);
    if (!track.arrangement_clips.some((clip) => clip.start_time < start + 8 && clip.end_time > start))
      all.theirs.add(all.live.arrangementClip(track, start, start + 8));
  },
  work(all) {
    if (/^Landing/.test(all.room.status)) return; // what is done within these moments counts as ours
    const clip = all.one(all.slots(true).map((slot) => slot.clip));
    if (!clip) return;
    all.one([() => (clip.gain = all.random()), () => (clip.name = "worked on"), () => (clip.pitch_coarse = 1 + all.upTo(9))])();
    all.theirs.add(clip);
  },
  undo(all) {
    const ours = all.slots(true).map(({ clip }) => clip).filter((clip) => !all.theirs.has(clip));
    const clip = all.one(ours);
    if (!clip) return;
    const { parent } = clip;
    all.deleteClip(clip);
    all.undone = { clip, parent };
  },
  redo(all) {
    const { clip, parent } = all.undone ?? {};
    all.undone = null;
    if (!clip || parent.has_clip || !all.live.objects.has(parent.id)) return;
    clip.id = all.live.nextId++; // what comes back is another object
    all.live.objects.set(clip.id, clip);
    Object.assign(parent, { clip, has_clip: 1 });
    all.redone.add(clip); // as it was in the middle of its landing, perhaps
  },
  recordSlot(all) {
    const slot = all.one(all.slots(false));
    if (slot && all.song.is_playing) slot.parent.fired_slot_index = slot.parent.clip_slots.indexOf(slot);
  },
  recordArrangement(all) {
    all.one(all.audioTracks).arm = 1;
    all.song.record_mode = 1 - all.song.record_mode;
  },
  brace: (all) => Object.assign(all.song, { loop_start: 16 * all.upTo(3), loop: all.random() < 0.8 ? 1 : 0 }),
  play(all) {
    all.song.current_song_time = 0.1;
    all.live.change(all.song, "is_playing", 1 - all.song.is_playing);
  },
  pass(all) {
    if (all.song.is_playing) all.room.pass();
  },
  reopen(all) {
    all.room.advance(25_000); // what is watched after landing is watched to its end
    all.room.reopen();
  },
  preset: (all) => all.room.patch.find("kept-state").restore(all.preset ?? (all.preset = all.room.patch.saved["kept-state"])),
};

function check({ live, theirs, room }, where) {
  for (const clip of theirs) assert.ok(live.objects.get(clip.id) === clip && !clip.cut, `${where}: ${clip.name} is lost`);
  assert.equal(live.recordingsLost, 0, `${where}: a recording was taken away`);
  assert.deepEqual(room.patch.problems, [], where);
}

// What of ours in the Session is neither right nor said to be wrong.
const wrong = ({ theirs, redone, live }) => [...live.objects.values()].filter((clip) =>
  clip.type === "Clip" && clip.parent.type === "ClipSlot" && clip.file_path?.startsWith("/takes/") && !theirs.has(clip) && !redone.has(clip))
  .map((clip) => crooked(clip, live.files.get(clip.file_path).beats, (live.files.get(clip.file_path).beats * 60)
    / live.files.get(clip.file_path).seconds)).filter(Boolean);

test(`a set that changes: ${SEEDS - FIRST + 1} sessions of ${STEPS} acts`, () => {
  const names = Object.keys(HANDS);
  for (let seed = FIRST; seed <= SEEDS; seed += 1) {
    const all = new Session(seed);
    const told = [];
    for (let step = 0; step < STEPS; step += 1) {
      told.push(all.one(names));
      const where = `seed ${seed}, step ${step}, ${told.slice(-8).join(", ")}`;
      try {
        HANDS[told[step]](all);
        all.room.advance(all.upTo(1200));
        launch(all.live);
      } catch (error) {
        error.message += ` (${where})`;
        throw error;
      }
      check(all, where);
    }
    all.live.change(all.song, "is_playing", 0);
    all.room.move("redraw", 0);
    all.room.advance(60_000);
    check(all, `seed ${seed}, at the end`);
    assert.deepEqual(wrong(all), [], `seed ${seed}`);
    const track = all.live.track("The last");
    all.room.advance(3000);
    for (const [menu, label] of [["place", "Selected scene"], ["target", "The last"], ["melody", "Off"]]) all.room.pick(menu, label);
    all.room.press("generate");
    all.room.advance(30_000);
    assert.equal(track.clip_slots.filter(({ clip }) => clip).length, 1, `seed ${seed}: ${all.room.status}`);
  }
});
