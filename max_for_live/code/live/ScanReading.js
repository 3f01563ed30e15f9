// The readings of a scan: the playhead is put to a place, and the value is taken when it has arrived there.
const SCAN_POINTS = 64;
const SCAN_EXTRA = 32; // more where the lane moves most
const SCAN_TURN_MS = 50;
const LONGEST_WAIT_MS = 1600;
const LAG_PLACES = [0, 0.5, 0.25, 0.75]; // of the region
const PATIENCE = 1.5; // times the longest lag that was seen
const SCAN_CLOSE = 0.01; // of the range: two readings of one place differ by no more
const STEEP = 0.1; // of the range: a step that gets a point in its middle
const NARROWEST_BEATS = 1 / 16;
const PROOFS = 4;

class ScanReading {
  constructor(live, lanes) {
    Object.assign(this, { live, lanes });
  }

  // How late the values come: jumps to a few places, with patience, until the value has changed at each.
  *measureLag(job, state) {
    state.lag = 0;
    for (const share of LAG_PLACES) {
      const before = this.lanes.share(job.heard);
      this.seek(job, share * job.beats);
      for (let waited = SCAN_TURN_MS; waited <= LONGEST_WAIT_MS; waited += SCAN_TURN_MS) {
        yield* this.turn(job);
        if (this.lanes.share(job.heard) === before) continue;
        state.lag = Math.max(state.lag, waited);
        break;
      }
    }
  }

  *sweep(job, state) {
    const points = [];
    for (let i = 0; i <= SCAN_POINTS; i += 1) {
      const beat = (i * job.beats) / SCAN_POINTS;
      points.push([beat, yield* this.read(job, beat, state)]);
      job.progress(i / (SCAN_POINTS + SCAN_EXTRA));
    }
    for (let extra = 0; extra < SCAN_EXTRA; extra += 1) {
      const at = ScanReading.steepest(points);
      if (at < 0) break;
      const beat = (points[at][0] + points[at + 1][0]) / 2;
      points.splice(at + 1, 0, [beat, yield* this.read(job, beat, state)]);
    }
    return points;
  }

  static steepest(points) {
    let best = -1;
    let most = STEEP;
    for (let i = 0; i + 1 < points.length; i += 1) {
      const step = Math.abs(points[i + 1][1] - points[i][1]);
      if (step > most && points[i + 1][0] - points[i][0] > NARROWEST_BEATS) [best, most] = [i, step];
    }
    return best;
  }

  *agrees(job, points, wait) {
    for (let i = 0; i < PROOFS; i += 1) {
      const [beat, value] = points[Math.round((i * (points.length - 1)) / (PROOFS - 1))];
      const again = yield* this.read(job, beat, { wait: wait * 3, lag: 0 });
      if (Math.abs(again - value) > SCAN_CLOSE) return false;
    }
    return true;
  }

  // The value at a beat of the region: waits longer than changes have taken so far, and until two turns agree.
  *read(job, beat, { wait, lag }) {
    this.seek(job, beat);
    const least = lag ? Math.max(2 * SCAN_TURN_MS, PATIENCE * lag) : wait;
    let before = NaN;
    for (let waited = SCAN_TURN_MS; ; waited += SCAN_TURN_MS) {
      yield* this.turn(job);
      const value = this.lanes.share(job.heard);
      if (value === before && waited >= least) return value;
      before = value;
    }
  }

  seek(job, beat) {
    const last = beat >= job.beats ? 1e-3 : 0; // the end belongs to what follows
    this.live.song.set("current_song_time", job.start + beat - last);
  }

  *turn(job) {
    yield SCAN_TURN_MS;
    const words = this.interrupted(job);
    if (words) throw new Refused(words);
  }

  // Why a scan cannot go on, or "".
  interrupted({ heard }) {
    if (this.live.playing) return "The scan has stopped, because Live plays. Stop Live and press Learn again.";
    if (!this.live.object(heard.id)) return `‘${heard.name}’ is gone. Choose another parameter and press Learn again.`;
    return this.lanes.state(heard) === Automation.PLAYING ? ""
      : `The automation of ‘${heard.name}’ is no longer active. Press Re-Enable Automation, then Learn.`;
  }
}
