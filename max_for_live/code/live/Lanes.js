// Automation: whether a parameter is automated now, which parameter is heard, and what our lane is called in the
// saved set. `automation_state` is 0 while the track plays a Session clip, whatever the Arrangement holds.
const Automation = Object.freeze({ NONE: 0, PLAYING: 1, OVERRIDDEN: 2 });
const UNNAMED_CLIP = "Clip"; // what the bridge calls the envelopes of a clip without a name

class Lanes {
  constructor(live) {
    this.live = live;
    this.ownId = 0;
    this.selected = null; // { id, name } of a parameter that is not one of our buttons
  }

  get own() {
    if (!this.live.object(this.ownId)) {
      const found = this.live.children(this.live.device, "parameters")
        .find((parameter) => LiveSet.text(parameter, "name") === OWN_INTENSITY);
      this.ownId = found ? found.id : 0;
    }
    return this.ownId ? { id: this.ownId, name: OWN_INTENSITY, own: true } : null;
  }

  // The parameter that was clicked last in Live. Our own controls do not count, but for Intensity.
  select(id) {
    const parameter = this.live.object(id);
    if (!parameter) return;
    const device = this.live.child(parameter, "canonical_parent");
    const name = LiveSet.text(parameter, "name");
    const ours = device && device.id === Number(this.live.device.id);
    if (ours && name !== OWN_INTENSITY) return;
    const owner = device && !device.type.endsWith("MixerDevice") ? device : this.live.trackOf(parameter);
    this.selected = ours ? null : { id: parameter.id, name: `${LiveSet.text(owner, "name")}: ${name}`, own: false };
  }

  // What Learn hears: the parameter selected in Live, unless only our own Intensity is automated.
  get heard() {
    const { own, selected } = this;
    if (!selected || !this.live.object(selected.id)) return own;
    return this.state(selected) === Automation.NONE && own && this.state(own) !== Automation.NONE ? own : selected;
  }

  state({ id }) {
    return LiveSet.number(this.live.object(id), "automation_state");
  }

  // Whether what moves our Intensity is automation: the Arrangement's, or an envelope of the clip that plays.
  get ownPlays() {
    const { own } = this;
    const state = own ? this.state(own) : Automation.NONE;
    if (state !== Automation.NONE) return state === Automation.PLAYING;
    const clip = this.live.playingClip(this.live.track);
    return Boolean(clip) && LiveSet.flag(clip, "has_envelopes");
  }

  // The value of a parameter as a share 0..1 of its range.
  share({ id }) {
    const parameter = this.live.object(id);
    const [low, high] = [LiveSet.number(parameter, "min"), LiveSet.number(parameter, "max")];
    return high > low ? (LiveSet.number(parameter, "value") - low) / (high - low) : 0;
  }

  // Where our lane lies in the saved set, as the bridge names it, and at which beat it begins: the envelope of the
  // Session clip that plays on our track, else the Arrangement's lane at `start`.
  saved(start, beats) {
    const clip = this.live.playingClip(this.live.track);
    if (!clip || !LiveSet.flag(clip, "has_envelopes")) return { name: this.savedName, start };
    const [from, to] = [LiveSet.number(clip, "loop_start"), LiveSet.number(clip, "loop_end")];
    if (to - from < beats - 1e-6)
      throw new Refused(`The clip that plays is shorter than the loop. Set Bars to its ${to - from} beats, or press Learn `
        + "while it plays.");
    const parts = [LiveSet.text(this.live.track, "name"), LiveSet.text(this.live.device, "name")].map(Lanes.quoted);
    return { name: `${parts.join("/")}/${OWN_INTENSITY}/${Lanes.quoted(this.clipName(clip))}`, start: from };
  }

  // The name by which the saved set tells the envelopes of a Session clip from those of others. Throws `Refused` where
  // another clip on its track has the same.
  clipName(clip) {
    const name = LiveSet.text(clip, "name");
    const others = this.live.children(this.live.track, "clip_slots").map((slot) => this.live.child(slot, "clip"))
      .filter((other) => other && other.id !== clip.id && LiveSet.flag(other, "has_envelopes"));
    if (others.some((other) => LiveSet.text(other, "name") === name))
      throw new Refused(`Several clips on this track ${name ? `are called ‘${name}’` : "have no name"}, and the saved set `
        + "tells their envelopes apart by name. Name the one that plays anew and save, or press Learn while it plays.");
    return name || UNNAMED_CLIP;
  }

  static quoted(text) {
    return `"${text.replace(/"/g, '""')}"`;
  }

  // Our lane in the Arrangement: "Track"/"Device"/Parameter, and ` (2)` for the second lane of that name, which
  // devices of one name on tracks of one name have. Throws `Refused` when Live does not tell which one is ours.
  get savedName() {
    const { device, track } = this.live;
    const [trackName, name] = [LiveSet.text(track, "name"), LiveSet.text(device, "name")];
    const twins = this.twins(trackName, name);
    if (twins.length > 1 && twins.some(({ on }) => this.live.playingSlot(on) !== FROM_ARRANGEMENT))
      throw new Refused("Two devices of one name are on tracks of one name, and Live does not tell their lanes apart "
        + "while Session clips play. Press Back to Arrangement, or rename one of the tracks and save.");
    let count = 1;
    for (const { twin } of twins) {
      if (twin.id === Number(device.id)) break;
      if (this.automated(twin)) count += 1;
    }
    return `${Lanes.quoted(trackName)}/${Lanes.quoted(name)}/${OWN_INTENSITY}${count > 1 ? ` (${count})` : ""}`;
  }

  twins(trackName, name) {
    return this.live.tracks.filter((track) => LiveSet.text(track, "name") === trackName)
      .flatMap((on) => this.live.devices(on).map((twin) => ({ on, twin })))
      .filter(({ twin }) => LiveSet.text(twin, "name") === name);
  }

  automated(device) {
    const own = this.live.children(device, "parameters")
      .find((parameter) => LiveSet.text(parameter, "name") === OWN_INTENSITY);
    return Boolean(own) && this.state(own) !== Automation.NONE;
  }
}
