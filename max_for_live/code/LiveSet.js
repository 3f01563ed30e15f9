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
    return this.automation(this.device, longName) === 1;
  }

  // 0 without automation, 1 while it is active, 2 while a hand overrides it.
  automation(device, longName) {
    for (const id of LiveSet.ids(device, "parameters")) {
      const parameter = this.object(id);
      if (parameter && LiveSet.text(parameter, "name") === longName)
        return LiveSet.number(parameter, "automation_state");
    }
    return 0;
  }

  // Our lane as the bridge names it: "Track"/"Device"/Parameter, and ` (2)` for the second lane of that name, which
  // devices of one name on tracks of one name have.
  laneName(longName) {
    const own = this.device;
    const [track, name] = [LiveSet.text(this.track, "name"), LiveSet.text(own, "name")];
    let count = 1;
    for (const device of this.devicesNamed(name, track)) {
      if (Number(device.id) === Number(own.id)) break;
      if (this.automation(device, longName)) count += 1;
    }
    const quoted = (text) => `"${text.replace(/"/g, '""')}"`;
    return `${quoted(track)}/${quoted(name)}/${longName}${count > 1 ? ` (${count})` : ""}`;
  }

  devicesNamed(name, trackName) {
    return this.trackIds.map((id) => this.object(id))
      .filter((track) => track && LiveSet.text(track, "name") === trackName)
      .flatMap((track) => LiveSet.ids(track, "devices").map((id) => this.object(id)))
      .filter((device) => device && LiveSet.text(device, "name") === name);
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
