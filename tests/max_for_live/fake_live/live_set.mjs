// The objects of a set and what Live does with them by itself: observers, lanes that follow the playhead, warping.
import { hidden } from "./warping.mjs";
import { wavFacts } from "./wav.mjs";

export class FakeSet {
  add(type, properties, parent = null) {
    const object = { type, id: this.nextId++, parent, observers: [], ...properties };
    this.objects.set(object.id, object);
    return object;
  }

  factsOf(path) {
    return this.files.get(path) ?? wavFacts(path);
  }

  // Live's own idea of the tempo: too early a first marker, more markers, another length.
  autoWarp(clip, seconds, { beats, shift, extra }) {
    if (!this.objects.has(clip.id)) return;
    const points = [[shift, 0], ...extra].sort((a, b) => a[0] - b[0]);
    Object.assign(clip, { markers: hidden(points, (seconds - shift) / beats), loop_end: beats, end_marker: beats });
    this.notify(clip, "warp_markers");
  }

  // The set is closed and opened again: all is there, and every id is another. Devices are loaded anew by the story.
  reopen() {
    const all = [...this.objects.values()];
    this.objects.clear();
    for (const object of all) {
      Object.assign(object, { id: this.nextId++, observers: [] });
      this.objects.set(object.id, object);
    }
  }

  // A click of the producer's.
  open(clip) {
    this.change(this.view, "detail_clip", clip);
  }

  selectTrack(track) {
    this.change(this.view, "selected_track", track);
  }

  select(parameter) {
    this.change(this.view, "selected_parameter", parameter);
  }

  // The playhead is moved while Live is stopped: some time later the lanes' values are there.
  moved() {
    this.clock.after(this.laneDelay, () => {
      if (this.song.is_playing) return;
      for (const object of this.objects.values())
        if (object.type === "DeviceParameter" && object.lane && this.automationOf(object) === 1)
          this.change(object, "value", object.lane(this.song.current_song_time));
    });
  }

  trackOf(object) {
    let at = object;
    while (at && at.type !== "Track") at = at.parent;
    return at;
  }

  // 0 while the track plays or has stopped a Session clip, whatever the Arrangement holds (measured).
  automationOf(parameter) {
    const track = this.trackOf(parameter);
    return (track?.playing_slot_index ?? -1) !== -1 ? 0 : parameter.automation;
  }

  error(text) {
    this.console.push(text);
  }

  notify(object, property) {
    for (const observer of object.observers.filter((row) => row.property === property)) this.tell(observer, object);
  }

  tell({ property, callback }, object) {
    const value = object[property];
    this.notifying += 1;
    try {
      callback([property, ...(value && typeof value === "object" && !Array.isArray(value) ? ["id", value.id] : [value])]);
    } finally {
      this.notifying -= 1;
    }
  }

  change(object, property, value) {
    object[property] = value;
    this.notify(object, property);
  }

  remove(object) {
    this.objects.delete(object.id);
    if (object.clip) this.remove(object.clip);
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
}
