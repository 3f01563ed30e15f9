// Reads an automation lane while Live is stopped: the playhead is put to each place, and some time later the
// parameter has the value that the lane has there, curves included. How much later is measured as it goes. The
// playhead is always put back.
const FIRST_WAIT_MS = 200;

class Scan {
  constructor(live, lanes, clock) {
    Object.assign(this, { live, lanes, clock });
    this.reading = new ScanReading(live, lanes);
    this.running = null;
  }

  // Why a lane cannot be scanned now, in words; "" when it can.
  refusal(heard, end) {
    if (!heard) return "there is no parameter to read";
    if (this.live.playing) return "Live plays";
    const parameter = this.live.object(heard.id);
    const track = parameter && this.live.trackOf(parameter);
    if (!track) return `‘${heard.name}’ is gone`;
    if (this.lanes.state(heard) === Automation.OVERRIDDEN)
      return `the automation of ‘${heard.name}’ is overridden: press Re-Enable Automation`;
    if (this.live.playingSlot(track) !== FROM_ARRANGEMENT)
      return `‘${LiveSet.text(track, "name")}’ is in the Session: press Back to Arrangement`;
    if (this.lanes.state(heard) !== Automation.PLAYING) return `‘${heard.name}’ has no automation in the Arrangement`;
    if (LiveSet.flag(this.live.song, "record_mode")) return "Arrangement Record is on";
    if (end > LiveSet.number(this.live.song, "song_length")) return "the loop reaches beyond the end of the song";
    return "";
  }

  // job: { heard, start, beats, progress(share), done(points as shares of the range), failed(words) }
  begin(job) {
    this.cancel();
    this.running = this.clock.run(this.steps(job));
  }

  cancel() {
    this.running?.cancel();
    this.running = null;
  }

  *steps(job) {
    const { song } = this.live;
    const origin = this.live.beat;
    const state = { wait: FIRST_WAIT_MS, lag: 0 };
    try {
      const points = yield* this.proven(job, state);
      job.done(points.map(([beat, value]) => [beat, value]));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      job.failed(error.message);
    } finally {
      song.set("current_song_time", origin);
      this.running = null;
    }
  }

  // Reads all places, then some of them again with more patience; if they differ, all once more.
  *proven(job, state) {
    for (; state.wait <= LONGEST_WAIT_MS; state.wait *= 2) {
      yield* this.reading.measureLag(job, state);
      const points = yield* this.reading.sweep(job, state);
      if (yield* this.reading.agrees(job, points, state.wait)) return points;
    }
    throw new Refused("Live is too slow to be scanned at the moment. Play the region once instead.");
  }
}
