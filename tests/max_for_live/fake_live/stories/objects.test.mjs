// What the device costs Live: LiveAPI objects, timers, and turns that last.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Studio } from "../studio.mjs";

const PER_SECOND = 5;
const PER_CLICK = 20;
const CALLS_PER_TURN = 400;

// 50 tracks, 30 scenes, 500 clips.
function largeSet(live) {
  for (let t = 0; t < 48; t += 1) {
    const track = live.track(`Track ${t}`, { midi: t % 2 === 0 });
    live.files.set("/a.wav", { rate: 44100, samples: 44100, seconds: 1 });
    for (let s = 0; s < 10; s += 1) {
      if (t % 2 === 0) live.midiClip(track, s, "", []);
      else live.audioClip(track, s, "/a.wav");
    }
  }
}

test("A1: nothing that plays by itself makes LiveAPI objects", () => {
  const room = new Studio();
  const intensity = room.device.parameters[0];
  const second = (prepare) => {
    prepare();
    return room.made(() => {
      for (let i = 0; i < 25; i += 1) {
        room.live.song.current_song_time += 0.08;
        if (intensity.automation) room.patch.move("intensity", -20 - (i % 5));
        room.advance(40);
      }
    });
  };
  assert.ok(second(() => {}) <= PER_SECOND, "stopped");
  assert.ok(second(() => room.play()) <= PER_SECOND, "playing");
  assert.ok(second(() => (intensity.automation = 1)) <= PER_SECOND, "a lane on Intensity");
  assert.ok(second(() => room.move("redraw", 1)) <= PER_SECOND, "and Redraw");
  room.move("source", 1);
  assert.ok(second(() => room.move("learn", 1)) <= PER_SECOND, "and Learn");
});

test("A1: a click on a clip of a large set makes few LiveAPI objects, and no turn lasts", () => {
  const room = new Studio({ scenes: 30, build: largeSet });
  room.advance(5000);
  const clips = [...room.live.objects.values()].filter(({ type }) => type === "Clip");
  assert.equal(clips.length, 480);
  let most = 0;
  let before = room.live.calls;
  room.clock.afterEach = () => {
    most = Math.max(most, room.live.calls - before);
    before = room.live.calls;
  };
  for (const clip of clips.slice(0, 3)) {
    const made = room.made(() => {
      room.live.open(clip);
      room.advance(260);
    });
    assert.ok(made <= PER_CLICK, `${made} objects`);
  }
  room.live.track("One more"); // the whole set is walked
  assert.ok(room.made(() => room.advance(10_000)) <= PER_CLICK);
  assert.ok(most <= CALLS_PER_TURN, `${most} reads in one turn`);
});

test("A1: landing, redraws and 200 takes make no LiveAPI objects", () => {
  const room = new Studio();
  room.generate();
  const made = room.made(() => {
    for (let i = 0; i < 20; i += 1) room.generate();
  });
  assert.ok(made <= 20, `${made} objects`);
});

test("A1: only few path listeners stay in Live", () => {
  const room = new Studio();
  assert.ok(room.live.pathListeners <= 12, `${room.live.pathListeners}`);
});

test("A9: timers are made once and used again", () => {
  const room = new Studio();
  room.move("redraw", 1);
  room.play();
  const before = room.patch.tasks;
  room.advance(20_000);
  assert.ok(room.patch.tasks - before <= 2, `${room.patch.tasks - before} tasks`);
});

test("A1: a new walk over the clips takes the place of the old one", () => {
  const room = new Studio({ scenes: 30, build: largeSet });
  const filled = () => room.patch.find("melody").items.length;
  room.live.track("One more");
  room.advance(210); // a walk has begun
  room.live.track("And one");
  room.advance(5000);
  assert.equal(filled(), 2 + 240);
  assert.deepEqual(room.live.console, []);
});
