// The fake itself is as strict as Live: each row of what it once let pass.
import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../clock.mjs";
import { FakeLive } from "../live.mjs";
import { makeApi } from "../live_api.mjs";
import { launch } from "../methods.mjs";
import { Studio } from "../studio.mjs";

function set(options = {}) {
  const clock = new VirtualClock();
  const live = new FakeLive({ clock, ...options });
  const track = live.track("Bass");
  const device = live.device(track);
  live.ready = true;
  live.files.set("/a.wav", { rate: 44100, samples: 352800, seconds: 8 });
  const LiveAPI = makeApi(live, device);
  return { clock, live, track, device, LiveAPI, at: (object) => Object.assign(new LiveAPI("live_set"), { id: object.id }) };
}

test("D: each LiveAPI object is counted, and what hangs on a path stays until the path is let go", () => {
  const { live, LiveAPI } = set();
  const api = new LiveAPI("live_set");
  new LiveAPI(() => {}, "live_set view");
  assert.deepEqual([live.made, live.pathListeners], [2, 2]);
  api.path = "";
  assert.equal(live.pathListeners, 1);
  assert.throws(() => (api.id = "id 3"));
});

test("D: an unknown property or function throws, and so does writing or observing what may only be read", () => {
  const { LiveAPI } = set();
  const song = new LiveAPI("live_set");
  assert.throws(() => song.get("scale_nmae"), /no property/);
  assert.throws(() => song.set("file_path", "/x"), /may not be set/);
  assert.throws(() => song.set("no_such", 1), /no property/);
  assert.throws(() => song.call("begin_undo_step"), /no function/);
  assert.throws(() => (song.property = "file_path"), /may not be observed/);
});

test("D: Live warps later, or not at all, and a clip may begin unwarped with its points in seconds", () => {
  const { clock, live, track, at } = set({ warpDelay: 5000, guess: { beats: 8 }, createdWarping: 0 });
  at(track.clip_slots[0]).call("create_audio_clip", "/a.wav");
  const { clip } = track.clip_slots[0];
  assert.deepEqual([clip.warping, clip.loop_end], [0, 8]);
  at(clip).set("looping", 1);
  assert.match(live.console.pop(), /cannot loop/);
  clock.advance(5000);
  assert.equal(clip.loop_end, 8);
  assert.equal(live.find(`id ${clip.id}`).markers.length, 2);
});

test("D: a warp marker lies within the file, and no segment is slower than 5 or faster than 999 BPM", () => {
  const { live, track, at } = set();
  at(track.clip_slots[0]).call("create_audio_clip", "/a.wav");
  const clip = at(track.clip_slots[0].clip);
  for (const marker of [{ beat_time: 16, sample_time: 8.0001 }, { beat_time: 16, sample_time: -1 }, { beat_time: 0.5, sample_time: 8 },
    { beat_time: 200, sample_time: 8 }]) {
    clip.call("add_warp_marker", marker);
    assert.match(live.console.pop(), /Invalid warp marker/);
  }
  clip.call("add_warp_marker", { beat_time: 16, sample_time: 8 });
  assert.equal(live.console.length, 0);
  clip.call("move_warp_marker", 16, 200);
  assert.match(live.console.pop(), /999 BPM/);
  const counting = set({ hiddenCounts: true });
  counting.at(counting.track.clip_slots[0]).call("create_audio_clip", "/a.wav");
  counting.at(counting.track.clip_slots[0].clip).call("add_warp_marker", { beat_time: 16, sample_time: 8 });
  assert.match(counting.live.console.pop(), /Invalid warp marker/);
});

test("D: a copy into the Arrangement replaces what lies under it, and says which clip it is", () => {
  const { live, track, at } = set();
  live.arrangementClip(track, 4, 40);
  at(track.clip_slots[0]).call("create_audio_clip", "/a.wav");
  const answer = at(track).call("duplicate_clip_to_arrangement", `id ${track.clip_slots[0].clip.id}`, 8);
  assert.equal(answer[0], "id");
  assert.equal(live.overwritten, 1);
  assert.deepEqual(track.arrangement_clips.map(({ start_time, end_time }) => [start_time, end_time]), [[4, 8], [8, 24]]);
});

test("D: automation_state is 0 while the track plays a Session clip", () => {
  const { track, device, at } = set();
  const [intensity] = device.parameters;
  intensity.automation = 1;
  assert.deepEqual(at(intensity).get("automation_state"), [1]);
  track.playing_slot_index = 0;
  assert.deepEqual(at(intensity).get("automation_state"), [0]);
});

test("D: a launch waits for its time, begins at the start unless in legato, and takes the track from the Arrangement", () => {
  const { live, track, at } = set();
  for (const slot of track.clip_slots.slice(0, 2)) at(slot).call("create_audio_clip", "/a.wav");
  const [a, b] = track.clip_slots.map(({ clip }) => clip);
  live.arrangementClip(track, 0, 4);
  live.song.is_playing = 1;
  at(a).call("fire");
  assert.equal(track.playing_slot_index, -1);
  launch(live);
  assert.deepEqual([track.playing_slot_index, live.song.back_to_arranger], [0, 1]);
  a.position = 3;
  at(b).call("fire");
  launch(live);
  assert.equal(b.position, 0);
});

test("D: observers speak at once, and changes within one are refused", () => {
  const { live, LiveAPI } = set();
  const heard = [];
  const api = new LiveAPI((args) => {
    heard.push(args[0]);
    api?.set("tempo", 99);
  }, "live_set");
  assert.throws(() => (api.property = "no_such"));
  api.property = "tempo";
  live.change(live.song, "tempo", 130);
  assert.deepEqual(heard, ["tempo", "tempo"]);
  assert.equal(live.song.tempo, 130);
});

test("D: an audio engine that is off stops every timer", () => {
  const room = new Studio();
  room.patch.turnAudio(false);
  const sent = room.patch.seen.length;
  room.advance(30_000);
  assert.equal(room.patch.seen.length, sent);
});

test("D: `assign` keeps one number, `prepend` answers a bang with the word, and an empty prompt is bare", () => {
  const room = new Studio({ prompt: null });
  const kept = room.patch.find("kept-drawing");
  kept.take(["assign", 1, 2, 3]);
  assert.deepEqual(kept.value, [1]);
  const got = [];
  room.patch.find("script").take = (message) => ["seed", "prompt"].includes(message[0]) && got.push(message);
  room.patch.find("say-seed").take(["bang"]);
  room.patch.type("");
  room.advance(20);
  assert.deepEqual(got, [["seed", "bang"], ["prompt", "text"]]);
});

test("D: what Max's reference lists as messages of `v8` itself never reaches the script", () => {
  const room = new Studio();
  const heard = [];
  room.patch.find("script").context.anything = () => heard.push("heard");
  for (const name of ["read", "compile", "open", "wclose", "getprop"]) room.patch.find("script").take([name]);
  assert.equal(room.patch.problems.length, 5);
  assert.deepEqual(heard, []);
});

test("D: cords of one outlet speak from right to left", () => {
  const room = new Studio();
  const order = [];
  for (const key of ["say-loaded", "dsp", "awake"]) {
    const object = room.patch.find(key);
    object.take = () => order.push(object.box.patching_rect);
  }
  room.patch.speak();
  const sorted = [...order].sort((a, b) => b[0] - a[0] || b[1] - a[1]);
  assert.deepEqual(order, sorted);
});

test("D: what is saved comes back before live.thisdevice speaks", () => {
  const order = [];
  const room = new Studio();
  const patch = room.patch;
  patch.stored = patch.saved;
  const out = patch.out.bind(patch);
  patch.out = (box, ...rest) => {
    order.push(box.id);
    out(box, ...rest);
  };
  patch.load();
  assert.ok(order.indexOf("obj-bars") < order.indexOf("obj-thisdevice"));
  assert.ok(order.indexOf("obj-kept-state") < order.indexOf("obj-thisdevice"));
});
