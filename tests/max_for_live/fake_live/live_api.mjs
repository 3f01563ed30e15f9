// The `LiveAPI` class as one device sees it. Names that the Live Object Model does not have throw; failed calls print
// their text to the console and return nothing; changes inside an observer are refused; ids of what is gone are dead.
// Every object made is counted, since Live keeps memory for each until it quits.
import { mustHave, mustHaveFunction } from "./lom.mjs";
import { METHODS, PURE } from "./methods.mjs";

const DEFER = "Changes cannot be triggered by notifications. You will need to defer your response.";

export function makeApi(live, device) {
  return class LiveAPI {
    constructor(first, second) {
      if (!live.ready) throw new Error("LiveAPI is not ready: wait for live.thisdevice");
      live.made += 1;
      this.callback = typeof first === "function" ? first : null;
      this.goTo(String(this.callback ? second : first));
    }

    goTo(path) {
      live.pathListeners += (path && !path.startsWith("id ") ? 1 : 0) - (this.byPath ? 1 : 0);
      this.byPath = Boolean(path) && !path.startsWith("id ");
      this.object = path === "this_device" ? device : path ? live.find(path) : null;
    }

    set path(path) {
      this.goTo(path);
    }

    get id() {
      return this.alive ? String(this.object.id) : "0";
    }

    // Moving an object by number costs nothing; a text would be kept by Max for good.
    set id(id) {
      if (typeof id !== "number") throw new Error("an id is set as a number");
      if (this.byPath) live.pathListeners -= 1;
      this.byPath = false;
      this.object = live.objects.get(id) ?? null;
    }

    get type() {
      return this.alive ? this.object.type : "";
    }

    get alive() {
      return Boolean(this.object) && live.objects.has(this.object.id);
    }

    // An observer speaks at once, and at each change.
    set property(name) {
      mustHave(this.object.type, name, "o");
      const observer = { property: name, callback: this.callback };
      this.object.observers.push(observer);
      live.tell(observer, this.object);
    }

    get(property) {
      live.calls += 1;
      if (!this.alive) return [];
      mustHave(this.object.type, property, "g");
      const why = missing(this.object, property);
      if (why) return live.error(why) ?? [];
      if (READERS[property]) return READERS[property](live, this.object);
      return plain(this.object, property);
    }

    set(property, value) {
      if (live.notifying) return live.error(DEFER);
      if (!this.alive) return live.error("set: no valid object set");
      mustHave(this.object.type, property, "s");
      live.undo.push(`set ${property}`);
      if (SETTERS[property]) return SETTERS[property](live, this.object, value);
      this.object[property] = value;
      return undefined;
    }

    call(name, ...args) {
      if (!this.alive) return live.error("call: no valid object set");
      mustHaveFunction(this.object.type, name);
      const method = METHODS[this.object.type]?.[name];
      if (!method) throw new Error(`the fake does not know ${name} of ${this.object.type}`);
      if (live.notifying && !PURE.has(name)) return live.error(DEFER);
      if (!PURE.has(name)) live.undo.push(`call ${name}`);
      return method(live, this.object, ...args);
    }
  };
}

// What some kinds of tracks do not have: Live says so on the console.
function missing({ type, bus, is_foldable: group }, property) {
  if (type !== "Track" || !(bus || group)) return "";
  if (property === "arrangement_clips") return "RuntimeError: Main, Group and Return Tracks have no arrangement clips";
  const slots = ["arm", "implicit_arm", "playing_slot_index", "fired_slot_index"];
  return bus && slots.includes(property) ? `RuntimeError: Main and Return Tracks have no ${property}` : "";
}

function plain(object, property) {
  if (!(property in object)) throw new Error(`the fake does not know ${property} of this ${object.type}`);
  const value = object[property];
  if (value === null) return ["id", 0];
  if (Array.isArray(value)) return value.flatMap((child) => ["id", child.id]);
  if (typeof value === "object") return ["id", value.id];
  return [value];
}

const READERS = {
  current_song_time(live, song) {
    live.beatReads += 1;
    return [song.current_song_time];
  },
  canonical_parent: (_live, { parent }) => (parent ? ["id", parent.id] : ["id", 0]),
  is_empty: (live, scene) => [live.song.tracks.some(({ clip_slots: slots }) => slots[live.song.scenes.indexOf(scene)]?.has_clip) ? 0 : 1],
  is_triggered: (_live, slot) => [slot.parent.clip_slots.indexOf(slot) === slot.parent.fired_slot_index ? 1 : 0],
  automation_state: (live, parameter) => [live.automationOf(parameter)],
  warp_markers: (_live, clip) => [JSON.stringify({
    warp_markers: clip.markers.map(([sample_time, beat_time]) => ({ sample_time, beat_time })),
  })],
  end_time: (_live, clip) => [clip.end_time ?? (clip.looping ? clip.loop_end : clip.end_marker)],
  start_time: (_live, clip) => [clip.start_time ?? 0],
};

const fits = (clip, property, value) => ({
  loop_start: value < clip.loop_end, loop_end: value > clip.loop_start,
  start_marker: value < clip.end_marker, end_marker: value > clip.start_marker,
})[property];

// While looping is off the loop points are the clip's own markers. The length of an Arrangement clip follows its
// markers only while it does not loop.
function setPoint(live, clip, property, value) {
  if (!fits(clip, property, value)) return live.error(`RuntimeError: ${property} is out of range`);
  clip[property] = value;
  const twin = { loop_start: "start_marker", loop_end: "end_marker" }[property];
  if (!clip.looping && twin) clip[twin] = value;
  if (clip.end_time !== undefined && !clip.looping && !clip.length_fixed)
    clip.end_time = clip.start_time + clip.end_marker - clip.start_marker;
  return undefined;
}

const SETTERS = {
  warping(live, clip, value) {
    if (live.warpingTurn === null) return; // a preference, or a file that cannot be warped
    live.clock.after(live.warpingTurn, () => {
      if (clip.warping === value) return;
      const seconds = clip.sample_length / clip.sample_rate;
      const beats = live.guess?.beats ?? (seconds * live.song.tempo) / 60;
      Object.assign(clip, { warping: value, looping: 0, loop_end: beats, end_marker: beats });
    });
  },
  looping(live, clip, value) {
    if (!clip.warping && value) return live.error("RuntimeError: Unwarped audio cannot loop");
    clip.looping = value;
    return undefined;
  },
  color(live, clip, value) {
    clip.color = value;
  },
  current_song_time(live, song, value) {
    song.current_song_time = value;
    live.moved();
  },
  loop_start: (live, clip, value) => (clip.type === "Clip" ? setPoint(live, clip, "loop_start", value) : (clip.loop_start = value)),
  loop_end: (live, clip, value) => setPoint(live, clip, "loop_end", value),
  start_marker: (live, clip, value) => setPoint(live, clip, "start_marker", value),
  end_marker: (live, clip, value) => setPoint(live, clip, "end_marker", value),
};
