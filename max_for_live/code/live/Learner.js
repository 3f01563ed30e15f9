// Learns a lane by listening to our own Intensity while the loop region plays once, start to end.
const LARGEST_GAP_BEATS = 0.75; // more between two readings is a jump of the playhead, or a stall
const THIN_DB = 0.05;

class Learner {
  constructor() {
    this.active = false;
  }

  // Waits for the region [start, start + beats) of the set.
  begin(start, beats) {
    Object.assign(this, { active: true, start, beats, readings: [], last: null });
  }

  stop() {
    this.active = false;
  }

  // How much of the pass is heard, 0..1.
  get coverage() {
    if (!this.active || !this.readings.length) return 0;
    return Math.min(1, this.readings[this.readings.length - 1][0] / this.beats);
  }

  // Takes the value heard at a beat of the set; returns the curve when the pass is whole, else null.
  hear(songBeat, value) {
    const beat = songBeat - this.start;
    const before = this.last;
    this.last = beat;
    const moved = before === null ? Infinity : beat - before;
    if (moved === 0) return null;
    if (moved > 0 && moved <= LARGEST_GAP_BEATS) {
      if (this.readings.length && beat >= this.beats) return this.finish();
    } else {
      const wrapped = moved < 0 && before !== null && before > this.beats - LARGEST_GAP_BEATS;
      const curve = wrapped && this.readings.length ? this.finish() : null;
      this.readings = [];
      if (curve) {
        this.note(beat, value);
        return curve;
      }
    }
    this.note(beat, value);
    return null;
  }

  // A pass begins at its beginning: readings in the middle of the region wait for the next start.
  note(beat, value) {
    if (beat < 0 || beat >= this.beats) return;
    if (this.readings.length || beat <= LARGEST_GAP_BEATS) this.readings.push([beat, value]);
  }

  finish() {
    const inside = this.readings;
    this.readings = [];
    const whole = [[0, inside[0][1]], ...inside, [this.beats, inside[inside.length - 1][1]]];
    return Curve.thin(whole, THIN_DB);
  }
}
