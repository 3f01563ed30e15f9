// The curve of a request: held by the device, or read by the bridge from the saved set or the melody's velocities.
const STRENGTH_TEXT = 1500; // characters of a curve that travels as one setting
const NO_CURVE = {
  learn: "No lane is learned for this length yet. Press Learn; while Live plays, play the region once.",
  drawn: "Nothing is drawn yet. Draw a curve in the display.",
};

const Curves = {
  // The curve as breakpoints in dB, or null when the bridge reads it or there is none; settings say which.
  curve(settings) {
    if (!this.uses("intensity")) {
      settings.intensity_source = "none";
      return null;
    }
    if (this.source === "saved") {
      Object.assign(settings, this.savedLane());
      return null;
    }
    if (this.source === "velocity") {
      if (this.store.state.melody.kind === Picked.OFF)
        throw new Refused("Velocities come from the melody clip. Pick one under Melody.");
      settings.intensity_source = "velocities";
      return null;
    }
    const points = this.localCurve();
    if (!points) throw new Refused(NO_CURVE[this.source]);
    const control = STRENGTH_OF[this.drives];
    return control ? this.strengthCurve(settings, control, points) : points;
  },

  // The curve as the strength of a control over the loop, a share of what its dial says. The intensity itself is then
  // as its own dial stands, or free where the strength is another control's.
  strengthCurve(settings, control, points) {
    if (!this.uses(control))
      throw new Refused(`The curve moves how much the ${control} counts, and there is none. Pick a clip under ${
        capitalised(control)}, or choose Intensity beside Learn.`);
    const most = this.values[`${control}_strength`] / 100;
    const text = Curve.text(points.map(([beat, value]) => [beat, Math.max(0, asShare(value)) * most]), STRENGTH_TEXT);
    if (!/:(?!0\.000\b)/.test(text)) throw new Refused("The curve is at its lowest all along, which leaves the control out.");
    settings[`${control}.weight`] = text;
    if (control === "intensity") return Curve.constant(this.values.intensity, this.beats);
    settings.intensity_source = "none";
    return null;
  },

  // The curve that the device itself holds, or null.
  localCurve() {
    const { drawn } = this.store;
    if (this.source === "dial") return Curve.constant(this.values.intensity, this.beats);
    if (this.source === "saved") return this.watched.points;
    if (this.source === "drawn" && drawn.length) return Curve.fromDrawing(drawn, this.beats);
    if (this.source === "learn" && this.learned && this.learned.beats === this.beats) return this.learned.points;
    return null;
  },

  savedLane() {
    const { file } = this.live;
    if (!file) throw new Refused("The set is not saved yet. Save it, then the lane can be read from it.");
    const { name, start } = this.lanes.saved(this.live.loopStart ?? 0, this.beats);
    return { intensity_source: "lane", lane_beats: `${start}:${start + this.beats}`, lane: `${file}#${name}` };
  },
};

Object.assign(Device.prototype, Curves);
