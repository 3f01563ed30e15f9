// Where in the set the loop lies, how long it is, and where its curve comes from.
const Region = {
  get source() {
    return SOURCES[this.values.source] || "dial";
  },

  // What the curve moves; the bridge reads lanes and velocities as intensity only.
  get drives() {
    return this.source === "saved" || this.source === "velocity" ? Driven.INTENSITY : this.store.state.drives;
  },

  get barBeats() {
    const [numerator, denominator] = this.live.signature;
    return (numerator * 4) / denominator;
  },

  get beats() {
    return this.values.bars * this.barBeats;
  },

  // Where the loop region starts in the set: the brace, or the bar that plays now.
  get regionStart() {
    const brace = this.live.loopStart;
    if (brace !== null) return brace;
    return this.live.playing ? Math.floor(this.live.beat / this.barBeats) * this.barBeats : 0;
  },

  // Where a pass can be learned from: the brace, or the next bar line that the playhead comes to.
  get passStart() {
    if (this.live.loopStart !== null || !this.live.playing) return this.regionStart;
    return Math.ceil(this.live.beat / this.barBeats) * this.barBeats;
  },

  // What keeps a pass from being heard to its end, or "".
  get shortBrace() {
    const short = this.live.loopStart !== null && this.live.loopLength < this.beats - 1e-6;
    return short ? " The loop brace ends before that: lengthen it, or switch it off." : "";
  },

  barName(start) {
    const first = Math.floor(start / this.barBeats) + 1;
    return `${first} to ${first + this.values.bars - 1}`;
  },
};

Object.defineProperties(Device.prototype, Object.getOwnPropertyDescriptors(Region));
