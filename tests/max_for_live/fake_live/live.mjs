// A Live set in memory, seen through a `LiveAPI` class that behaves as the documentation and measurements say:
// failed calls print their exact text to the console and return nothing, `warping` is set a turn later, Live then
// warps the file in its own way, changes inside an observer are refused, and ids of what is gone are dead.
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute } from "node:path";

const TURN_MS = 15; // Live's deferred turn
const AUTO_WARP_MS = 45; // when Live's own guess arrives
const HIDDEN_BEATS = 1 / 32; // the hidden last marker sits this far behind the one before

export class FakeLive {
  constructor({ version = [12, 3, 5], tempo = 120, signature = [4, 4], file = "", guess = null } = {}) {
    Object.assign(this, { version, guess, console: [], objects: new Map(), nextId: 1, ready: false, notifying: 0, undo: [] });
    this.song = this.add("Song", {
      tempo, signature_numerator: signature[0], signature_denominator: signature[1], is_playing: 0, current_song_time: 0,
      loop: 1, loop_start: 0, loop_length: 16, root_note: 0, scale_name: "Major", scale_mode: 0, file_path: file, tracks: [],
    });
    this.view = this.add("Song.View", { detail_clip: null });
    this.app = this.add("Application", {});
  }

  add(type, properties, parent = null) {
    const object = { type, id: this.nextId++, parent, observers: [], ...properties };
    this.objects.set(object.id, object);
    return object;
  }

  track(name, { midi = false, slots = 4, frozen = false, group = false } = {}) {
    const track = this.add("Track", {
      name, has_midi_input: midi ? 1 : 0, has_audio_input: midi || group ? 0 : 1, is_frozen: frozen ? 1 : 0,
      is_foldable: group ? 1 : 0, clip_slots: [], arrangement_clips: [], devices: [], playing_slot_index: -1,
    }, this.song);
    for (let i = 0; i < slots; i += 1) track.clip_slots.push(this.add("ClipSlot", { has_clip: 0, clip: null }, track));
    this.song.tracks.push(track);
    this.notify(this.song, "tracks");
    return track;
  }

  // Our device on a track; each copy has parameters of its own.
  device(track, name = "Ditto Live", className = "MxDeviceAudioEffect") {
    const device = this.add("MaxDevice", { name, class_name: className, parameters: [] }, track);
    device.parameters.push(this.add("DeviceParameter", { name: "Intensity", automation_state: 0, value: -20 }, device));
    track.devices.push(device);
    return device;
  }

  midiClip(track, slotIndex, name, notes, { length = 4, start = 0 } = {}) {
    const slot = track.clip_slots[slotIndex];
    const clip = this.add("Clip", {
      name, is_midi_clip: 1, is_audio_clip: 0, looping: 1, loop_start: start, loop_end: start + length, start_marker: start,
      end_marker: start + length, notes: notes.map((note, i) => ({ note_id: i + 1, mute: 0, velocity: 100, ...note })),
    }, slot);
    Object.assign(slot, { clip, has_clip: 1 });
    return clip;
  }

  audioClip(track, slotIndex, path, properties = {}) {
    return this.newAudioClip(track.clip_slots[slotIndex], path, properties);
  }

  newAudioClip(slot, path, properties = {}) {
    const file = wavFacts(path);
    const guessed = { beats: (file.seconds * this.song.tempo) / 60, shift: 0, extra: [], ...this.guess };
    const clip = this.add("Clip", {
      name: path.split("/").pop(), is_midi_clip: 0, is_audio_clip: 1, file_path: path, warping: 1, warp_mode: 4, gain: 0.4,
      looping: 0, color: 0, loop_start: 0, loop_end: guessed.beats, start_marker: 0, end_marker: guessed.beats,
      sample_length: file.samples, sample_rate: file.rate, markers: hidden([[0, 0]], file.seconds / guessed.beats), ...properties,
    }, slot);
    if (slot.type === "ClipSlot") Object.assign(slot, { clip, has_clip: 1 });
    this.later(AUTO_WARP_MS, () => this.autoWarp(clip, file.seconds, guessed));
    return clip;
  }

  // Live's own idea of the tempo: too early a first marker, more markers, another length.
  autoWarp(clip, seconds, { beats, shift, extra }) {
    if (!this.objects.has(clip.id) || this.guess === null) return;
    const points = [[shift, 0], ...extra].sort((a, b) => a[0] - b[0]);
    Object.assign(clip, { markers: hidden(points, (seconds - shift) / beats), loop_end: beats, end_marker: beats });
  }

  later(ms, work) {
    setTimeout(work, ms);
  }

  error(text) {
    this.console.push(text);
  }

  notify(object, property) {
    for (const observer of object.observers.filter((row) => row.property === property)) {
      this.notifying += 1;
      try {
        observer.callback([property, object[property]]);
      } finally {
        this.notifying -= 1;
      }
    }
  }

  change(object, property, value) {
    object[property] = value;
    this.notify(object, property);
  }

  remove(object) {
    this.objects.delete(object.id);
    for (const child of [object.clip].filter(Boolean)) this.remove(child);
  }

  find(path) {
    if (path.startsWith("id ")) return this.objects.get(Number(path.slice(3))) || null;
    const words = path.split(" ");
    const roots = { live_set: this.song, live_app: this.app };
    let object = roots[words.shift()] || null;
    while (object && words.length) {
      const word = words.shift();
      if (word === "view") object = this.view;
      else {
        const child = object[word];
        object = Array.isArray(child) ? child[Number(words.shift())] : child;
      }
    }
    return object || null;
  }

  // The class as one device sees it.
  api(device) {
    const live = this;
    return class LiveAPI {
      constructor(first, second) {
        if (!live.ready) throw new Error("LiveAPI is not ready: wait for live.thisdevice");
        this.callback = typeof first === "function" ? first : null;
        const path = String(this.callback ? second : first);
        this.object = path === "this_device" ? device : live.find(path);
      }

      get id() {
        return this.alive ? String(this.object.id) : "0";
      }

      get type() {
        return this.alive ? this.object.type : "";
      }

      get alive() {
        return this.object !== null && live.objects.has(this.object.id);
      }

      set property(name) {
        this.object.observers.push({ property: name, callback: this.callback });
      }

      get(property) {
        if (!this.alive) return [];
        return READERS[property] ? READERS[property](live, this.object) : plain(this.object[property]);
      }

      set(property, value) {
        if (live.notifying) return live.error("Changes cannot be triggered by notifications. You will need to defer your response.");
        if (!this.alive) return live.error("set: no valid object set");
        live.undo.push(`set ${property}`);
        if (SETTERS[property]) SETTERS[property](live, this.object, value);
        else this.object[property] = value;
        return undefined;
      }

      call(name, ...args) {
        if (!this.alive) return live.error("call: no valid object set");
        const method = METHODS[this.object.type]?.[name];
        if (!method) return live.error(`${this.object.type} has no function ${name}`);
        if (live.notifying && !PURE.has(name))
          return live.error("Changes cannot be triggered by notifications. You will need to defer your response.");
        if (!PURE.has(name)) live.undo.push(`call ${name}`);
        return method(live, this.object, ...args);
      }
    };
  }
}

const PURE = new Set(["get_notes_extended", "get_major_version", "get_minor_version", "get_bugfix_version"]);

function plain(value) {
  if (value === undefined || value === null) return ["id", 0];
  if (Array.isArray(value)) return value.flatMap((child) => ["id", child.id]);
  if (typeof value === "object") return ["id", value.id];
  return [value];
}

const READERS = {
  current_song_time(live, song) {
    live.beatReads = (live.beatReads ?? 0) + 1;
    return [song.current_song_time];
  },
  canonical_parent: (_live, object) => plain(object.parent),
  warp_markers: (_live, clip) => [JSON.stringify({
    warp_markers: clip.markers.map(([sample_time, beat_time]) => ({ sample_time, beat_time })),
  })],
};

const fits = (clip, property, value) => ({
  loop_start: value < clip.loop_end, loop_end: value > clip.loop_start,
  start_marker: value < clip.end_marker, end_marker: value > clip.start_marker,
})[property];

// While looping is off the loop points are the clip's own markers.
function setPoint(live, clip, property, value) {
  if (!fits(clip, property, value)) return live.error(`RuntimeError: ${property} is out of range`);
  clip[property] = value;
  const twin = { loop_start: "start_marker", loop_end: "end_marker" }[property];
  if (!clip.looping && twin) clip[twin] = value;
  return undefined;
}

const SETTERS = {
  warping(live, clip, value) {
    live.later(TURN_MS, () => {
      if (clip.warping !== value) Object.assign(clip, { warping: value, looping: 0 });
    });
  },
  looping(live, clip, value) {
    if (!clip.warping && value) return live.error("RuntimeError: Unwarped audio cannot loop");
    clip.looping = value;
    return undefined;
  },
  loop_start: (live, clip, value) => setPoint(live, clip, "loop_start", value),
  loop_end: (live, clip, value) => setPoint(live, clip, "loop_end", value),
  start_marker: (live, clip, value) => setPoint(live, clip, "start_marker", value),
  end_marker: (live, clip, value) => setPoint(live, clip, "end_marker", value),
};

// The last marker is hidden: it carries the tempo of what follows, and keeps it when others are moved.
const hidden = (points, secondsPerBeat) => {
  const [seconds, beat] = points[points.length - 1];
  return [...points, [seconds + HIDDEN_BEATS * secondsPerBeat, beat + HIDDEN_BEATS]];
};

const withoutHidden = (clip) => clip.markers.slice(0, -1);

function remark(clip, points) {
  const [last, end] = clip.markers.slice(-2);
  clip.markers = hidden(points.sort((a, b) => a[1] - b[1]), (end[0] - last[0]) / (end[1] - last[1]));
}

const METHODS = {
  Application: {
    get_major_version: (live) => live.version[0],
    get_minor_version: (live) => live.version[1],
    get_bugfix_version: (live) => live.version[2],
  },
  ClipSlot: {
    create_audio_clip(live, slot, path) {
      const track = slot.parent;
      if (!isAbsolute(path)) return live.error("ValueError: Please provide an absolute path");
      if (!track.has_audio_input) return live.error("RuntimeError: Audio clips can only be created on audio tracks");
      if (track.is_frozen) return live.error("RuntimeError: Audio clips cannot be created on frozen tracks");
      if (slot.has_clip) return live.error("RuntimeError: This clip slot already has a clip");
      if (!wavFacts(path)) return live.error("ValueError: The provided path does not appear to point to a valid audio file");
      live.newAudioClip(slot, path);
      return undefined;
    },
    delete_clip(live, slot) {
      live.remove(slot.clip);
      Object.assign(slot, { clip: null, has_clip: 0 });
    },
  },
  Track: {
    duplicate_clip_to_arrangement(live, track, reference, time) {
      const clip = live.find(String(reference));
      const { type, id, parent, observers, ...rest } = clip;
      track.arrangement_clips.push(live.add("Clip", { ...rest, start_time: time }, track));
      return undefined;
    },
    delete_clip(live, track, reference) {
      const clip = live.find(String(reference));
      track.arrangement_clips = track.arrangement_clips.filter((other) => other !== clip);
      live.remove(clip);
    },
  },
  MaxDevice: {
    replace_sample(live, device, path) {
      device.sample = path;
    },
  },
  Clip: {
    fire: (_live, clip) => void (clip.fired = (clip.fired || 0) + 1),
    get_notes_extended(live, clip, fromPitch, pitchSpan, fromTime, timeSpan) {
      if (!clip.is_midi_clip) return live.error("RuntimeError: only available for MIDI clips");
      const notes = clip.notes.filter((note) => note.pitch >= fromPitch && note.pitch < fromPitch + pitchSpan
        && note.start_time >= fromTime && note.start_time < fromTime + timeSpan);
      return JSON.stringify({ notes: [...notes].sort((a, b) => a.pitch - b.pitch) });
    },
    add_warp_marker(live, clip, { beat_time: beat, sample_time: seconds }) {
      const points = withoutHidden(clip).filter(([, at]) => Math.abs(at - beat) > 1e-9);
      const before = points.filter(([, at]) => at < beat).pop();
      const after = points.find(([, at]) => at > beat);
      if ((before && before[0] >= seconds) || (after && after[0] <= seconds))
        return live.error("RuntimeError: Invalid warp marker");
      remark(clip, [...points, [seconds, beat]]);
      return undefined;
    },
    move_warp_marker(live, clip, beat, distance) {
      const points = withoutHidden(clip);
      const marker = points.find(([, at]) => Math.abs(at - beat) < 1e-9);
      if (!marker) return live.error("RuntimeError: There is no warp marker at this beat");
      if (points.some((other) => other !== marker && Math.abs(other[1] - beat - distance) < 1e-9))
        return live.error("RuntimeError: There is already a warp marker at this beat");
      marker[1] = beat + distance;
      if (points.some(([, at], i) => i && at <= points[i - 1][1])) {
        marker[1] = beat;
        return live.error("RuntimeError: A warp marker cannot pass another");
      }
      remark(clip, points);
      return undefined;
    },
    remove_warp_marker(live, clip, beat) {
      const points = withoutHidden(clip);
      const rest = points.filter(([, at]) => Math.abs(at - beat) > 1e-9);
      if (rest.length === points.length) return live.error("RuntimeError: There is no warp marker at this beat");
      if (rest.length < 2) return live.error("RuntimeError: The last warp markers cannot be removed");
      remark(clip, rest);
      return undefined;
    },
  },
};

// Samples, rate and seconds of a WAV file, or null.
function wavFacts(path) {
  if (!existsSync(path)) return null;
  const data = readFileSync(path);
  if (data.toString("latin1", 0, 4) !== "RIFF") return null;
  let at = 12;
  let rate = 0;
  let frame = 0;
  while (at + 8 <= data.length) {
    const [tag, size] = [data.toString("latin1", at, at + 4), data.readUInt32LE(at + 4)];
    if (tag === "fmt ") [rate, frame] = [data.readUInt32LE(at + 12), data.readUInt16LE(at + 20)];
    if (tag === "data") return { rate, samples: size / frame, seconds: size / frame / rate };
    at += 8 + size + (size % 2);
  }
  return null;
}
