// Puts a finished take where the producer wants it. Live wants several turns: it defers `warping`, warps by
// itself after that, and refuses two changes of one kind in one event. Each step is read back; what is refused
// comes back as a sentence. A file is only ever referred to, never written or removed.
const TURN_MS = 30;
const WARP_TURNS = 60;
const CLOSE = 1e-3; // beats

class Refused extends Error {}

class Lander {
  constructor(live, clock) {
    this.live = live;
    this.clock = clock;
    this.queue = [];
    this.busy = false;
  }

  // job: { take, target, place, warpMode, levelLike, fire, done(clipId, words), failed(words) }
  land(job) {
    this.queue.push(job);
    if (!this.busy) this.next();
  }

  next() {
    const job = this.queue.shift();
    this.busy = Boolean(job);
    if (job) this.clock.run(this.guard(job));
  }

  *guard(job) {
    try {
      const { clipId, words } = yield* this.steps(job);
      job.done(clipId, words);
    } catch (error) {
      if (!(error instanceof Refused)) job.failed(`Live did not take the loop: ${error.message}.`);
      else job.failed(error.message);
    }
    yield TURN_MS;
    this.next();
  }

  *steps(job) {
    const track = this.track(job.target);
    if (job.place === "simpler") return this.intoSimpler(track, job.take);
    Lander.mustTakeAudio(track);
    const clip = yield* this.create(this.emptySlot(track), job.take);
    yield* this.dress(clip, job);
    yield* this.setLoop(clip, job.take.beats);
    this.matchLevel(clip, job.levelLike);
    const name = LiveSet.text(track, "name");
    if (job.place === "arrangement") return yield* this.intoArrangement(track, clip, job.take, name);
    const id = Number(clip.id);
    if (job.fire) clip.call("fire"); // Live waits for the launch quantisation by itself
    return { clipId: id, words: `Landed on ‘${name}’.` };
  }

  track(target) {
    const track = target === "this" ? this.live.track : this.live.object(target);
    if (!track) throw new Refused("The track that was chosen is gone. Choose one under Lands in.");
    return track;
  }

  static mustTakeAudio(track) {
    const name = `‘${LiveSet.text(track, "name")}’`;
    if (LiveSet.flag(track, "is_foldable"))
      throw new Refused(`${name} is a group. Choose an audio track under Lands in.`);
    if (LiveSet.flag(track, "has_midi_input") || !LiveSet.flag(track, "has_audio_input")
        || !LiveSet.ids(track, "clip_slots").length)
      throw new Refused(`${name} holds no audio clips. Choose an audio track under Lands in.`);
    if (LiveSet.flag(track, "is_frozen"))
      throw new Refused(`${name} is frozen. Unfreeze it, or choose another track under Lands in.`);
  }

  emptySlot(track) {
    for (const id of LiveSet.ids(track, "clip_slots")) {
      const slot = this.live.object(id);
      if (slot && !LiveSet.flag(slot, "has_clip")) return slot;
    }
    throw new Refused(
      `Every slot of ‘${LiveSet.text(track, "name")}’ holds a clip. Add a scene or choose another track, then press Land.`);
  }

  *create(slot, take) {
    slot.call("create_audio_clip", take.path);
    yield TURN_MS;
    const clip = this.live.object(LiveSet.ids(slot, "clip")[0]);
    if (!clip) throw new Refused(`Live could not open ${take.path}. Is the file still there?`);
    return clip;
  }

  *dress(clip, { take, warpMode }) {
    clip.set("name", take.name);
    clip.set("color", take.color);
    clip.set("warping", 1); // deferred by Live: everything that depends on it waits
    yield* this.until(() => LiveSet.flag(clip, "warping"));
    clip.set("warp_mode", warpMode);
    yield* this.settle(clip);
    if (Warp.straight(clip, take.seconds, take.beats)) return;
    yield* Warp.straighten(clip, take.seconds, take.beats);
    if (!Warp.straight(clip, take.seconds, take.beats))
      throw new Refused("Live warped the loop in its own way. Open the clip and set its tempo by hand.");
  }

  // Waits until Live's own warping has left the markers alone for two turns.
  *settle(clip) {
    let before = "";
    for (let turn = 0; turn < WARP_TURNS; turn += 1) {
      yield TURN_MS;
      const now = JSON.stringify(Warp.markers(clip));
      if (now === before) return;
      before = now;
    }
  }

  *until(ready) {
    for (let turn = 0; turn < WARP_TURNS; turn += 1) {
      yield TURN_MS;
      if (ready()) return;
    }
    throw new Refused("Live did not turn warping on. Press Land to try again.");
  }

  // Looping first, since the loop points mean the clip's own markers while it is off; ends before starts, since
  // a start may never pass its end.
  *setLoop(clip, beats) {
    clip.set("looping", 1);
    yield* this.until(() => LiveSet.flag(clip, "looping"));
    for (const [property, value] of [["loop_end", beats], ["end_marker", beats], ["loop_start", 0], ["start_marker", 0]])
      clip.set(property, value);
    yield TURN_MS;
    const wanted = { loop_start: 0, loop_end: beats, start_marker: 0, end_marker: beats };
    for (const [property, value] of Object.entries(wanted))
      if (Math.abs(LiveSet.number(clip, property) - value) > CLOSE)
        throw new Refused(`Live set the clip's ${property.replace("_", " ")} to ${LiveSet.number(clip, property)}, not ${value}.`);
  }

  // Takes over the clip gain of the chosen track: of the clip that plays there, else of its first audio clip.
  matchLevel(clip, trackId) {
    const track = trackId ? this.live.object(trackId) : null;
    if (!track) return;
    const slots = LiveSet.ids(track, "clip_slots").map((id) => this.live.object(id));
    const playing = slots[LiveSet.number(track, "playing_slot_index")];
    for (const slot of [playing, ...slots]) {
      const other = slot ? this.live.object(LiveSet.ids(slot, "clip")[0]) : null;
      if (other && LiveSet.flag(other, "is_audio_clip") && Number(other.id) !== Number(clip.id)) {
        clip.set("gain", LiveSet.number(other, "gain"));
        return;
      }
    }
  }

  // A clip of the right length exists only in the Session: it is made there, copied at the loop, and removed.
  *intoArrangement(track, clip, take, name) {
    const beat = this.live.loopStart ?? Math.floor(this.live.beat / take.barBeats) * take.barBeats;
    const before = new Set(LiveSet.ids(track, "arrangement_clips"));
    track.call("duplicate_clip_to_arrangement", `id ${clip.id}`, beat);
    yield TURN_MS;
    const landed = LiveSet.ids(track, "arrangement_clips").find((id) => !before.has(id));
    if (!landed) return { clipId: Number(clip.id), words: `Live did not copy it into the Arrangement; it is in a slot of ‘${name}’.` };
    this.remove(Number(clip.id));
    return { clipId: landed, words: `Landed on ‘${name}’ at beat ${beat + 1} of the Arrangement.` };
  }

  intoSimpler(track, take) {
    const name = `‘${LiveSet.text(track, "name")}’`;
    if (!atLeast(this.live.version(), SIMPLER_VERSION))
      throw new Refused("Simpler takes files from Live 12.4 on. Choose Next slot.");
    const simpler = LiveSet.ids(track, "devices").map((id) => this.live.object(id))
      .find((device) => device && LiveSet.text(device, "class_name") === "OriginalSimpler");
    if (!simpler) throw new Refused(`There is no Simpler on ${name}. Choose its track under Lands in.`);
    simpler.call("replace_sample", take.path);
    return { clipId: NO_CLIP, words: `Landed in the Simpler on ${name}.` };
  }

  // Removes a clip from its slot or its track. The file stays where it is.
  remove(clipId) {
    const clip = this.live.object(clipId);
    if (!clip) return false;
    const parent = this.live.object(LiveSet.ids(clip, "canonical_parent")[0]);
    if (parent && parent.type === "ClipSlot") parent.call("delete_clip");
    else if (parent) parent.call("delete_clip", `id ${clipId}`);
    return true;
  }
}

const SIMPLER_VERSION = [12, 4];
const NO_CLIP = -1; // landed, but not as a clip that could be removed
