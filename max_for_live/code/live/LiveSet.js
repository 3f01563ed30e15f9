// The Live set, through LiveAPI. Four objects live as long as the device (the song, its view, our device, and one
// that is moved by id to everything else); nothing else is ever made while the device runs.
const OWN_INTENSITY = "Intensity";
const DEEPEST_RACK = 4;
const FROM_ARRANGEMENT = -1; // of playing_slot_index: no Session clip plays or was stopped

class LiveSet {
  constructor(host) {
    this.host = host;
  }

  // Only after live.thisdevice has spoken.
  open() {
    this.song = this.host.api("live_set");
    this.view = this.host.api("live_set view");
    this.device = this.host.api("this_device");
    this.scratch = this.host.api("live_set");
  }

  // The shared LiveAPI, moved to an id; null when the object is gone.
  reach(id) {
    if (Number(this.scratch.id) !== id) this.scratch.id = id;
    return Number(this.scratch.id) === id ? this.scratch : null;
  }

  object(id) {
    const number = Number(id);
    return number > 0 && this.reach(number) ? new LiveObject(this, number) : null;
  }

  // The objects of a child or a list of children that are there.
  children(parent, name) {
    return LiveSet.ids(parent, name).map((id) => this.object(id)).filter(Boolean);
  }

  child(parent, name) {
    return this.children(parent, name)[0] || null;
  }

  // Live's version as numbers, e.g. [12, 3, 5].
  version() {
    const app = this.host.api("live_app");
    const part = (name) => Number(app.call(name));
    const version = [part("get_major_version"), part("get_minor_version"), part("get_bugfix_version")];
    app.path = ""; // lets go of what Live has attached to it
    return version;
  }

  get tracks() {
    return this.children(this.song, "tracks");
  }

  // The track that the device sits on, through any racks around it.
  get track() {
    return this.trackOf(this.device);
  }

  trackOf(object) {
    let at = object;
    while (at && at.type !== "Track") at = this.child(at, "canonical_parent");
    return at;
  }

  get tempo() {
    return LiveSet.number(this.song, "tempo");
  }

  get signature() {
    return [LiveSet.number(this.song, "signature_numerator"), LiveSet.number(this.song, "signature_denominator")];
  }

  get playing() {
    return LiveSet.flag(this.song, "is_playing");
  }

  get beat() {
    return LiveSet.number(this.song, "current_song_time");
  }

  // The set's file, or "" while it is unsaved.
  get file() {
    return LiveSet.text(this.song, "file_path");
  }

  // Where the loop brace starts, or null while it is off.
  get loopStart() {
    return LiveSet.flag(this.song, "loop") ? LiveSet.number(this.song, "loop_start") : null;
  }

  get loopLength() {
    return LiveSet.number(this.song, "loop_length");
  }

  // The set's scale as a key, "" when the scale is off, or null when it is one that no model knows.
  get key() {
    if (!LiveSet.flag(this.song, "scale_mode")) return "";
    const scale = LiveSet.text(this.song, "scale_name").toLowerCase();
    return KNOWN_SCALES.has(scale) ? `${NOTE_NAMES[LiveSet.number(this.song, "root_note")]} ${scale}` : null;
  }

  // All devices of a track or a chain, as they stand, with those within racks behind their rack.
  devices(holder, depth = 0) {
    return this.children(holder, "devices").flatMap((device) => {
      if (depth >= DEEPEST_RACK || !LiveSet.flag(device, "can_have_chains")) return [device];
      return [device, ...this.children(device, "chains").flatMap((chain) => this.devices(chain, depth + 1))];
    });
  }

  // The number of the slot that plays on a track; return and main tracks have no slots, and may not be asked.
  playingSlot(track) {
    return LiveSet.ids(track, "clip_slots").length ? LiveSet.number(track, "playing_slot_index") : FROM_ARRANGEMENT;
  }

  // The clip that plays on a track from the Session, or null.
  playingClip(track) {
    const index = this.playingSlot(track);
    const slot = index >= 0 ? this.object(LiveSet.ids(track, "clip_slots")[index]) : null;
    return slot && this.child(slot, "clip");
  }

  static raw(api, property) {
    const value = api ? api.get(property) : null;
    return Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
  }

  static number(api, property) {
    return Number(LiveSet.raw(api, property)[0]);
  }

  static flag(api, property) {
    return LiveSet.number(api, property) === 1;
  }

  static text(api, property) {
    return LiveSet.raw(api, property).join(" ");
  }

  // The ids in a child or a list of children: ["id", 3, "id", 5] -> [3, 5].
  static ids(api, property) {
    return LiveSet.raw(api, property).filter((_, i) => i % 2 === 1).map(Number).filter((id) => id > 0);
  }
}

const NOTE_NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const KNOWN_SCALES = new Set(["major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian",
  "harmonic minor", "melodic minor"]);

const atLeast = (version, wanted) => {
  for (let i = 0; i < wanted.length; i += 1) if (version[i] !== wanted[i]) return version[i] > wanted[i];
  return true;
};
