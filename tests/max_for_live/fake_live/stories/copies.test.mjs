// Names that change, tracks and devices that are copied, and what a take's entry in the list stands for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Studio } from "../studio.mjs";

const note = (pitch) => ({ pitch, start_time: 0, duration: 0.5 });
const pitches = (room) => room.bridge.last.chunks["notes melody"].rows.map(([pitch]) => pitch);
const shown = (room, key) => room.patch.find(key).items[room.patch.find(key).index];

// Three tracks that have no name of their own: `3-MIDI`, `4-MIDI` and `5-Audio`.
function numbered(more = {}) {
  return new Studio({
    ...more,
    build(live, studio) {
      studio.midi = [48, 60].map((pitch) => {
        const track = live.track("MIDI", { midi: true, numbered: true });
        live.midiClip(track, 0, "", [note(pitch)]);
        return track;
      });
      studio.audio = live.track("Audio", { numbered: true });
    },
  });
}

test("a pick follows its clip through a new number of its track and new names, into the set that is opened anew", () => {
  const changes = {
    number: (room) => room.live.track("More", { at: 2 }),
    name(room) {
      room.midi[1].clip_slots[0].clip.name = "hook";
      room.live.selectTrack(room.midi[1]);
    },
    track(room) {
      room.midi[1].name = "Piano";
      room.live.selectTrack(room.midi[1]);
    },
  };
  for (const [what, change] of Object.entries(changes)) {
    const room = numbered();
    room.pick("melody", "4-MIDI · slot 1");
    change(room);
    room.advance(1000);
    room.generate();
    assert.deepEqual(pitches(room), [60, 60, 60, 60], what);
    room.reopen();
    room.generate();
    assert.deepEqual(pitches(room), [60, 60, 60, 60], `${what}: ${shown(room, "melody")}`);
  }
});

test("the track under Lands in stays the same through a new number, and is said to be gone when it is deleted", () => {
  const room = numbered();
  const after = room.live.track("Audio", { numbered: true });
  room.pick("target", "5-Audio");
  room.live.track("More", { at: 2 });
  room.advance(1000);
  assert.equal(shown(room, "target"), "6-Audio");
  room.reopen();
  room.generate();
  assert.equal(room.audio.clip_slots.filter(({ clip }) => clip).length, 1);
  room.live.song.tracks.splice(room.live.song.tracks.indexOf(room.audio), 1);
  room.live.remove(room.audio);
  room.live.notify(room.live.song, "tracks");
  room.advance(1000);
  assert.equal(after.name, "6-Audio"); // as the deleted one was called
  assert.equal(shown(room, "target"), "6-Audio (gone)");
  room.press("generate");
  room.advance(5000);
  assert.match(room.status, /The track that was chosen is gone/);
  assert.equal(after.clip_slots.filter(({ clip }) => clip).length, 0);
});

test("Drop in the device of a duplicated track removes the clip of that track", () => {
  const room = new Studio();
  room.generate();
  const copy = room.live.track("Bass", { at: 1 }); // before the first, so that it is met first
  const [first] = room.clips;
  room.live.audioClip(copy, 0, first.file_path, { name: first.name });
  for (const [track, other] of [[room.bass, copy], [copy, room.bass]]) {
    const device = room.live.device(track);
    const patch = room.plug(device, { stored: room.patch.saved });
    room.advance(3000);
    const before = other.clip_slots.filter(({ clip }) => clip).length;
    patch.press("drop");
    room.advance(100);
    assert.equal(track.clip_slots[0].has_clip, 0);
    assert.equal(other.clip_slots.filter(({ clip }) => clip).length, before);
    patch.close();
  }
});

test("a clip that Live does not let go is said, and its take stays in the list", () => {
  const room = new Studio({ frozenKeeps: true });
  room.generate();
  room.bass.is_frozen = 1;
  room.press("drop");
  room.advance(200);
  assert.match(room.status, /^Live did not remove the clip of ‘warm pad 1’. Unfreeze its track/);
  assert.equal(room.patch.find("take").items.length, 1);
  assert.match(room.patch.find("take").items[0], /^1(?!.*not landed)/);
  room.bass.is_frozen = 0;
  room.press("drop");
  room.advance(200);
  assert.match(room.status, /^The clip is gone/);
  assert.equal(room.clips.length, 0);
  assert.equal(shown(room, "take"), "No takes yet");
});

test("Drop of a take whose clip a hand has deleted says what it did", () => {
  const room = new Studio();
  room.generate();
  const [slot] = room.bass.clip_slots;
  room.live.remove(slot.clip);
  Object.assign(slot, { clip: null, has_clip: 0 });
  room.press("drop");
  room.advance(200);
  assert.match(room.status, /^The take is off the list/);
});

test("favourites stay in the list and come back with the set, however many there are and however many takes follow", () => {
  const room = new Studio({ scenes: 60 });
  for (let i = 0; i < 10; i += 1) {
    room.generate();
    room.press("keep");
  }
  for (let i = 0; i < 40; i += 1) room.generate();
  const kept = (items) => items.filter((item) => /^\d+ kept/.test(item));
  assert.equal(kept(room.patch.find("take").items).length, 10);
  assert.equal(room.patch.find("take").items.length, 24);
  room.reopen();
  assert.equal(kept(room.patch.find("take").items).length, 10);
});
