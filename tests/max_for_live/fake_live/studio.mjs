// A room for the stories: a set, the device on an audio track, a bridge at hand, and time that the story moves on.
import { fileURLToPath } from "node:url";
import { FakeBridge } from "./bridge.mjs";
import { VirtualClock } from "./clock.mjs";
import { FakeLive } from "./live.mjs";
import { launch } from "./methods.mjs";
import { Patch } from "./patch.mjs";

export const DEVICE = process.env.DITTO_DEVICE
  ?? fileURLToPath(new URL("../../../max_for_live/Ditto Live.amxd", import.meta.url));

export class Studio {
  // `build(live)` may add to the set before the device is there; it may return the device's track.
  constructor({ build = () => null, bridge = {}, patch = {}, connect = true, prompt = "warm pad", ...set } = {}) {
    this.clock = new VirtualClock();
    this.live = new FakeLive({ clock: this.clock, ...set });
    this.keys = this.live.track("Keys", { midi: true });
    this.bass = this.live.track("Bass");
    this.track = build(this.live, this) ?? this.bass;
    this.bridge = new FakeBridge(this.live, bridge);
    this.device = this.live.device(this.track);
    this.live.ready = true;
    this.patch = this.plug(this.device, patch);
    if (!connect) return;
    this.until(() => this.patch.status?.startsWith("Ready"), () => `ready; ${this.patch.status}`);
    this.advance(500); // the walk over the clips
    if (prompt) this.type(prompt);
  }

  plug(device, options = {}) {
    const patch = new Patch(DEVICE, { live: this.live, device, wire: this.bridge, ...options });
    patch.load();
    return patch;
  }

  // The set is saved, closed and opened again.
  reopen() {
    const { saved } = this.patch;
    this.patch.close();
    this.live.reopen();
    this.patch = this.plug(this.device, { stored: saved });
    this.until(() => this.status.startsWith("Ready"), () => `ready; ${this.status}`);
    this.advance(500);
  }

  advance(ms) {
    this.clock.advance(ms);
  }

  until(ready, what, seconds) {
    this.clock.until(ready, what, seconds);
  }

  type(words) {
    this.patch.type(words);
    this.advance(20);
  }

  press(key) {
    this.patch.press(key);
    this.advance(20);
  }

  move(key, value) {
    this.patch.move(key, value);
    this.advance(20);
  }

  pick(key, label) {
    this.patch.pick(key, label);
    this.advance(20);
  }

  // Generate, and all that follows until nothing is on its way.
  generate() {
    this.press("generate");
    this.settle();
    this.advance(400); // past the guard against double presses
  }

  settle() {
    this.until(() => /^Landed|^Bar|Ready|Live |holds|plays/.test(this.status) && !/Landing/.test(this.status), () => this.status, 40);
    this.advance(300);
  }

  // One pass of the loop goes by, and what was launched plays.
  pass() {
    const { song } = this.live;
    song.current_song_time = (song.current_song_time + 15.5) % 16;
    this.advance(60);
    song.current_song_time = 0.1;
    launch(this.live);
    this.advance(60);
  }

  play() {
    this.live.change(this.live.song, "is_playing", 1);
    this.live.song.current_song_time = 0.1;
    this.advance(100);
  }

  get status() {
    return this.patch.status ?? "";
  }

  get clips() {
    return this.track.clip_slots.map(({ clip }) => clip).filter(Boolean);
  }

  // LiveAPI objects made while something happens.
  made(work) {
    const before = this.live.made;
    work();
    return this.live.made - before;
  }
}

export const beatAt = (markers, seconds) => {
  let i = markers.findIndex(([at]) => at >= seconds - 1e-9);
  i = i < 0 ? markers.length - 1 : Math.max(1, i);
  const [[t0, b0], [t1, b1]] = [markers[i - 1], markers[i]];
  return b0 + ((b1 - b0) * (seconds - t0)) / (t1 - t0);
};

// Why a clip is not the loop that its file is, or "".
export function crooked(clip, beats = 16, tempo = 120, looped = true) {
  const seconds = (beats * 60) / tempo;
  const near = (a, b) => Math.abs(a - b) < 2e-3;
  if (clip.warping !== 1 || (looped && clip.looping !== 1)) return "not warped or not looped";
  if (!near(clip.loop_start, 0) || !near(clip.loop_end, beats)) return `loop ${clip.loop_start} to ${clip.loop_end}`;
  if (!near(clip.start_marker, 0) || !near(clip.end_marker, beats)) return `markers ${clip.start_marker} to ${clip.end_marker}`;
  const off = [0, 0.2, 0.5, 0.9, 1].find((share) => !near(beatAt(clip.markers, share * seconds), share * beats));
  return off === undefined ? "" : `at ${off} of the file the beat is ${beatAt(clip.markers, off * seconds)}`;
}
