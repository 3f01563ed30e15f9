// Layers: which a loop has, what is muted, one made anew, under a clip, the chords of a clip, stems on tracks, strength.
import assert from "node:assert/strict";
import { test } from "node:test";
import { crooked, Studio } from "../studio.mjs";

const note = (pitch, start_time) => ({ pitch, start_time, duration: 2 });
const set = (room) => room.bridge.last.settings;

test("by the words nothing is said of layers; as lit they are named; a full mix is one", () => {
  const room = new Studio();
  room.generate();
  assert.equal(set(room).layers, undefined);
  room.move("layer_bass", 1);
  room.move("layer_drums", 1);
  assert.equal(room.patch.find("layers").items[room.patch.find("layers").index], "As lit");
  room.generate();
  assert.equal(set(room).layers, "drums,bass");
  room.pick("layers", "Full mix");
  room.generate();
  assert.equal(set(room).layers, "mix");
  assert.equal(set(room).mute, undefined);
});

test("muted layers are named only where the loop has them, and what cannot be is said", () => {
  const room = new Studio();
  room.move("layer_bass", 1);
  room.move("layer_drums", 1);
  room.move("mute_bass", 1);
  room.move("mute_lead", 1);
  room.generate();
  assert.equal(set(room).mute, "bass");
  room.move("layer_drums", 0);
  room.press("generate");
  assert.match(room.status, /All layers are muted/);
  room.advance(400);
  room.move("layer_bass", 0);
  room.press("generate");
  assert.match(room.status, /No layer is lit/);
});

test("again makes one layer of the last take anew, and names nothing that would change the others", () => {
  const room = new Studio();
  room.press("again_bass");
  assert.match(room.status, /no take yet/);
  room.generate();
  room.press("again_bass");
  room.settle();
  assert.deepEqual(Object.keys(set(room)).sort(), ["again", "from_take", "priority", "slot"]);
  assert.equal(set(room).again, "bass");
  assert.equal(set(room).from_take, "take-1");
  assert.equal(room.clips.length, 2);
  for (const clip of room.clips) assert.equal(crooked(clip), "");
});

test("again of a full mix is the bridge's sentence, and nothing lands", () => {
  const room = new Studio();
  room.pick("layers", "Full mix");
  room.generate();
  room.press("again_bass");
  room.advance(400);
  assert.match(room.status, /one full mix/);
  assert.equal(room.clips.length, 1);
});

test("while Redraw is on a mute makes a new take", () => {
  const room = new Studio();
  room.generate();
  room.move("redraw", 1);
  room.play();
  room.move("mute_drums", 1);
  room.pass();
  room.advance(1500);
  assert.equal(room.bridge.done.length, 2);
  assert.equal(set(room).mute, "drums");
  assert.equal(set(room).from_take, "take-1");
});

test("the chords of a MIDI clip are sent as its notes", () => {
  const build = (live) => void live.midiClip(live.song.tracks[0], 0, "pads", [note(57, 0), note(60, 0), note(64, 0), note(53, 2)]);
  const room = new Studio({ build });
  room.pick("chords", "Keys: pads");
  room.generate();
  const { rows } = room.bridge.last.chunks["notes chords"];
  assert.deepEqual(rows.slice(0, 4).map(([pitch, start]) => [pitch, start]), [[57, 0], [60, 0], [64, 0], [53, 2]]);
  assert.equal(rows.length, 16); // a bar, four times
  const again = new Studio({ build, patch: { stored: room.patch.saved } });
  assert.equal(again.patch.find("chords").items[again.patch.find("chords").index], "Keys: pads");
});

const withLoop = (properties) => (live) => {
  live.files.set("/mine/loop.wav", { rate: 48000, samples: 384000, seconds: 8 });
  live.audioClip(live.track("Guitar"), 0, "/mine/loop.wav", { name: "riff", ...properties });
};

test("under a clip: the bass, where no others are lit; never a full mix", () => {
  const room = new Studio({ build: withLoop({}) });
  room.pick("audio", "Guitar: riff");
  room.pick("use", "Under this loop");
  room.generate();
  assert.equal(set(room).with, "/mine/loop.wav");
  assert.equal(set(room).layers, "bass");
  room.move("layer_drums", 1);
  room.generate();
  assert.equal(set(room).layers, "drums");
  room.pick("layers", "Full mix");
  room.press("generate");
  assert.match(room.status, /full mix cannot be made to fit/);
});

const tempo90 = [[0, 0], [8, 12]]; // seconds and beats of a file at 90 BPM
for (const [what, properties, part] of [
  ["warped, by its start and end", { start_marker: 3, end_marker: 9, markers: tempo90 }, "#2.0000:6.0000"],
  ["warped and looped, by its loop", { looping: 1, loop_start: 6, loop_end: 12, markers: tempo90 }, "#4.0000:8.0000"],
  ["not warped, in seconds", { warping: 0, start_marker: 1.25, end_marker: 5.5 }, "#1.2500:5.5000"],
  ["whole", { start_marker: 0, end_marker: 12, markers: tempo90 }, ""],
  ["beyond the file's ends", { start_marker: -4, end_marker: 40, markers: tempo90 }, ""],
  ["bent by its markers", { start_marker: 2, end_marker: 10, markers: [[0, 0], [2, 8], [8, 12]] }, "#0.5000:5.0000"],
]) test(`of an audio clip only what sounds is material: ${what}`, () => {
  const room = new Studio({ build: withLoop(properties) });
  room.pick("audio", "Guitar: riff");
  room.generate();
  assert.equal(set(room).timbre, `/mine/loop.wav${part}`);
});

test("a clip of whose file nothing sounds is said", () => {
  const room = new Studio({ build: withLoop({ warping: 0, start_marker: 9, end_marker: 12 }) });
  room.pick("audio", "Guitar: riff");
  room.press("generate");
  assert.match(room.status, /Nothing of the file of ‘Guitar: riff’/);
});

test("to continue a part of a clip its own length counts", () => {
  const room = new Studio({ build: withLoop({ warping: 0, start_marker: 0, end_marker: 4 }) });
  room.pick("audio", "Guitar: riff");
  room.pick("use", "Continue it");
  room.generate();
  assert.equal(set(room).inpaint, "/mine/loop.wav#0.0000:4.0000");
  assert.equal(set(room).outpaint, "2"); // two bars of four
});

const toStems = (options = {}) => {
  const room = new Studio(options);
  room.pick("place", "Stems on tracks");
  room.generate();
  return room;
};
const stemTracks = (room) => room.live.song.tracks.filter(({ name }) => ["Drums", "Bass", "Chords"].includes(name) && name !== room.track.name);
const stemClips = (room) => room.live.song.tracks.flatMap(({ name, clip_slots: slots, color }) =>
  slots.filter(({ clip }) => clip?.name.startsWith("warm pad")).map(({ clip }) => ({ name, clip, color, row: slots.findIndex((slot) => slot.clip === clip) })));

test("stems: each layer on a track of its own, of one colour, in the selected scene, in one press", () => {
  const room = toStems({ build: (live) => { live.song.tracks[1].name = "Here"; live.view.selected_scene = live.song.scenes[2]; } });
  assert.equal(set(room).stems, "1");
  const clips = stemClips(room);
  assert.deepEqual(clips.map(({ name }) => name), ["Drums", "Bass", "Chords"]);
  assert.equal(new Set(clips.map(({ color }) => color)).size, 1);
  assert.deepEqual(clips.map(({ clip, color, row }) => [clip.color === color, row, crooked(clip)]), Array(3).fill([true, 2, ""]));
  assert.equal(room.clips.length, 0); // the mix itself stays in the menu
  assert.deepEqual(room.live.console, []);
});

test("stems of a second take land on the tracks of the first, below; nothing is replaced", () => {
  const room = toStems();
  const tracks = room.live.song.tracks.length;
  room.generate();
  assert.equal(room.live.song.tracks.length, tracks);
  assert.equal(stemClips(room).length, 6);
});

test("a stem track that was deleted is made anew", () => {
  const room = toStems();
  const track = room.live.song.tracks.find(({ name, clip_slots: slots }) => name === "Chords" && slots.some(({ clip }) => clip));
  room.live.song.tracks.splice(room.live.song.tracks.indexOf(track), 1);
  room.live.remove(track);
  room.live.notify(room.live.song, "tracks");
  room.advance(500);
  room.generate();
  assert.equal(room.live.song.tracks.filter(({ name, clip_slots: slots }) => name === "Chords" && slots.some(({ clip }) => clip)).length, 1);
});

test("stems of redraws take turns in two slots of each track, and the playing one is never taken", () => {
  const room = toStems({ scenes: 8 });
  room.move("redraw", 1);
  room.play();
  for (const { clip } of stemClips(room)) clip.parent.parent.playing_slot_index = 0;
  for (let i = 0; i < 6; i += 1) {
    room.patch.move("intensity", -15 - i);
    room.pass();
    room.advance(4000);
  }
  assert.equal(room.bridge.done.length, 7);
  assert.equal(stemClips(room).length, 9); // of each layer the first, and two redraws
  assert.equal(room.live.song.scenes.length, 8);
});

test("Land with Stems on tracks asks for the stems of a take that has none yet", () => {
  const room = new Studio();
  room.generate();
  assert.equal(set(room).stems, undefined);
  room.pick("place", "Stems on tracks");
  room.press("land");
  room.settle();
  room.advance(3000);
  assert.deepEqual(Object.keys(set(room)).sort(), ["from_take", "priority", "slot", "stems"]);
  assert.equal(stemClips(room).length, 4); // the mix, and three stems of it
});

test("a full mix has no stems, which is said once and lands nothing", () => {
  const room = new Studio();
  room.pick("layers", "Full mix");
  room.pick("place", "Stems on tracks");
  room.press("generate");
  room.advance(3000);
  assert.match(room.status, /full mix has no stems/);
});

for (const [what, change] of [["lost", { stemsLost: 2 }], ["overtaken", { early: true }], ["all lost once", { stemsLost: 3 }]])
  test(`stems that are ${what} on their way land all the same, once each`, () => {
    const room = new Studio();
    Object.assign(room.bridge, change);
    room.pick("place", "Stems on tracks");
    room.press("generate");
    room.advance(12_000);
    assert.equal(stemClips(room).length, 3);
  });

test("stems come back with the set, and Drop takes them all away", () => {
  const room = toStems();
  const clips = stemClips(room);
  room.press("drop");
  assert.equal(stemClips(room).length, 0);
  assert.equal(clips.length, 3);
  const saved = toStems();
  const again = new Studio({ patch: { stored: saved.patch.saved } });
  again.pick("place", "Stems on tracks");
  again.live.files.set("/takes/take-1.wav", { rate: 44100, samples: 352800, seconds: 8 });
  for (const layer of ["drums", "bass", "chords"]) again.live.files.set(`/takes/take-1-${layer}.wav`, { rate: 44100, samples: 352800, seconds: 8 });
  again.press("land");
  again.settle();
  again.advance(3000);
  assert.equal(again.bridge.done.length, 0);
  assert.equal(stemClips(again).length, 3);
});

test("landing stems makes no LiveAPI objects", () => {
  const room = new Studio();
  room.pick("place", "Stems on tracks");
  assert.equal(room.made(() => room.generate()), 0);
});

for (const [driven, control] of [["Intensity strength", "intensity"], ["Melody strength", "melody"], ["Rhythm strength", "rhythm"]])
  test(`the curve may move how much a control counts: ${driven}`, () => {
    const room = new Studio({ build: (live) => void live.midiClip(live.song.tracks[0], 0, "x", [note(60, 0)]) });
    room.pick("melody", "Keys: x");
    room.pick("rhythm", "Keys: x");
    room.patch.find("display").drag([[24, 101], [249, 21]]);
    room.advance(20);
    room.pick("drives", driven);
    room.move(`${control}_strength`, 150);
    room.generate();
    const pairs = set(room)[`${control}.weight`].split(" ").map((pair) => pair.split(":").map(Number));
    assert.ok(pairs.length >= 3 && pairs.length < 70);
    assert.equal(pairs[0][0], 0);
    assert.equal(pairs[pairs.length - 1][0], 16);
    assert.ok(Math.max(...pairs.map(([, weight]) => weight)) > 1.4);
    assert.ok(Math.min(...pairs.map(([, weight]) => weight)) < 0.1);
    const level = room.bridge.last.chunks["curve intensity"];
    if (control === "intensity") assert.deepEqual(level.rows.map(([, value]) => value), [-20, -20]);
    else assert.equal(level, undefined);
    assert.equal(set(room).intensity_source, control === "intensity" ? undefined : "none");
  });

test("a strength that has no control, and a curve that leaves it out, are said", () => {
  const room = new Studio();
  room.pick("drives", "Melody strength");
  room.press("generate");
  assert.match(room.status, /there is none. Pick a clip under Melody/);
  room.advance(400);
  room.pick("drives", "Intensity strength");
  room.move("intensity", -40);
  room.press("generate");
  assert.match(room.status, /lowest all along/);
});

test("how closely a take follows is on the face, the worst first", () => {
  const room = new Studio();
  room.bridge.notes = "Seed 7. melody: followed, 97 % of its time sounds as asked. intensity: missed by 3.1 dB in bar 2.";
  room.generate();
  assert.match(room.patch.find("take").items[0], /^1 · intensity missed$/);
  const shown = room.patch.find("display").state.verdicts;
  assert.deepEqual(JSON.parse(JSON.stringify(shown)), [["intensity", "miss", "missed by 3.1 dB"], ["melody", "good", "followed"]]);
  assert.ok(room.patch.find("display").texts.includes("missed by 3.1 dB"));
});
