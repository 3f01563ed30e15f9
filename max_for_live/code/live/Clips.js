// The clips of the set, told apart by id: their names for the menus, and how a pick is found again in a set that was
// opened anew, where ids are others.
const SLOTS_PER_TURN = 48;
const CLIPS_PER_TURN = 24;
const CLIP_IN_VIEW = "Clip in Detail View";
const Picked = Object.freeze({ OFF: "off", VIEW: "view", CLIP: "clip" });
const NOTHING_PICKED = Object.freeze({ kind: Picked.OFF, track: "", place: "", name: "" });

class Clips {
  constructor(live) {
    this.live = live;
    this.list = []; // { id, trackId, track, place, name, midi, file, label }
  }

  // Walks all tracks in small turns, then calls `found`.
  *walk(found) {
    const rows = [];
    for (const track of this.live.tracks) rows.push(...(yield* this.ofTrack(track)));
    this.list = Clips.labelled(rows);
    found();
  }

  // Walks some tracks anew, where names may have changed and clips may have come.
  *again(trackIds, found) {
    for (const id of trackIds) {
      const track = this.live.object(id);
      const fresh = track && LiveSet.raw(track, "name").length ? yield* this.ofTrack(track) : [];
      const at = this.list.findIndex(({ trackId }) => trackId === id);
      const rows = this.list.filter(({ trackId }) => trackId !== id);
      rows.splice(at >= 0 ? at : rows.length, 0, ...fresh);
      this.list = Clips.labelled(rows);
    }
    found();
  }

  *ofTrack(track) {
    if (LiveSet.flag(track, "is_foldable")) return [];
    const rows = [];
    let seen = 0;
    const name = LiveSet.text(track, "name");
    const slots = LiveSet.ids(track, "clip_slots");
    for (let i = 0; i < slots.length; i += 1) {
      if ((seen += 1) % SLOTS_PER_TURN === 0) yield 10;
      const slot = this.live.object(slots[i]);
      const clip = slot && LiveSet.flag(slot, "has_clip") ? this.live.child(slot, "clip") : null;
      if (clip) rows.push(this.describe(clip, track.id, name, `slot ${i + 1}`));
    }
    for (const id of this.arranged(track)) {
      if ((seen += 1) % CLIPS_PER_TURN === 0) yield 10;
      const clip = this.live.object(id);
      if (clip) rows.push(this.describe(clip, track.id, name, this.barOf(clip)));
    }
    yield 5;
    return rows;
  }

  // The ids of a track's clips in the Arrangement, those on take lanes included.
  arranged(track) {
    const holders = [track, ...this.live.children(track, "take_lanes")];
    return holders.flatMap((holder) => LiveSet.ids(holder, "arrangement_clips"));
  }

  // Where a clip lies in the Arrangement, in the words of the bridge: `bar 33`, `bar 2.3`.
  barOf(clip) {
    const [numerator, denominator] = this.live.signature;
    const beats = (LiveSet.number(clip, "start_time") * denominator) / 4;
    const beat = Math.floor(beats - Math.floor(beats / numerator) * numerator);
    return `bar ${Math.floor(beats / numerator) + 1}${beat ? `.${beat + 1}` : ""}`;
  }

  describe(clip, trackId, track, place) {
    const midi = LiveSet.flag(clip, "is_midi_clip");
    const file = midi ? "" : LiveSet.text(clip, "file_path");
    return { id: clip.id, trackId, track, place, name: LiveSet.text(clip, "name"), midi, file };
  }

  // A clip was opened below: what is known of it is read anew, and one that is not known yet is added.
  refresh(id) {
    const clip = this.live.object(id);
    if (!clip) return;
    const parent = this.live.child(clip, "canonical_parent");
    const track = parent && this.live.trackOf(parent);
    if (!track) return;
    const place = parent.type === "ClipSlot" ? `slot ${LiveSet.ids(track, "clip_slots").indexOf(parent.id) + 1}`
      : this.barOf(clip);
    const row = this.describe(clip, track.id, LiveSet.text(track, "name"), place);
    const at = this.list.findIndex((other) => other.id === row.id);
    const after = this.list.map(({ trackId }) => trackId).lastIndexOf(track.id);
    const rows = [...this.list];
    rows.splice(at >= 0 ? at : after >= 0 ? after + 1 : rows.length, at >= 0 ? 1 : 0, row);
    this.list = Clips.labelled(rows);
  }

  // A label for each: the name where there is one, and the slot or bar where the name is not enough.
  static labelled(rows) {
    const plain = ({ track, place, name }) => (name ? `${track}: ${name}` : `${track} · ${place}`);
    const counts = new Map();
    for (const row of rows) counts.set(plain(row), (counts.get(plain(row)) || 0) + 1);
    return rows.map((row) =>
      ({ ...row, label: row.name && counts.get(plain(row)) > 1 ? `${plain(row)} · ${row.place}` : plain(row) }));
  }

  // The row that a pick means: by id while the set is open, else by track, scene and name as they were.
  find(pick, id) {
    const known = this.list.find((row) => row.id === id);
    if (known) return known;
    if (id) return null; // it was there in this session, and is gone
    const same = this.list.filter(({ track, name }) => track === pick.track && name === pick.name);
    return same.find(({ place }) => place === pick.place) || (same.length === 1 ? same[0] : null);
  }

  // The clip that is open in the Detail View, or null.
  selected() {
    return this.live.child(this.live.view, "detail_clip");
  }

  // Where a take's file lies in the set, or 0: on the track with id `own`, if it lies there, too, since a track that was
  // duplicated has a copy of each clip. Collect All and Save moves the file but keeps its name.
  idOfFile(path, own) {
    const exact = this.list.filter(({ file }) => file === path);
    const rows = exact.length ? exact : this.list.filter(({ file }) => file && fileName(file) === fileName(path));
    return (rows.find(({ trackId }) => trackId === own) ?? rows[0])?.id ?? 0;
  }
}
