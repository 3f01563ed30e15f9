// What lies on tracks is material: which clip is meant, and what of it is sent.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Studio } from "../studio.mjs";

const note = (pitch, start_time, more = {}) => ({ pitch, start_time, duration: 0.5, ...more });
const sent = (room, part) => room.bridge.last.chunks[part]?.rows;
const pitches = (room, part = "notes melody") => sent(room, part).map(([pitch]) => pitch);

test("A3: of two clips without a name the one that was picked is sent", () => {
  const room = new Studio({
    build(live) {
      live.midiClip(live.song.tracks[0], 0, "", [note(48, 0)]);
      live.midiClip(live.song.tracks[0], 1, "", [note(60, 0)]);
    },
  });
  const { items } = room.patch.find("melody");
  assert.deepEqual(items, ["Off", "Clip in Detail View", "Keys · slot 1", "Keys · slot 2"]);
  room.pick("melody", 3);
  room.generate();
  assert.deepEqual(pitches(room), [60, 60, 60, 60]);
});

test("a clip without a name in the Arrangement is called by the bar and beat that Live shows", () => {
  const room = new Studio({
    build(live) {
      Object.assign(live.song, { signature_numerator: 6, signature_denominator: 8 });
      for (const start of [0, 96, 97]) live.arrangementClip(live.song.tracks[0], start, start + 0.5, { is_midi_clip: 1, name: "" });
    },
  });
  assert.deepEqual(room.patch.find("melody").items.slice(2), ["Keys · bar 1", "Keys · bar 33", "Keys · bar 33.3"]);
});

test("A3: two clips of one name on tracks of one name are told apart", () => {
  const room = new Studio({
    build(live) {
      const twin = live.track("Keys", { midi: true });
      live.midiClip(live.song.tracks[0], 0, "hook", [note(48, 0)]);
      live.midiClip(twin, 0, "hook", [note(60, 0)]);
      live.midiClip(twin, 2, "hook", [note(72, 0)]);
    },
  });
  for (const [index, pitch] of [[2, 48], [3, 60], [4, 72]]) {
    room.pick("melody", index);
    room.generate();
    assert.equal(pitches(room)[0], pitch);
  }
});

test("A3: renaming a clip or its track keeps the pick, and the menu shows the new name", () => {
  const room = new Studio({ build: (live) => void live.midiClip(live.song.tracks[0], 0, "hook", [note(48, 0)]) });
  room.pick("melody", "Keys: hook");
  const { clip } = room.keys.clip_slots[0];
  clip.name = "verse";
  room.keys.name = "Piano";
  room.live.open(clip);
  room.advance(300);
  assert.ok(room.patch.find("melody").items.includes("Piano: verse"));
  room.generate();
  assert.equal(pitches(room)[0], 48);
});

test("A3: names and new clips of a track are in the menus as soon as it is selected or left", () => {
  const room = new Studio({ build: (live) => void live.midiClip(live.song.tracks[0], 0, "hook", [note(48, 0)]) });
  room.pick("melody", "Keys: hook");
  room.live.selectTrack(room.keys);
  room.advance(300);
  room.keys.name = "Piano";
  room.live.midiClip(room.keys, 1, "verse", [note(60, 0)]);
  room.live.selectTrack(room.bass);
  room.advance(300);
  const menu = room.patch.find("melody");
  assert.deepEqual(menu.items, ["Off", "Clip in Detail View", "Piano: hook", "Piano: verse"]);
  assert.equal(menu.index, 2);
  assert.ok(room.patch.find("target").items.includes("Piano"));
  room.generate();
  assert.equal(pitches(room)[0], 48);
});

test("A3: a picked clip that is gone is said, and no other is taken in its place", () => {
  const room = new Studio({
    build(live) {
      live.midiClip(live.song.tracks[0], 0, "", [note(48, 0)]);
      live.midiClip(live.song.tracks[0], 1, "", [note(60, 0)]);
    },
  });
  room.pick("melody", 2);
  const [slot] = room.keys.clip_slots;
  room.live.remove(slot.clip);
  Object.assign(slot, { clip: null, has_clip: 0 });
  room.press("generate");
  assert.match(room.status, /The melody clip .* is not there/);
  room.live.track("Another"); // the menus are filled anew
  room.advance(2000);
  assert.match(room.patch.find("melody").items[room.patch.find("melody").index], /gone/);
});

test("A3: in a set that is opened again the pick is found by track, scene and name", () => {
  const build = (live) => {
    live.midiClip(live.song.tracks[0], 0, "", [note(48, 0)]);
    live.midiClip(live.song.tracks[0], 1, "", [note(60, 0)]);
  };
  const room = new Studio({ build });
  room.pick("melody", 3);
  const again = new Studio({
    build(live) {
      live.add("Scene", {}); // so that ids differ
      build(live);
    },
    patch: { stored: room.patch.saved },
  });
  again.generate();
  assert.equal(pitches(again)[0], 60);
});

test("B6: a new clip that is opened below is in the menus at once", () => {
  const room = new Studio();
  const clip = room.live.midiClip(room.keys, 2, "", [note(50, 0)]);
  room.live.open(clip);
  room.advance(100);
  assert.ok(room.patch.find("melody").items.includes("Keys · slot 3"));
  room.pick("melody", "Clip in Detail View");
  room.generate();
  assert.equal(pitches(room)[0], 50);
});

test("notes as documented: muted, unlikely and empty ones are not heard, early ones belong to the first beat", () => {
  const notes = [
    note(60, 4), note(61, 4.5, { mute: 1 }), note(62, 5, { probability: 0.49 }), note(63, 5.5, { probability: 0.5 }),
    note(64, 6, { duration: 0 }), note(65, 3.9), note(66, 3.75), note(67, 7.8, { duration: 4 }), note(68, 8),
  ];
  const room = new Studio({ build: (live) => void live.midiClip(live.song.tracks[0], 0, "x", notes, { start: 4, length: 4 }) });
  room.move("bars", 1);
  room.pick("melody", "Keys: x");
  room.generate();
  const rows = sent(room, "notes melody").map(([pitch, start, duration]) => [pitch, start, Math.round(duration * 100) / 100]);
  assert.deepEqual(rows, [[65, 0, 0.5], [60, 0, 0.5], [63, 1.5, 0.5], [67, 3.799999952316284, 0.2]]);
});

const KIT = [note(36, 0), note(38, 1), note(42, 0.5), note(45, 2), note(49, 3), note(36, 2, { velocity: 64 }), note(75, 3.5)];

test("B6: on a Drum Rack kick, snare and hat are told apart by pitch, by choice", () => {
  const room = new Studio({
    build(live) {
      live.rack(live.song.tracks[0], { drums: true });
      live.midiClip(live.song.tracks[0], 0, "beat", KIT);
    },
  });
  room.move("bars", 1);
  room.pick("rhythm", "Keys: beat");
  room.generate();
  const strokes = sent(room, "onsets rhythm").map(([beat, , group]) => [beat, group]);
  assert.deepEqual(strokes, [[0, "kick"], [0.5, "hat"], [1, "snare"], [2, "kick"], [2, "tom"], [3, "cymbal"], [3.5, "perc"]]);
  room.move("drums", 0);
  room.generate();
  assert.deepEqual([...new Set(sent(room, "onsets rhythm").map(([, , group]) => group))], ["any"]);
  assert.equal(sent(room, "onsets rhythm").length, 6); // two strokes at beat 2 are one
});

test("B6: without a Drum Rack all strokes are alike", () => {
  const room = new Studio({ build: (live) => void live.midiClip(live.song.tracks[0], 0, "riff", KIT) });
  room.pick("rhythm", "Keys: riff");
  room.generate();
  assert.deepEqual([...new Set(sent(room, "onsets rhythm").map(([, , group]) => group))], ["any"]);
});

const withAudio = (live) => {
  live.files.set("/mine/loop.wav", { rate: 48000, samples: 192000, seconds: 4 }); // two bars
  live.audioClip(live.track("Guitar"), 0, "/mine/loop.wav", { name: "riff" });
};

for (const [use, settings] of [
  ["Sounds like", { timbre: "/mine/loop.wav" }], ["Continue it", { inpaint: "/mine/loop.wav", outpaint: "2" }],
  ["Keep bars 1-2", { inpaint: "/mine/loop.wav", keep: "0:8" }], ["Form of", { structure: "/mine/loop.wav" }],
  ["Groove of", { rhythm: "/mine/loop.wav" }],
]) test(`B9: an audio clip as material: ${use}`, () => {
  const room = new Studio({ build: withAudio });
  room.pick("audio", "Guitar: riff");
  room.pick("use", use);
  room.generate();
  for (const [name, value] of Object.entries(settings)) assert.equal(room.bridge.last.settings[name], value);
});

test("B9: the audio clip in Detail View is material, a MIDI clip there is refused in words, and Off sends none", () => {
  const room = new Studio({ build: withAudio });
  room.pick("audio", "Clip in Detail View");
  room.live.open([...room.live.objects.values()].find(({ name }) => name === "riff"));
  room.generate();
  assert.equal(room.bridge.last.settings.timbre, "/mine/loop.wav");
  room.live.open(room.live.midiClip(room.keys, 0, "x", []));
  room.press("generate");
  assert.match(room.status, /The audio clip ‘Clip in Detail View’ is not there. Pick an audio clip, or Off/);
  room.advance(400);
  room.pick("audio", "Off");
  room.generate();
  assert.equal(room.bridge.last.settings.timbre, undefined);
});

test("B13: the set's sample rate is sent", () => {
  for (const sampleRate of [44100, 48000, 96000]) {
    const room = new Studio({ patch: { sampleRate } });
    room.generate();
    assert.equal(room.bridge.last.settings.sample_rate, String(sampleRate));
  }
});

test("B9: what cannot be is said: nothing to continue, and a groove beside a rhythm", () => {
  const room = new Studio({
    build(live) {
      withAudio(live);
      live.midiClip(live.song.tracks[0], 0, "beat", KIT);
    },
  });
  room.pick("audio", "Guitar: riff");
  room.pick("use", "Continue it");
  room.move("bars", 2);
  room.press("generate");
  assert.match(room.status, /‘Guitar: riff’ has 2 bars: set Bars to more than that/);
  room.advance(400);
  room.pick("use", "Groove of");
  room.pick("rhythm", "Keys: beat");
  room.press("generate");
  assert.match(room.status, /The groove comes from the audio clip.*Set one of the two to Off/);
  room.advance(400);
  room.pick("rhythm", "Off");
  room.generate();
  assert.equal(room.bridge.last.settings.rhythm, "/mine/loop.wav");
});
