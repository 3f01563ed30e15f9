// Our lane of the saved set, read by the bridge after each save. What is wanted is said again every few seconds: it
// may have changed (the brace, a name, Save As), and a curve may have been lost on its way.
const SAVED_LANE_MS = 5000;
const UNWATCHED = Object.freeze({ key: "", lane: "", beats: "", mark: 0, points: null });

const Watching = {
  watchSaved() {
    const wanted = this.source === "saved" ? this.laneToWatch() : null;
    const before = this.watched;
    if (!wanted && !before.key) return;
    const { lane, lane_beats: beats } = wanted ?? { lane: "", lane_beats: "" };
    const key = lane && `${lane}@${beats}`;
    if (key !== before.key) {
      this.watched = { ...UNWATCHED, key, lane, beats };
      this.arriving = null;
      if (before.points) this.showCurve();
    }
    if (this.link.connected) this.link.send("/ditto/lane/watch", [this.link.nonce, lane, beats, this.watched.mark]);
  },

  // Null while there is no lane to name; why is said when a loop is asked for.
  laneToWatch() {
    try {
      return this.savedLane();
    } catch (error) {
      if (error instanceof Refused) return null;
      throw error;
    }
  },

  // A chunk of the lane. All of one mark belong together.
  laneChunk({ nonce, beats, mark, unit, index, chunks, rest }) {
    if (nonce !== this.link.nonce || beats !== this.watched.beats) return; // of a lane that is wanted no more
    if (this.arriving?.mark !== mark) this.arriving = { mark, pieces: new Map() };
    this.arriving.pieces.set(index, rest);
    if (this.arriving.pieces.size < chunks) return;
    const { pieces } = this.arriving;
    this.arriving = null;
    const points = Array.from({ length: chunks }, (_, i) => pieces.get(i) ?? []).flat();
    if (mark !== this.watched.mark && points.length)
      this.laneRead(mark, unit === "db" ? points : points.map(([beat, share]) => [beat, asDecibel(share)]));
  },

  laneRead(mark, points) {
    Object.assign(this.watched, { mark, points });
    this.showCurve();
    this.redraw.learned(points, this.used, this.beats);
    if (!this.pending.size && !this.lander.busy) this.face.status("ready", "The lane is read from the saved set.");
  },
};

Object.assign(Device.prototype, Watching);
