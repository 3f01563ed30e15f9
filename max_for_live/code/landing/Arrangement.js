// Landing in the Arrangement. A copy would replace whatever lies under it, so where something lies the take goes onto
// a take lane; that is also how Live compares takes.
const LANE_NAME = "Ditto Live";

class Arrangement {
  constructor(live, places) {
    this.live = live;
    this.places = places;
  }

  *land(track, job) {
    this.places.mustNotRecord(track);
    const { take } = job;
    const { beat } = job.spot;
    const where = { beat, name: LiveSet.text(track, "name"), bar: Math.floor(beat / take.barBeats) + 1 };
    return this.isFree(track, job, beat) ? yield* this.copy(track, job, where) : yield* this.onLane(track, job, where);
  }

  // Whether nothing lies there but the take that a redraw replaces, untouched since it landed.
  isFree(track, { take, replaces }, beat) {
    return this.overlapping(track, beat, take.beats).every((clip) => replaces && Clipwork.isUntouched(clip, replaces)
      && Math.abs(LiveSet.number(clip, "start_time") - beat) < CLOSE
      && Math.abs(LiveSet.number(clip, "end_time") - beat - take.beats) < CLOSE);
  }

  overlapping(holder, beat, beats) {
    return this.live.children(holder, "arrangement_clips").filter((clip) =>
      LiveSet.number(clip, "start_time") < beat + beats - CLOSE && LiveSet.number(clip, "end_time") > beat + CLOSE);
  }

  // A looped clip of the right length can only be made in the Session: it is made there, copied and removed.
  *copy(track, job, { beat, name, bar }) {
    const { slot, made } = yield* this.places.slotFor(track, { place: Place.NEXT });
    try {
      const clip = yield* Clipwork.create(this.live, slot, job.take);
      yield* Clipwork.dress(clip, job);
      yield* Clipwork.fit(clip, job.take, true);
      job.level(clip);
      this.places.mustNotRecord(track);
      if (!this.isFree(track, job, beat)) return yield* this.onLane(track, job, { beat, name, bar }); // it came meanwhile
      const before = new Set(LiveSet.ids(track, "arrangement_clips"));
      track.call("duplicate_clip_to_arrangement", `id ${clip.id}`, beat);
      yield TURN_MS;
      const landed = LiveSet.ids(track, "arrangement_clips").find((id) => !before.has(id));
      if (!landed)
        throw new Refused(`Live did not copy the loop into the Arrangement of ‘${name}’. Choose Selected scene, then press `
          + "Land.");
      return { clip: this.live.object(landed), words: `Landed on ‘${name}’ at bar ${bar} of the Arrangement.` };
    } finally {
      const left = this.live.child(slot, "clip");
      if (left && Clipwork.isOf(left, job.take)) slot.call("delete_clip"); // never what a hand has put there meanwhile
      if (made) this.places.removeScene(made);
    }
  }

  *onLane(track, job, { beat, name, bar }) {
    const lane = yield* this.freeLane(track, job.take, { beat, name, bar });
    const before = new Set(LiveSet.ids(lane, "arrangement_clips"));
    lane.call("create_audio_clip", job.take.path, beat);
    yield TURN_MS;
    const clip = this.live.children(lane, "arrangement_clips").find(({ id }) => !before.has(id));
    if (!clip) throw new Refused(Arrangement.full(name, bar));
    yield* Clipwork.dress(clip, job);
    yield* Clipwork.fit(clip, job.take, false);
    job.level(clip);
    const words = `Bar ${bar} of ‘${name}’ holds a clip already: the take is on a take lane under it.`;
    return { clip, looped: false, words };
  }

  // A take lane of ours with room at the place, or a new one.
  *freeLane(track, { beats }, { beat, name, bar }) {
    const lanes = this.live.children(track, "take_lanes");
    const ours = lanes.find((lane) =>
      LiveSet.text(lane, "name") === LANE_NAME && !this.overlapping(lane, beat, beats).length);
    if (ours) return ours;
    const before = new Set(lanes.map(({ id }) => id));
    track.call("create_take_lane");
    yield TURN_MS;
    const lane = this.live.children(track, "take_lanes").find(({ id }) => !before.has(id));
    if (!lane) throw new Refused(Arrangement.full(name, bar));
    lane.set("name", LANE_NAME);
    return lane;
  }

  static full(name, bar) {
    return `A clip lies at bar ${bar} of ‘${name}’, and nothing is overwritten. Move the loop brace, or choose Selected `
      + "scene, then press Land.";
  }
}
