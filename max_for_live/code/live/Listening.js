// Plays a take, or the loop as it stands while it is made, inside the device: in time with Live while Live plays, and
// by itself while it is stopped. Nothing sounds unless Listen is on.
const TICKS_PER_QUARTER = 480;
const LONGEST_READ_MS = 4000; // Max says when a file is in memory, and nothing where it cannot be read

class Listening {
  // `failed(words)` hears of a file that is not read.
  constructor(out, clock, failed) {
    Object.assign(this, { out, clock, failed, reading: null });
    this.on = false;
    this.now = null; // { path, beats, seconds, start }
    this.loaded = "";
  }

  turn(on, playing) {
    this.on = on;
    this.refresh(playing);
  }

  // sound: { path, beats, seconds, start }, `start` being the beat of the set at which the loop begins.
  offer(sound, playing) {
    this.now = sound;
    this.refresh(playing);
  }

  refresh(playing) {
    const { now } = this;
    if (!this.on || !now) {
      this.out("gain", 0);
      return;
    }
    this.out("gain", 0); // until the file is read
    if (playing) {
      const late = (((now.start % now.beats) + now.beats) % now.beats) / now.beats;
      this.out("clock", "lock", 1);
      this.out("clock", "phaseoffset", late ? 1 - late : 0);
      this.out("clock", now.beats * TICKS_PER_QUARTER, "ticks");
    } else {
      this.out("clock", "lock", 0);
      this.out("clock", "phaseoffset", 0);
      this.out("clock", 1 / now.seconds);
    }
    if (this.loaded === now.path) this.out("gain", 1);
    else this.read(now.path);
  }

  read(path) {
    this.out("file", "replace", path.replace(/\\/g, "/")); // as Max writes paths
    this.reading?.cancel();
    this.reading = this.clock.after(LONGEST_READ_MS, () => {
      if (this.on && this.now.path === path && this.loaded !== path)
        this.failed(`${path} cannot be played. Is the file still there?`);
    });
  }

  // The file is in memory.
  filled() {
    this.loaded = this.now ? this.now.path : "";
    if (this.on && this.now) this.out("gain", 1);
  }
}
