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

test("a preset that is put onto a running device changes its settings, not what it has made; an undo neither", () => {
  for (const assignKeeps of ["all", "float"]) {
    const other = new Studio({ prompt: "of the preset", patch: { assignKeeps } });
    other.generate();
    other.pick("place", "Next slot");
    const preset = other.patch.saved["kept-state"];
    const room = new Studio({ patch: { assignKeeps } });
    for (let i = 0; i < 3; i += 1) room.generate();
    room.patch.find("kept-state").restore(preset);
    room.advance(500);
    assert.equal(room.patch.find("prompt").text, "of the preset");
    assert.equal(shown(room, "place"), "Next slot");
    assert.equal(room.patch.find("take").items.length, 3);
    room.move("redraw", 1);
    room.patch.move("intensity", -13);
    room.advance(3000);
    assert.equal(room.bridge.last.settings.from_take, "take-3");
    room.move("redraw", 0);
    room.reopen();
    assert.equal(room.patch.find("take").items.length, 4);
  }
});

test("on a return track and on the main track the device does all but land there, and nothing appears on Live's console", () => {
  for (const name of ["A-Reverb", "Main"]) {
    const room = new Studio({ file: "/set.als", build: (live) => live.busTrack(name) });
    room.generate();
    assert.match(room.status, new RegExp(`‘${name}’ holds no audio clips. Choose an audio track`));
    room.pick("target", "Bass");
    room.press("land");
    room.settle();
    assert.match(room.status, /^Landed on ‘Bass’/);
    room.device.parameters[0].automation = 1;
    room.device.parameters[0].lane = (beat) => -40 + beat;
    room.move("source", 2);
    room.generate();
    assert.equal(room.bridge.last.settings.lane, `/set.als#"${name}"/"Ditto Live"/Intensity`);
    room.live.select(room.device.parameters[0]);
    room.move("learn", 1);
    room.until(() => /^Learned/.test(room.status), () => room.status, 40);
    room.move("source", 0);
    room.move("redraw", 1);
    room.play();
    room.patch.move("intensity", -13);
    room.pass();
    room.advance(3000);
    assert.deepEqual(room.live.console, []);
  }
});

test("within racks: our device is told from its twin, a Drum Rack is heard as one, a pad of it takes a loop", () => {
  const room = new Studio({
    file: "/set.als", version: [12, 4, 5],
    build(live, studio) {
      live.device(studio.bass); // a twin before it
      studio.inner = live.rack(studio.bass).chain;
      const drums = live.rack(live.rack(studio.keys).chain, { drums: true });
      studio.pad = live.simpler(drums.chain);
      live.midiClip(studio.keys, 0, "beat", [note(36), note(38)]);
    },
  });
  room.patch.close();
  const own = room.live.device(room.inner);
  room.device = own;
  room.patch = room.plug(own, { stored: room.patch.saved });
  room.advance(2000);
  for (const device of [room.bass.devices[0], own]) device.parameters[0].automation = 1;
  room.move("source", 2);
  room.generate();
  assert.equal(room.bridge.last.settings.lane, '/set.als#"Bass"/"Ditto Live"/Intensity (2)');
  room.move("source", 0);
  room.pick("rhythm", "Keys: beat");
  room.move("drums", 1);
  room.generate();
  assert.deepEqual(room.bridge.last.chunks["onsets rhythm"].rows.slice(0, 2).map((row) => row[2]).sort(), ["kick", "snare"]);
  room.pick("rhythm", 0);
  room.pick("target", "Keys");
  room.pick("place", "Drum pad");
  room.press("land");
  room.settle();
  assert.match(room.pad.sample ?? "", /take/);
});

test("a take whose file is gone is said when it is to be heard, and the next one plays", () => {
  const room = new Studio();
  room.generate();
  room.generate();
  room.live.files.delete("/takes/take-1.wav");
  room.move("listen", 1);
  room.pick("take", 1);
  room.advance(5000);
  assert.equal(room.status, "/takes/take-1.wav cannot be played. Is the file still there?");
  assert.equal(room.patch.find("line").value, 0);
  room.pick("take", 0);
  room.advance(5000);
  assert.equal(room.patch.find("line").value, 1);
});
