// What the face says, what is kept with the set, and what happens when something is off.
import assert from "node:assert/strict";
import { test } from "node:test";
import { crooked, Studio } from "../studio.mjs";

for (const bareText of [true, false]) {
  test(`A4: an empty prompt is asked for, never sent (textedit says ${bareText ? "bare text" : "text and nothing"})`, () => {
    const room = new Studio({ prompt: null, patch: { bareText } });
    room.press("generate");
    assert.match(room.status, /^Type a prompt first/);
    room.advance(400);
    room.type("warm pad");
    room.type("");
    room.press("generate");
    assert.match(room.status, /^Type a prompt first/);
    assert.equal(room.bridge.requests.size, 0);
  });

  test(`A4: words that look like messages stay words (${bareText ? "bare text" : "text and nothing"})`, () => {
    for (const words of ["bang", "text of a song", "12 bar blues", "prompt"]) {
      const room = new Studio({ prompt: null, patch: { bareText } });
      room.type(words);
      room.generate();
      assert.equal(room.bridge.last.settings.prompt, words);
    }
  });
}

test("half a letter in the prompt is replaced: the loop is made, and the clip, the set and the history have it so", () => {
  for (const [typed, kept] of [["dub\ud83e", "dub\ufffd"], ["\udd41 dub", "\ufffd dub"], ["🥁 dub", "🥁 dub"]]) {
    const room = new Studio({ prompt: null });
    room.type(typed);
    room.generate();
    assert.equal(room.bridge.last.settings.prompt, kept);
    assert.match(room.status, /^Landed/);
    assert.equal(room.clips[0].name, `${kept} 1`);
    assert.ok(room.patch.find("history").items.includes(kept));
  }
});

test("A5: with Live's audio off the face says so, at load and at a press; when it comes on all goes on", () => {
  const room = new Studio({ connect: false, patch: { audio: false } });
  room.advance(5000);
  assert.match(room.status, /switch Live's audio on: Options, Audio Engine On/);
  room.type("warm pad");
  room.press("generate");
  assert.match(room.status, /Live's audio is off. Switch it on: Options, Audio Engine On/);
  room.patch.turnAudio(true);
  room.settle();
  assert.equal(room.clips.length, 1);
});

test("A5: audio that goes off later is said at the next press, and what was asked is made", () => {
  const room = new Studio();
  room.patch.turnAudio(false);
  room.advance(3000);
  room.press("generate");
  assert.match(room.status, /Live's audio is off/);
  room.advance(3000);
  assert.match(room.status, /Live's audio is off.*The loop is made, and lands then/);
  room.patch.turnAudio(true);
  room.settle();
  assert.equal(room.clips.length, 1);
});

for (const assignKeeps of ["float", "all"])
  test(`A6: prompt, picks, drawing and takes come back with the set (assign keeps ${assignKeeps})`, () => {
    const room = new Studio({ patch: { assignKeeps } });
    room.pick("place", "Next slot");
    room.patch.find("display").drag([[30, 90], [120, 40], [240, 90]]);
    room.advance(100);
    room.generate();
    const again = new Studio({ prompt: null, patch: { assignKeeps, stored: room.patch.saved } });
    assert.equal(again.patch.find("prompt").text, "warm pad");
    assert.equal(again.patch.find("place").index, 1);
    again.generate();
    assert.deepEqual(again.bridge.last.chunks["curve intensity"].rows, room.bridge.last.chunks["curve intensity"].rows);
    if (assignKeeps === "all") assert.equal(room.patch.find("kept-state").undoSteps, 0);
    const before = again.patch.find("kept-state").writes;
    again.patch.speak(); // the set is saved
    again.advance(500);
    assert.equal(again.patch.find("kept-state").writes, before);
  });

test("A6: the drawing is kept as numbers, and a stroke does not write the rest again", () => {
  const room = new Studio();
  const before = room.patch.find("kept-state").writes;
  room.patch.find("display").drag([[30, 90], [240, 40]]);
  room.advance(100);
  assert.ok(room.patch.find("kept-drawing").value.every((value) => typeof value === "number"));
  assert.equal(room.patch.find("kept-state").writes, before);
});

test("A6: a pick, a prompt or a take makes few texts that Max keeps for good", () => {
  const room = new Studio({ scenes: 16 });
  for (let i = 0; i < 9; i += 1) room.generate();
  const texts = () => new Set(room.patch.find("kept-state").value.map(String));
  const fresh = (work) => {
    const before = texts();
    work();
    return [...texts()].filter((text) => !before.has(text)).length;
  };
  assert.ok(room.patch.find("kept-state").value.length > 20);
  assert.ok(fresh(() => room.pick("place", "Next slot")) <= 1);
  assert.ok(fresh(() => room.type("another pad")) <= 1);
  assert.ok(fresh(() => room.generate()) <= 5);
});

test("a favourite that is marked while the bridge is away is said when it is back", () => {
  const room = new Studio();
  room.generate();
  room.bridge.silent = true;
  room.until(() => /^No engine/.test(room.status), () => room.status);
  room.press("keep");
  room.bridge.silent = false;
  room.until(() => room.status.startsWith("Ready"), () => room.status);
  assert.deepEqual(room.bridge.favourites.at(-1), ["take-1", 1]);
});

test("a favourite whose datagram is lost is said once more, and then no more", () => {
  const room = new Studio();
  room.generate();
  room.bridge.favouritesLost = 1;
  room.press("keep");
  assert.deepEqual(room.bridge.favourites, []);
  room.advance(30_000);
  assert.deepEqual(room.bridge.favourites, [["take-1", 1]]);
});

test("a stage is said in a producer's words", () => {
  const room = new Studio({ bridge: { work: 60_000 } });
  room.press("generate");
  const [id] = room.bridge.requests.keys();
  const stages = [["starting", 0, 0, 0, "Getting ready"], ["optimise", 0, 3, 96, "Searching"], ["optimise", 1, 3, 96, "Searching for take 2"], ["guide", 0, 1, 8, "Guiding"],
    ["decode", 1, 1, 3, "Turning take 2 of 3 into sound"], ["decode", 0, 0, 1, "Turning it into sound"]];
  for (const [phase, take, step, steps, words] of stages) {
    room.bridge.say(room.patch, "/ditto/progress", id, phase, take, step, steps, 2);
    room.advance(20);
    assert.equal(room.status, words);
  }
});

test("A6: parameters that come back while the set is opened press nothing and overwrite nothing", () => {
  const room = new Studio();
  room.move("bars", 2);
  room.move("redraw", 1);
  room.generate();
  const { saved } = room.patch;
  const again = new Studio({ prompt: null, patch: { stored: { ...saved, parameters: { ...saved.parameters, generate: 1, land: 1, stop: 1 } } } });
  again.advance(3000);
  assert.equal(again.bridge.requests.size, 0);
  assert.equal(again.patch.find("prompt").text, "warm pad");
  again.generate();
  assert.equal(again.bridge.last.settings.bars, "2");
});

// The set as it is saved: our clips lie where they lay.
function reopened(room, more = {}) {
  const files = room.clips.map((clip, i) => [i, clip.file_path, clip.name]);
  return new Studio({
    prompt: null, ...more,
    build(live) {
      for (const [path, facts] of room.live.files) live.files.set(more.moved?.(path) ?? path, facts);
      for (const [i, path, name] of files) live.audioClip(live.song.tracks[1], i, more.moved?.(path) ?? path, { name });
    },
    patch: { stored: room.patch.saved },
  });
}

test("B11: after saving, closing and opening the takes, favourites and the redraw's parent are there", () => {
  for (const moved of [undefined, (path) => `/Project/Samples/Imported/${path.split("/").pop()}`]) {
    const room = new Studio({ scenes: 8 });
    for (let i = 0; i < 3; i += 1) room.generate();
    room.pick("take", 1);
    room.press("keep");
    const again = reopened(room, { scenes: 8, moved });
    again.advance(1000);
    const { items } = again.patch.find("take");
    assert.equal(items.length, 3);
    assert.match(items[1], /^2 kept/);
    assert.ok(items.every((item) => !/not landed/.test(item)), items.join(", "));
    again.move("redraw", 1);
    again.bridge.count = 3;
    again.patch.move("intensity", -13);
    again.advance(3000);
    assert.equal(again.bridge.last.settings.from_take, "take-3");
    again.pick("take", 3);
    again.press("drop");
    assert.ok(!again.clips.some(({ name }) => name === "warm pad 1"));
    assert.match(again.patch.find("take").items[0], /^4/);
  }
});

test("B11: a take on a take lane is found again, and dropped", () => {
  const room = new Studio();
  room.generate();
  const { saved } = room.patch;
  const again = new Studio({
    prompt: null, patch: { stored: saved },
    build(live) {
      for (const [path, facts] of room.live.files) live.files.set(path, facts);
      const lane = live.add("TakeLane", { name: "Ditto Live", arrangement_clips: [] }, live.song.tracks[1]);
      live.song.tracks[1].take_lanes.push(lane);
      lane.arrangement_clips.push(live.add("Clip", {
        name: "warm pad 1", is_midi_clip: 0, is_audio_clip: 1, file_path: "/takes/take-1.wav", start_time: 0, end_time: 16, looping: 0,
      }, lane));
    },
  });
  again.advance(1000);
  assert.doesNotMatch(again.patch.find("take").items[0], /not landed/);
  again.press("drop");
  assert.equal(again.bass.take_lanes[0].arrangement_clips.length, 0);
});

test("B11: only the last eight takes and the favourites are kept with the set", () => {
  const room = new Studio({ scenes: 16 });
  for (let i = 0; i < 2; i += 1) room.generate();
  room.pick("take", 1);
  room.press("keep");
  for (let i = 0; i < 10; i += 1) room.generate();
  const again = reopened(room, { scenes: 16 });
  const { items } = again.patch.find("take");
  assert.equal(items.length, 8);
  assert.match(items[7], /^1 kept/);
});

test("B10: Listen plays a take and the loop in the making, in time with Live, and is silent otherwise", () => {
  const room = new Studio();
  const gain = () => room.patch.find("line").value ?? 0;
  room.generate();
  assert.equal(gain(), 0);
  room.move("listen", 1);
  assert.equal(room.patch.find("buffer").path, "/takes/take-1.wav");
  assert.equal(gain(), 1);
  const { said } = room.patch.find("phase");
  assert.deepEqual(said.slice(-3), [["lock", 0], ["phaseoffset", 0], [0.125]]); // 8 s, by itself
  room.live.song.loop_start = 4;
  room.move("listen", 0);
  room.play();
  room.move("listen", 1);
  assert.deepEqual(said.slice(-3), [["lock", 1], ["phaseoffset", 0.75], [7680, "ticks"]]); // 16 beats, from beat 4 on
  room.bridge.work = 1000;
  room.press("generate");
  room.bridge.preview(room.patch, "/tmp/early.wav");
  room.advance(100);
  assert.equal(room.patch.find("buffer").path, "/tmp/early.wav");
  assert.equal(gain(), 1);
  room.settle();
  room.move("listen", 0);
  assert.equal(gain(), 0);
});

test("C: whole errors with their remedy are readable on the display, until it is clicked", () => {
  const room = new Studio({ file: "", patch: {} });
  const display = room.patch.find("display");
  const words = "The set has no lane of that name: automate Intensity of this very device in the Arrangement, save the set "
    + "with Ctrl-S or Cmd-S, and press Generate again. ditto-live lanes lists what is there.";
  display.take(["status", "error", words]);
  assert.ok(display.texts.join(" ").includes(words));
  display.drag([[100, 60], [101, 60]]);
  assert.ok(!display.texts.join(" ").includes("lists what is there"));
});

test("C: a text of 400 characters is whole on the display, and a longer one ends with dots", () => {
  const room = new Studio();
  const display = room.patch.find("display");
  const words = (count) => Array.from({ length: count / 8 }, (_, i) => `word${String(i).padStart(3, "0")}`).join(" ");
  display.take(["status", "error", words(400)]);
  assert.ok(display.texts.join(" ").includes(words(400)));
  display.take(["status", "error", words(1200)]);
  assert.ok(display.texts.some((text) => text.endsWith("…")));
});

test("C: switched off, the device greys; it follows the theme when it is on again", () => {
  const room = new Studio();
  const prompt = room.patch.find("prompt");
  const display = room.patch.find("display");
  assert.equal(prompt.ink, undefined); // the theme's own colour
  room.patch.enable(false);
  room.advance(100);
  assert.equal(display.state.enabled, false);
  assert.equal(prompt.ink, 0.4);
  assert.equal(room.patch.find("melody").ink, 0.4);
  room.patch.enable(true);
  room.advance(100);
  assert.equal(prompt.ink, 0.7);
  display.theme.live_control_fg = [0.1, 0.1, 0.1, 1]; // a light theme
  display.texts; // it is painted again
  room.advance(100);
  assert.equal(prompt.ink, 0.1);
});

test("C: what does nothing is greyed", () => {
  const room = new Studio({ build: (live) => void live.midiClip(live.song.tracks[0], 0, "hook", []) });
  const active = (key) => room.patch.find(key).active;
  assert.deepEqual([active("intensity"), active("clear"), active("melody_strength"), active("drums")], [1, 0, 0, 0]);
  room.move("source", 4);
  assert.deepEqual([active("intensity"), active("clear")], [0, 1]);
  room.pick("melody", "Keys: hook");
  assert.equal(active("melody_strength"), 1);
  room.pick("rhythm", "Keys: hook");
  assert.equal(active("drums"), 1);
  assert.equal(active("variation"), 0);
  const ink = (key) => room.patch.find(key).ink;
  assert.deepEqual([ink("use"), ink("take"), ink("drives"), ink("target")], [0.4, 0.4, undefined, undefined]);
  room.move("source", 3);
  assert.equal(ink("drives"), 0.4);
  room.pick("melody", "Off");
  room.pick("rhythm", "Off");
  room.move("source", 0);
  room.generate();
  assert.equal(active("variation"), 1);
  assert.deepEqual([ink("take"), ink("drives")], [0.7, 0.7]);
});

test("C: an old Live gets its sentence from the patcher when no script answers, and no false alarm before", () => {
  const room = new Studio({ connect: false });
  room.advance(5000);
  assert.equal(room.patch.find("hint").text, "");
  const old = new Studio({ connect: false });
  const patch = old.plug(old.live.device(old.bass), {});
  patch.find("script").take = () => {}; // there is no v8
  old.advance(1900);
  assert.equal(patch.find("hint").text, "");
  old.advance(200);
  assert.match(patch.find("hint").text, /needs Live 12.2 or newer/);
});

test("C: what the hint says has room on its one line", () => {
  const room = new Studio();
  const said = [];
  room.patch.find("hint").take = ([, words]) => said.push(words);
  Object.assign(room.live.song, { scale_mode: 1, scale_name: "Iwato" });
  room.generate();
  const old = new Studio({ connect: false, version: [12, 1, 5] });
  old.advance(100);
  said.push(old.patch.find("hint").text);
  assert.equal(said.length, 3);
  for (const words of said) assert.ok(words.length <= 36, words);
});

test("the engine of another version is said, with how to mend it", () => {
  const room = new Studio({ connect: false });
  room.bridge.hello = (patch, _protocol, _instance, nonce) => room.bridge.say(patch, "/ditto/welcome", 99, nonce, "bridge", "7.0");
  room.advance(2000);
  assert.match(room.status, /version 7.0.*install-device.*put the new device on the track/);
});

test("nobody answers: the one command is said, then the firewall and the Mac's Local Network permission", () => {
  const room = new Studio({ connect: false, bridge: { silent: true } });
  room.type("x");
  room.advance(3000);
  room.press("generate");
  assert.match(room.status, /Run ‘ditto-live install-service’/);
  const idle = new Studio({ connect: false, bridge: { silent: true } });
  idle.advance(25_000);
  assert.match(idle.status, /Run ‘ditto-live install-service’. Once in a terminal.*starts by itself.*firewall.*Local Network.*allow Live.*ditto-live doctor/);
  assert.ok(idle.patch.find("receive").ports.length > 4); // another port at each try
  idle.press("generate");
  idle.advance(10_000);
  assert.match(idle.status, /^Type a prompt first/); // these words are not overwritten
});

test("A9: after a session that was lost another port is tried", () => {
  const room = new Studio();
  const { ports } = room.patch.find("receive");
  const before = ports.length;
  room.bridge.silent = true;
  room.until(() => /^No engine/.test(room.status), () => room.status);
  assert.equal(ports.length, before + 1); // at once
  room.bridge.silent = false;
  room.until(() => room.status.startsWith("Ready"), () => room.status);
  room.generate();
  assert.equal(crooked(room.clips[0]), "");
});

test("Land without a take is said", () => {
  const room = new Studio();
  room.press("land");
  assert.match(room.status, /no take to land yet/);
});
