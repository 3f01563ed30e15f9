// What a producer does with the device, one function a story. Each returns plain values for the test to judge.
import { FakeLive } from "./live.mjs";
import { Patch } from "./patch.mjs";

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function until(ready, what, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  while (!ready()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${typeof what === "function" ? what() : what}`);
    await pause(10);
  }
}

const TUNE = [60, 62, 64, 67].map((pitch, i) => ({ pitch, start_time: i, duration: 0.5, velocity: 40 + 20 * i }));
const DRUMS = [36, 38, 36, 38].map((pitch, i) => ({ pitch, start_time: i, duration: 0.25 }));

// A set with a MIDI track of clips, and an audio track with the device on it.
function studio(parameters) {
  const { device: path, ports, loss = 0, slots = 4, frozen = false, stored = null, song = {}, ...options } = parameters;
  const live = new FakeLive({ tempo: 133.37, scenes: slots, ...options });
  Object.assign(live.song, song);
  const keys = live.track("Keys", { midi: true });
  live.midiClip(keys, 0, "hook", TUNE);
  live.midiClip(keys, 1, "beat", DRUMS);
  if (options.busy) live.midiClip(keys, 2, "busy", busyNotes(options.busy), { length: 64 });
  if (options.kit) live.rack(keys, { drums: true });
  const group = live.track("Group", { group: true });
  const bass = live.track(options.track ?? "Bass & Co", { frozen });
  if (options.twin) live.device(bass).parameters[0].automation = 1; // an earlier copy with a lane of its own
  const simpler = options.simpler ? live.simpler(bass) : null;
  const home = options.onMidi ? keys : options.onGroup ? group : bass;
  const lose = losing(loss);
  return { live, keys, bass, simpler, patch: plug(live, home, { path, ports, lose, stored }) };
}

const busyNotes = (count) => Array.from({ length: count }, (_, i) => ({ pitch: 36, start_time: (i * 64) / count, duration: 0.05 }));

// The same datagrams are lost at each run (a linear congruential generator, Numerical Recipes).
function losing(share) {
  let seed = 12345;
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32 < share;
  };
}

// Puts the device of the file on a track and lets Live load it.
function plug(live, track, { path, ports, lose, stored = null }) {
  const device = live.device(track);
  const patch = new Patch(path, { live, device, lose, stored, ports });
  live.ready = true;
  patch.load();
  return patch;
}

const connected = (patch) => until(() => patch.status?.startsWith("Ready"), () => `ready, but: ${patch.status}`);

async function clipList(patch) {
  await until(() => patch.find("melody").items.includes("Keys: hook"), "the clip names");
}

// Plays the loop region once while the lane moves the dial. Beats pass as fast as the device looks at them, so that
// a busy computer changes nothing.
async function play(live, patch, value, { from = 0, to = 16.6, step = 0.6 } = {}) {
  live.change(live.song, "is_playing", 1);
  const automated = patch.device.parameters[0];
  const listening = () => ["learn", "redraw"].some((key) => patch.find(key).value === 1);
  for (let beat = from; beat < to; beat += step) {
    const inside = ((beat % 16) + 16) % 16;
    live.song.current_song_time = inside;
    automated.automation = 1;
    patch.move("intensity", value(inside));
    await pause(10);
    const read = live.beatReads;
    if (!listening()) break;
    await until(() => live.beatReads > read || !listening(), "a look at the playhead");
  }
  live.change(live.song, "is_playing", 0);
  automated.automation = 0;
}

const clipsOf = (track) => track.clip_slots.map(({ clip }) => clip).filter(Boolean).map(facts);

function facts(clip) {
  const { name, color, looping, loop_start, loop_end, start_marker, end_marker, warping, warp_mode, markers, gain, fired = 0,
    file_path, start_time = null } = clip;
  return { name, color, looping, loop_start, loop_end, start_marker, end_marker, warping, warp_mode, markers, gain, fired,
    file: file_path, start_time };
}

const report = ({ live, bass, patch, simpler }, more = {}) => {
  const result = {
    clips: clipsOf(bass), arrangement: bass.arrangement_clips.map(facts), console: live.console, problems: patch.problems,
    status: patch.status, hint: patch.find("hint").text, simpler: simpler?.sample, sent: patch.seen.map(({ path, args }) => [path, ...args]), ...more,
  };
  patch.close();
  return result;
};

const landed = (patch, count, track) => until(() => clipsOf(track).length >= count && !/Landing/.test(patch.status),
  () => `${count} clips; ${patch.status}`);

// ---- stories

export async function generate(parameters) {
  const room = studio(parameters);
  const { live, bass, patch } = room;
  await connected(patch);
  await clipList(patch);
  patch.move("source", 1);
  patch.move("learn", 1);
  await play(live, patch, (beat) => -30 + beat);
  await until(() => patch.status?.startsWith("Learned"), () => `the learned lane; ${patch.status}`);
  patch.pick("melody", "Keys: hook");
  patch.type(parameters.prompt ?? "dusty boom bap, Rhodes");
  await pause(30);
  patch.press("generate");
  await pause(40);
  const answer = patch.status;
  await landed(patch, 1, bass);
  return report(room, { answer, learn: patch.find("learn").value, kept: patch.find("kept-state").value });
}

// Only the words and the button, on whatever track there is.
export async function simple(parameters) {
  const room = studio(parameters);
  const { patch, bass, live } = room;
  if (parameters.level) live.audioClip(live.track("Loud"), 0, parameters.level, { gain: 0.25 });
  await connected(patch);
  for (const [key, value] of Object.entries(parameters.moves ?? {})) patch.move(key, value);
  await clipList(patch);
  for (const [key, label] of Object.entries(parameters.picks ?? {})) {
    await until(() => patch.find(key).items.includes(label), `${label} in ${key}`, 5).catch(() => {});
    patch.pick(key, label);
  }
  patch.type(parameters.prompt ?? "warm pad");
  await pause(30);
  patch.press("generate");
  const settled = () => (parameters.words ? new RegExp(parameters.words).test(patch.status) : false);
  if (parameters.words) await until(settled, () => `words like ${parameters.words}; ${patch.status}`);
  else await landed(patch, parameters.count ?? 1, bass);
  await pause(parameters.rest ?? 0);
  return report(room, { seen: patch.shown.filter(([name]) => name === "status").map(([, , words]) => words) });
}

export async function fullThenElsewhere(parameters) {
  const room = studio({ ...parameters, slots: 3, sceneLimit: 3 });
  const { live, bass, patch } = room;
  for (const slot of [0, 1, 2]) live.audioClip(bass, slot, parameters.wav);
  const other = live.track("Spare");
  await connected(patch);
  patch.type("warm pad");
  await pause(30);
  patch.press("generate");
  await until(() => /Every slot/.test(patch.status), () => `the full track; ${patch.status}`);
  const full = patch.status;
  await until(() => patch.find("target").items.includes("Spare"), "the new track's name");
  patch.pick("target", "Spare");
  await pause(30);
  patch.press("land");
  await landed(patch, 1, other);
  await until(() => clipsOf(other).every(({ looping, warping }) => looping && warping), "a clip that loops");
  return report(room, { full, spare: clipsOf(other) });
}

export async function restart(parameters) {
  const room = studio(parameters);
  const { patch, bass } = room;
  await connected(patch);
  patch.type(`pad toy: steps=${parameters.steps} pause=0.1`);
  await pause(30);
  patch.press("generate");
  await until(() => patch.shown.some(([name]) => name === "progress"), "progress");
  await parameters.ask(parameters.what);
  await landed(patch, 1, bass);
  // News of the engine may hide that the clip is still landing.
  await until(() => clipsOf(bass).every(({ looping }) => looping), "a clip that loops");
  await pause(200);
  return report(room);
}

export async function noEngine(parameters) {
  const room = studio(parameters);
  const { patch, bass } = room;
  patch.type("warm pad");
  await pause(700);
  const before = patch.status;
  patch.press("generate");
  await pause(100);
  const pressed = patch.status;
  await parameters.ask("start");
  await landed(patch, 1, bass);
  return report(room, { before, pressed });
}

// A copy has the same stored id; both must work, and only once each.
export async function twoInstances(parameters) {
  const room = studio(parameters);
  const { live, patch, bass } = room;
  await connected(patch);
  const copyTrack = live.track("Copy");
  const copy = plug(live, copyTrack, { path: parameters.device, ports: parameters.ports, stored: patch.saved });
  await connected(copy);
  patch.type("first pad");
  copy.type("second pad");
  await pause(30);
  patch.press("generate");
  copy.press("generate");
  await landed(patch, 1, bass);
  await landed(copy, 1, copyTrack);
  await pause(300);
  const ports = [patch, copy].map((one) => one.find("receive").port);
  const result = { copy: clipsOf(copyTrack), ports };
  copy.close();
  return report(room, result);
}

export async function redraw(parameters) {
  const room = studio(parameters);
  const { live, patch, bass } = room;
  await connected(patch);
  patch.move("source", 1);
  patch.type("warm pad");
  patch.move("learn", 1);
  await play(live, patch, (beat) => -30 + beat);
  await until(() => patch.status?.startsWith("Learned"), () => patch.status);
  patch.press("generate");
  await landed(patch, 1, bass);
  patch.move("redraw", 1);
  await play(live, patch, (beat) => -30 + beat, { to: 33 }); // the same lane twice: nothing to redraw
  await pause(400);
  const same = clipsOf(bass).length;
  live.change(live.song, "is_playing", 1);
  await play(live, patch, (beat) => -14 - beat, { to: 16.8 }); // another lane
  live.change(live.song, "is_playing", 1);
  await landed(patch, 2, bass);
  return report(room, { same });
}

export async function edits(parameters) {
  const room = studio({ ...parameters, slots: 8 });
  const { live, patch, bass } = room;
  await connected(patch);
  patch.type("warm pad");
  patch.press("generate");
  await landed(patch, 1, bass);
  patch.move("redraw", 1);
  live.change(live.song, "is_playing", 1);
  live.song.current_song_time = 1;
  await pause(300);
  patch.device.parameters[0].automation = 1; // the lane plays: no edit
  for (const value of [-25, -24, -23]) patch.move("intensity", value);
  await pause(500);
  const automated = clipsOf(bass).length;
  patch.device.parameters[0].automation = 2; // a hand
  for (const value of [-15, -14, -13]) {
    patch.move("intensity", value);
    await pause(60);
  }
  await landed(patch, 2, bass);
  patch.move("intensity", -30); // in the same pass: waits
  await pause(600);
  const samePass = clipsOf(bass).length;
  live.song.current_song_time = 15;
  await pause(100);
  live.song.current_song_time = 0.2; // the next pass
  await landed(patch, 3, bass);
  return report(room, { automated, samePass });
}

export async function drawing(parameters) {
  const room = studio(parameters);
  const { patch, bass } = room;
  await connected(patch);
  patch.move("source", 4);
  patch.type("warm pad");
  await pause(30);
  patch.press("generate");
  await pause(100);
  const empty = patch.status;
  patch.find("display").drag([[30, 90], [120, 40], [240, 90]]);
  await pause(400);
  patch.press("generate");
  await landed(patch, 1, bass);
  return report(room, { empty, kept: patch.find("kept-state").value });
}

export async function takes(parameters) {
  const room = studio({ ...parameters, slots: 6 });
  const { patch, bass } = room;
  await connected(patch);
  patch.move("takes", 3);
  patch.type("warm pad");
  await pause(30);
  patch.press("generate");
  await landed(patch, 3, bass);
  await until(() => !/not landed/.test(patch.find("take").items.join(" ")), "three landed takes");
  const labels = [...patch.find("take").items];
  const files = clipsOf(bass).map(({ file }) => file);
  patch.press("keep");
  await pause(100);
  patch.press("drop");
  await pause(200);
  return report(room, { labels, files, after: patch.find("take").items });
}

// Saved, opened again: what was kept comes back, and live.thisdevice speaks twice.
export async function reopened(parameters) {
  const room = studio(parameters);
  await connected(room.patch);
  room.patch.type("warm pad");
  room.patch.pick("place", "Arrangement");
  await pause(50);
  const stored = room.patch.saved;
  const hellos = room.patch.seen.filter(({ path }) => path === "/ditto/hello").map(({ args }) => args);
  const writes = room.patch.find("kept-state").writes;
  room.patch.out(room.patch.find("thisdevice").box, 0, ["bang"]);
  await pause(200);
  const again = studio({ ...parameters, stored });
  await connected(again.patch);
  const other = again.patch.seen.filter(({ path }) => path === "/ditto/hello").map(({ args }) => args);
  const result = {
    prompt: again.patch.find("prompt").text, place: again.patch.find("place").index, first: hellos[0], second: other[0],
    writes, rewrites: again.patch.find("kept-state").writes, writesAfterSave: room.patch.find("kept-state").writes,
  };
  again.patch.close();
  return report(room, result);
}

export async function oldLive(parameters) {
  const room = studio({ ...parameters, version: [12, 1, 5] });
  await pause(400);
  return report(room);
}

// Stems on tracks of their own, the chords of a clip, a strength that is drawn; then one layer anew.
export async function layers(parameters) {
  const room = studio(parameters);
  const { patch, live } = room;
  await connected(patch);
  await clipList(patch);
  patch.pick("chords", "Keys: hook");
  patch.pick("rhythm", "Keys: beat");
  patch.find("display").drag([[24, 101], [249, 21]]);
  patch.pick("drives", "Rhythm strength");
  patch.pick("place", "Stems on tracks");
  patch.move("layer_drums", 1);
  patch.move("layer_bass", 1);
  patch.type("two layers");
  await pause(30);
  patch.press("generate");
  const stems = () => live.song.tracks.filter(({ name }) => name === "Drums" || name === "Bass").flatMap(clipsOf);
  await until(() => stems().length >= 2 && /^Landed/.test(patch.status), () => `two stems; ${patch.status}`);
  patch.press("again_bass");
  await until(() => stems().length >= 4 && stems().every(({ looping, loop_end: end }) => looping && end === 16), () => patch.status);
  await until(() => !/Landing/.test(patch.status), () => patch.status);
  return report(room, { stems: stems() });
}
