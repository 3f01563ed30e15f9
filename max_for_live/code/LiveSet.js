// The Live set, through LiveAPI. Objects are looked up anew each time: ids go stale after structural edits.
class LiveSet {
  constructor(host) {
    this.host = host;
  }

  // The object at a path or `id N`, or null.
  at(path) {
    const api = this.host.api(path);
    return api && Number(api.id) > 0 ? api : null;
  }

  object(id) {
    return Number(id) > 0 ? this.at(`id ${id}`) : null;
  }

  get song() {
    return this.at("live_set");
  }

  // Live's version as numbers, e.g. [12, 3, 5].
  version() {
    const app = this.at("live_app");
    const part = (name) => Number(app.call(name));
    return [part("get_major_version"), part("get_minor_version"), part("get_bugfix_version")];
  }

  get trackIds() {
    return LiveSet.ids(this.song, "tracks");
  }

  get device() {
    return this.at("this_device");
  }

  // The track that the device sits on, through any racks around it.
  get track() {
    let api = this.device;
    while (api && api.type !== "Track") api = this.object(LiveSet.ids(api, "canonical_parent")[0]);
    return api;
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

  // The set's scale as a key, "" when the scale is off, or null when it is one that no model knows.
  get key() {
    const song = this.song;
    if (!LiveSet.flag(song, "scale_mode")) return "";
    const scale = LiveSet.text(song, "scale_name").toLowerCase();
    return KNOWN_SCALES.has(scale) ? `${NOTE_NAMES[LiveSet.number(song, "root_note")]} ${scale}` : null;
  }

  // Whether Live is playing the automation of one of our own parameters (not overridden by a hand).
  automated(longName) {
    for (const id of LiveSet.ids(this.device, "parameters")) {
      const parameter = this.object(id);
      if (parameter && LiveSet.text(parameter, "name") === longName)
        return LiveSet.number(parameter, "automation_state") === 1;
    }
    return false;
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
