// Learn: any parameter, in one press. While Live is stopped its lane is scanned; while Live plays, or where it cannot
// be scanned, it is heard as the region plays once.
const LOW_DB = CONTROL_RANGES.intensity[0];
const HIGH_DB = CONTROL_RANGES.intensity[1];
const asDecibel = (share) => LOW_DB + Math.max(0, Math.min(1, share)) * (HIGH_DB - LOW_DB);
const asShare = (decibel) => (decibel - LOW_DB) / (HIGH_DB - LOW_DB);

const Hearing = {
  armLearning(on) {
    this.scan.cancel();
    if (!on) {
      this.learner.stop();
      this.showCurve();
      return;
    }
    if (this.source !== "learn") this.chooseSource(LEARN_SOURCE);
    const { heard } = this.lanes;
    const start = this.passStart;
    const why = this.scan.refusal(heard, start + this.beats);
    if (!why) this.beginScan(heard, start);
    else this.beginPass(heard, start, why);
  },

  beginScan(heard, start) {
    const { beats } = this; // Bars may be moved meanwhile
    this.face.status("working", `Reading the lane of ‘${heard.name}’ … The playhead comes back.`);
    this.scan.begin({
      heard, start, beats,
      progress: (share) => this.face.display("learning", share),
      done: (points) => this.learnedLane(points.map(([beat, share]) => [beat, asDecibel(share)]), heard, beats),
      failed: (words) => {
        this.endLearning();
        this.sayError(words);
      },
    });
  },

  beginPass(heard, start, why) {
    this.hears = heard;
    this.learner.begin(start, this.beats);
    this.hurry();
    const name = heard ? `‘${heard.name}’` : "Intensity";
    const reason = this.live.playing ? "" : ` (It cannot be read while stopped: ${why}.)`;
    this.face.status("ready", `Play bars ${this.barName(start)} once: ${name} is learned as it plays.${reason}${this.shortBrace}`);
  },

  listen(beat) {
    const following = this.redraw.armed && this.source === "learn";
    if (following && (!this.learner.active || this.learnsElsewhere)) {
      this.hears = this.lanes.heard;
      this.learner.begin(this.passStart, this.beats);
    }
    if (!this.learner.active) return;
    const own = !this.hears || this.hears.own;
    const value = own ? this.values.intensity : asDecibel(this.lanes.share(this.hears));
    const curve = this.learner.hear(beat, value);
    this.face.display("learning", this.learner.coverage);
    if (curve) this.learnedPass(curve, following);
  },

  // Bars or the brace were moved since this pass began.
  get learnsElsewhere() {
    const brace = this.live.loopStart;
    return this.learner.beats !== this.beats || (brace !== null && this.learner.start !== brace);
  },

  learnedPass(points, following) {
    if (!following) {
      this.learner.stop();
      this.learnedLane(points, this.hears, this.learner.beats);
      return;
    }
    if (this.live.loopStart === null) this.learner.stop(); // the next pass lies further on
    const first = this.learned === null;
    this.learned = { points, beats: this.learner.beats, name: this.hears?.name ?? "" };
    this.showCurve();
    this.redraw.learned(points, first ? null : this.used, this.beats);
  },

  learnedLane(points, heard, beats) {
    this.learned = { points, beats, name: heard?.name ?? "" };
    this.endLearning();
    this.showCurve();
    const whose = heard && !heard.own ? ` of ‘${heard.name}’` : "";
    const bars = beats / this.barBeats;
    if (beats !== this.beats) {
      this.sayError(`Learned ${bars} bars${whose}, and Bars is ${this.values.bars} now. Set Bars to ${bars}, or press Learn again.`);
      return;
    }
    this.redraw.learned(points, this.used, beats);
    this.face.status("ready", `Learned ${bars} bars${whose}. Press Generate.`);
  },

  endLearning() {
    this.values.learn = 0;
    this.face.set("learn", 0);
  },
};

Object.defineProperties(Device.prototype, Object.getOwnPropertyDescriptors(Hearing));
