// Learn: any parameter in one press, scanned while Live is stopped, heard while it plays.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Studio } from "../studio.mjs";

const CURVED = (beat) => 0.5 + 0.4 * Math.sin(beat) * Math.exp(-beat / 20);

// A filter on the keys' track with a lane in the Arrangement.
const withFilter = (lane = CURVED, more = {}) => (live, studio) => {
  const device = live.anyDevice(studio.keys, "Device", { name: "Auto Filter", class_name: "AutoFilter" });
  studio.filter = live.parameter(device, "Frequency", { min: 20, max: 135, automation: 1, ...more });
  studio.filter.lane = (beat) => 20 + 115 * lane(beat);
};

function curveOf(room, part = "curve intensity") {
  room.generate();
  return room.bridge.last.chunks[part].rows;
}

const at = (points, beat) => {
  const i = Math.max(1, points.findIndex(([b]) => b >= beat));
  const [[b0, v0], [b1, v1]] = [points[i - 1], points[i]];
  return b1 === b0 ? v1 : v0 + ((v1 - v0) * (beat - b0)) / (b1 - b0);
};

function scanned(room, seconds = 60) {
  room.until(() => room.patch.find("learn").value === 0, () => room.status, seconds);
  room.advance(100);
}

test("A9, B7: Learn in one press, whatever the source was; the button is never left lit", () => {
  const room = new Studio();
  room.move("learn", 1);
  assert.equal(room.patch.find("source").value, 1);
  assert.match(room.status, /^Play bars 1 to 4 once/);
  room.move("learn", 0);
  room.move("source", 2);
  room.move("learn", 1);
  assert.equal(room.patch.find("source").value, 1);
});

test("the scan reads a lane with curves within 1 % at 64 points, of any parameter, and puts the playhead back", () => {
  for (const laneDelay of [20, 100, 180, 350]) {
    const room = new Studio({ build: withFilter(), laneDelay });
    room.live.song.current_song_time = 7.25;
    room.live.select(room.filter);
    room.advance(10);
    room.move("learn", 1);
    scanned(room, 200);
    assert.match(room.status, /^Learned 4 bars of ‘Auto Filter: Frequency’/);
    assert.equal(room.live.song.current_song_time, 7.25);
    const points = curveOf(room);
    for (let i = 0; i < 64; i += 1) {
      const beat = (i * 16) / 64;
      assert.ok(Math.abs((at(points, beat) + 40) / 30 - CURVED(beat)) < 0.01, `${laneDelay} ms, beat ${beat}`);
    }
  }
});

test("the scan finds a jump and puts more points there", () => {
  const room = new Studio({ build: withFilter((beat) => (beat < 6.3 ? 0.1 : 0.9)) });
  room.live.select(room.filter);
  room.advance(10);
  room.move("learn", 1);
  scanned(room);
  const points = curveOf(room);
  const before = points.filter(([, value]) => value < -25).pop();
  const after = points.find(([, value]) => value > -25);
  assert.ok(before[0] <= 6.3 && after[0] >= 6.3 && after[0] - before[0] <= 0.13, `${before} ${after}`);
});

test("the scan reads at the loop brace of the set", () => {
  const room = new Studio({ build: withFilter((beat) => beat / 100) });
  room.live.song.loop_start = 32;
  room.live.select(room.filter);
  room.advance(10);
  room.move("learn", 1);
  scanned(room);
  const points = curveOf(room);
  assert.ok(Math.abs((points[0][1] + 40) / 30 - 0.32) < 0.01);
  assert.ok(Math.abs((points[points.length - 1][1] + 40) / 30 - 0.48) < 0.01);
});

for (const [why, change, words] of [
  ["a Session clip plays on its track", (room) => (room.keys.playing_slot_index = 0), /in the Session: press Back to Arrangement/],
  ["it was stopped in the Session", (room) => (room.keys.playing_slot_index = -2), /in the Session: press Back to Arrangement/],
  ["there is no lane", (room) => (room.filter.automation = 0), /has no automation in the Arrangement/],
  ["a hand overrides it", (room) => (room.filter.automation = 2), /overridden: press Re-Enable Automation/],
  ["the loop is longer than the song", (room) => (room.live.song.song_length = 10), /beyond the end of the song/],
  ["recording is on", (room) => (room.live.song.record_mode = 1), /Arrangement Record is on/],
]) test(`the scan is not begun, in words, when ${why}; playing the region still teaches it`, () => {
  const room = new Studio({ build: withFilter() });
  room.live.select(room.filter);
  change(room);
  room.live.song.current_song_time = 3;
  room.advance(10);
  room.move("learn", 1);
  room.advance(2000);
  assert.match(room.status, words);
  assert.match(room.status, /^Play bars 1 to 4 once/);
  assert.equal(room.live.song.current_song_time, 3);
});

test("B7: while Live plays any parameter is heard", () => {
  const room = new Studio({ build: withFilter() });
  room.live.select(room.filter);
  room.live.song.is_playing = 1;
  room.live.song.current_song_time = 15.9;
  room.advance(300);
  room.move("learn", 1);
  for (let beat = 0; beat < 16.6 && room.patch.find("learn").value; beat += 0.1) {
    room.live.song.current_song_time = beat % 16;
    room.filter.value = room.filter.lane(beat % 16);
    room.advance(40);
  }
  assert.match(room.status, /^Learned 4 bars of ‘Auto Filter: Frequency’/);
  const points = curveOf(room);
  for (const beat of [1, 4, 9, 14]) assert.ok(Math.abs((at(points, beat) + 40) / 30 - CURVED(beat)) < 0.02);
});

test("without a loop brace a pass is learned from the next bar line on, again and again with Redraw", () => {
  const room = new Studio();
  room.live.song.loop = 0;
  room.live.song.is_playing = 1;
  room.live.song.current_song_time = 5.2;
  room.advance(300);
  const run = (to, value) => {
    while (room.live.song.current_song_time < to) {
      room.live.song.current_song_time += 0.1;
      room.patch.move("intensity", value(room.live.song.current_song_time));
      room.advance(40);
    }
  };
  room.move("learn", 1);
  assert.match(room.status, /Play bars 3 to 6 once/);
  run(25, (beat) => -38 + beat);
  assert.equal(room.patch.find("learn").value, 0);
  const points = curveOf(room);
  assert.ok(Math.abs(at(points, 4) - -26) < 0.3, `${at(points, 4)}`); // beat 12 of the set
  room.move("redraw", 1);
  run(80, () => -15);
  room.advance(2000);
  assert.equal(room.bridge.done.length, 2);
});

test("B7: our own buttons never count as the parameter that is selected; our Intensity does", () => {
  const room = new Studio({ build: withFilter() });
  room.live.select(room.filter);
  room.live.select(room.device.parameters[1]); // Learn itself was clicked
  room.advance(10);
  room.move("learn", 1);
  assert.match(room.status, /Auto Filter/);
  room.move("learn", 0);
  room.live.select(room.device.parameters[0]);
  room.advance(10);
  room.move("learn", 1);
  assert.match(room.status, /‘Intensity’/);
});

test("a scan that is interrupted by Play, Stop, its own button or the device's end puts the playhead back", () => {
  const begin = () => {
    const room = new Studio({ build: withFilter() });
    room.live.song.current_song_time = 5;
    room.live.select(room.filter);
    room.advance(10);
    room.move("learn", 1);
    room.advance(2500);
    assert.notEqual(room.live.song.current_song_time, 5);
    return room;
  };
  const played = begin();
  played.live.song.is_playing = 1;
  played.advance(200);
  assert.equal(played.live.song.current_song_time, 5);
  assert.match(played.status, /stopped, because Live plays/);
  assert.equal(played.patch.find("learn").value, 0);
  for (const end of [(room) => room.press("stop"), (room) => room.move("learn", 0), (room) => room.patch.close()]) {
    const room = begin();
    end(room);
    assert.equal(room.live.song.current_song_time, 5);
  }
});

test("a scan gives up in words when the parameter goes, or its automation", () => {
  for (const [change, words] of [
    [(room) => room.live.remove(room.filter), /is gone/], [(room) => (room.filter.automation = 2), /no longer active/],
  ]) {
    const room = new Studio({ build: withFilter() });
    room.live.select(room.filter);
    room.advance(10);
    room.move("learn", 1);
    room.advance(1000);
    change(room);
    room.advance(500);
    assert.match(room.status, words);
    assert.equal(room.live.song.current_song_time, 0);
  }
});

test("a lane may drive the brightness", () => {
  const room = new Studio({ build: withFilter() });
  room.pick("drives", "Brightness");
  room.live.select(room.filter);
  room.advance(10);
  room.move("learn", 1);
  scanned(room);
  room.move("intensity_strength", 150);
  const points = curveOf(room, "curve brightness");
  assert.equal(room.bridge.last.chunks["curve brightness"].unit, "unit");
  assert.deepEqual(["low", "high"].map((end) => room.bridge.last.settings[`brightness.${end}`]), ["400", "4000"]); // Hz
  assert.ok(Math.abs(at(points, 3) - CURVED(3)) < 0.01);
  assert.equal(room.bridge.last.settings["brightness.weight"], "1.5");
  assert.equal(room.bridge.last.chunks["curve intensity"], undefined);
  assert.ok(room.patch.find("display").texts.includes("83")); // per cent, where dB would be -15
  const saved = new Studio({ file: "/set.als" });
  saved.pick("drives", "Brightness");
  saved.move("source", 2);
  saved.move("intensity_strength", 150);
  saved.generate();
  assert.equal(saved.bridge.last.settings["intensity.weight"], "1.5");
  assert.equal(saved.bridge.last.settings["brightness.weight"], undefined);
});

test("A8: with twin devices whose tracks play in the Session the saved lane is not guessed", () => {
  const room = new Studio({ file: "/set.als", build: (live, studio) => void live.device(studio.bass) });
  room.bass.devices.forEach((device) => (device.parameters[0].automation = 1));
  room.move("source", 2);
  room.generate();
  assert.equal(room.bridge.last.settings.lane, '/set.als#"Bass"/"Ditto Live"/Intensity (2)');
  room.bass.playing_slot_index = 0;
  room.press("generate");
  assert.match(room.status, /does not tell their lanes apart.*Back to Arrangement, or rename/);
});

test("the envelope of the Session clip that plays is read from the saved set", () => {
  const room = new Studio({ file: "/set.als" });
  room.generate();
  room.bass.playing_slot_index = 0;
  Object.assign(room.clips[0], { name: 'my "clip"', has_envelopes: 1 });
  room.move("source", 2);
  room.generate();
  assert.equal(room.bridge.last.settings.lane, '/set.als#"Bass"/"Ditto Live"/Intensity/"my ""clip"""');
  assert.equal(room.bridge.last.settings.lane_beats, "0:16");
  room.move("bars", 8);
  room.press("generate");
  assert.match(room.status, /shorter than the loop. Set Bars to its 16 beats/);
});

test("the envelope of a Session clip without a name is found, and of clips of one name none is taken for another", () => {
  const room = new Studio({ file: "/set.als" });
  room.generate();
  const twin = room.live.midiClip(room.bass, room.bass.clip_slots.length - 1, "", [], { length: 16 });
  room.bass.playing_slot_index = 0;
  Object.assign(room.clips[0], { name: "", has_envelopes: 1 });
  room.move("source", 2);
  room.generate();
  assert.equal(room.bridge.last.settings.lane, '/set.als#"Bass"/"Ditto Live"/Intensity/"Clip"');
  twin.has_envelopes = 1;
  room.press("generate");
  assert.match(room.status, /Several clips on this track have no name.*Name the one that plays anew/);
  twin.name = room.clips[0].name = "Verse";
  room.advance(1000);
  room.press("generate");
  assert.match(room.status, /Several clips on this track are called ‘Verse’/);
});

test("a lane that is learned anew while Redraw is on makes a take", () => {
  const room = new Studio({ build: withFilter() });
  room.live.select(room.filter);
  room.advance(10);
  room.move("learn", 1);
  scanned(room);
  room.generate();
  room.move("redraw", 1);
  room.move("learn", 1);
  scanned(room);
  room.advance(2000);
  assert.equal(room.bridge.done.length, 1); // the same lane
  room.filter.lane = (beat) => 20 + 5 * beat;
  room.move("learn", 1);
  scanned(room);
  room.advance(2000);
  assert.equal(room.bridge.done.length, 2);
});

test("B7: faders and sends of any track are heard by their track's name", () => {
  const room = new Studio({
    build(live, studio) {
      const mixer = live.add("MixerDevice", {}, studio.keys);
      mixer.parameters = [];
      studio.volume = live.parameter(mixer, "Track Volume", { automation: 1 });
      studio.volume.lane = (beat) => beat / 16;
    },
  });
  room.live.select(room.volume);
  room.advance(10);
  room.move("learn", 1);
  scanned(room);
  assert.match(room.status, /Learned 4 bars of ‘Keys: Track Volume’/);
  const points = curveOf(room);
  assert.ok(Math.abs((at(points, 8) + 40) / 30 - 0.5) < 0.01);
});

test("A8: an envelope of the Session clip that plays is no hand on the dial", () => {
  const room = new Studio();
  room.generate();
  room.move("redraw", 1);
  room.play();
  room.bass.playing_slot_index = 0;
  room.clips[0].has_envelopes = 1;
  for (const value of [-25, -24, -23]) room.move("intensity", value);
  room.advance(2000);
  assert.equal(room.bridge.done.length, 1);
});

test("B8: a stroke in the display chooses Draw", () => {
  const room = new Studio();
  room.patch.find("display").drag([[30, 90], [120, 40], [240, 90]]);
  room.advance(100);
  assert.equal(room.patch.find("source").value, 4);
  const points = curveOf(room);
  assert.ok(Math.max(...points.map(([, v]) => v)) - Math.min(...points.map(([, v]) => v)) > 5);
});
