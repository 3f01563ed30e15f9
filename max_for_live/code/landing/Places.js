// Where a take may go, and which slot it gets. Nothing that lies in the set is ever replaced, but for our own
// redraws that nobody has kept.
const Place = Object.freeze({
  SCENE: "scene", NEXT: "next", NEW_TRACK: "track", ARRANGEMENT: "arrangement", SIMPLER: "simpler", PAD: "pad", STEMS: "stems",
});
const PLACES = Object.values(Place);
const PLACE_LABELS = ["Selected scene", "Next slot", "New track", "Arrangement", "Simpler", "Drum pad", "Stems on tracks"];
const REDRAW_SLOTS = 2;

class Places {
  constructor(live) {
    this.live = live;
    this.redraws = new Map(); // of each track's id: { slotId, take }, oldest first
    this.stemTracks = new Map(); // the track of each layer
  }

  static mustTakeAudio(track) {
    const name = `‘${LiveSet.text(track, "name")}’`;
    const other = "Choose an audio track, or New track, under Lands in.";
    if (LiveSet.flag(track, "is_foldable")) throw new Refused(`${name} is a group. ${other}`);
    if (LiveSet.flag(track, "has_midi_input") || !LiveSet.flag(track, "has_audio_input")
        || !LiveSet.ids(track, "clip_slots").length) throw new Refused(`${name} holds no audio clips. ${other}`);
    if (LiveSet.flag(track, "is_frozen"))
      throw new Refused(`${name} is frozen. Unfreeze it, or choose another track under Lands in.`);
  }

  // A recording that runs is a take of the producer's: nothing lands into it.
  mustNotRecord(track) {
    const { song } = this.live;
    if (this.live.playing && LiveSet.flag(song, "record_mode") && LiveSet.flag(track, "arm"))
      throw new Refused(`‘${LiveSet.text(track, "name")}’ is being recorded. Stop the recording, then press Land.`);
  }

  // The slot for a take: { slot, made }, where `made` is the id of the scene that was added for it, or 0.
  *slotFor(track, { place, redraw, spot }) {
    const slot = redraw ? this.redrawSlot(track) : this.emptySlot(track, place === Place.NEXT ? 0 : this.indexOf(spot));
    return slot ? { slot, made: 0 } : yield* this.addScene(track);
  }

  // The scene that was selected when the take was asked for.
  indexOf({ sceneId }) {
    return Math.max(0, LiveSet.ids(this.live.song, "scenes").indexOf(sceneId));
  }

  // The first empty slot from a scene on, or null. One whose button blinks is not empty: a recording is to begin there.
  emptySlot(track, from) {
    for (const id of LiveSet.ids(track, "clip_slots").slice(from)) {
      const slot = this.live.object(id);
      if (slot && !LiveSet.flag(slot, "has_clip") && !LiveSet.flag(slot, "is_triggered")) return slot;
    }
    return null;
  }

  *addScene(track) {
    const before = LiveSet.ids(this.live.song, "scenes");
    this.live.song.call("create_scene", -1);
    yield TURN_MS;
    const scenes = LiveSet.ids(this.live.song, "scenes");
    const made = scenes.find((id) => !before.includes(id)) ?? 0;
    const slot = made ? this.live.object(LiveSet.ids(track, "clip_slots")[scenes.indexOf(made)]) : null;
    if (slot && !LiveSet.flag(slot, "has_clip")) return { slot, made };
    throw new Refused(`Every slot of ‘${LiveSet.text(track, "name")}’ holds a clip, and Live adds no scene. `
      + "Choose another track under Lands in, then press Land.");
  }

  // Removes a scene that was added, unless something has come into it meanwhile.
  removeScene(id) {
    const index = LiveSet.ids(this.live.song, "scenes").indexOf(id);
    const scene = index >= 0 ? this.live.object(id) : null;
    if (scene && LiveSet.flag(scene, "is_empty")) this.live.song.call("delete_scene", index);
  }

  *newTrack(target, name) {
    const ids = LiveSet.ids(this.live.song, "tracks");
    const after = target ? ids.indexOf(target.id) + 1 : ids.length;
    this.live.song.call("create_audio_track", after || -1);
    yield TURN_MS;
    const made = LiveSet.ids(this.live.song, "tracks").find((id) => !ids.includes(id));
    const track = made && this.live.object(made);
    if (!track) throw new Refused("Live added no track. Choose an audio track under Lands in, then press Land.");
    track.set("name", name);
    return track;
  }

  // Redraws alternate between two slots: the one that does not play is used again, once it holds nothing but our
  // own take that was not kept.
  redrawSlot(track) {
    const slots = LiveSet.ids(track, "clip_slots");
    const redraws = (this.redraws.get(track.id) ?? []).filter((row) => slots.includes(row.slotId) && this.isOurs(row));
    this.redraws.set(track.id, redraws);
    if (redraws.length < REDRAW_SLOTS) {
      const newest = redraws[redraws.length - 1];
      const from = newest ? slots.indexOf(newest.slotId) : Math.max(0, this.live.playingSlot(track));
      return this.emptySlot(track, from) || this.emptySlot(track, 0);
    }
    const playing = this.live.playingSlot(track);
    const row = redraws.find(({ slotId }) => slots.indexOf(slotId) !== playing);
    const slot = this.live.object(row.slotId);
    if (LiveSet.flag(slot, "has_clip")) slot.call("delete_clip");
    row.take.clipId = 0;
    this.redraws.set(track.id, redraws.filter((other) => other !== row));
    return slot;
  }

  // Whether a slot is empty or holds the very clip that a redraw had put there, not kept and untouched since.
  isOurs({ slotId, take }) {
    const slot = this.live.object(slotId);
    if (!slot || take.kept) return false;
    const clip = this.live.child(slot, "clip");
    return clip ? Clipwork.isUntouched(clip, take) : !LiveSet.flag(slot, "is_triggered");
  }

  remember(track, slot, take) {
    this.redraws.set(track.id, [...(this.redraws.get(track.id) ?? []), { slotId: slot.id, take }]);
  }

  // The track of a layer: the one that its last stem landed on, or a new one beside those of the other layers.
  *stemTrack(target, { layer, color }) {
    const known = this.live.object(this.stemTracks.get(layer) ?? 0);
    if (known) return known;
    const others = [...this.stemTracks.values()].filter((id) => this.live.object(id));
    const beside = others.length ? this.live.object(others[others.length - 1]) : target;
    const track = yield* this.newTrack(beside, capitalised(layer));
    track.set("color", color);
    this.stemTracks.set(layer, track.id);
    return track;
  }

  // Whether a launch would take the track away from the Arrangement.
  playsArrangement(track) {
    return this.live.playingSlot(track) <= FROM_ARRANGEMENT
      && LiveSet.ids(track, "arrangement_clips").length > 0;
  }
}

const capitalised = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);
