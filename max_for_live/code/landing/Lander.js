// Puts a finished take where the producer wants it, one after the other. Each step is read back; what Live refuses
// comes back as a sentence. A file is only ever referred to, never written or removed.
class Lander {
  constructor(live, clock) {
    this.live = live;
    this.clock = clock;
    this.places = new Places(live);
    this.arrangement = new Arrangement(live, this.places);
    this.samplers = new Samplers(live);
    this.queue = [];
    this.busy = false;
    this.running = null;
  }

  // job: { take, target() -> id, place, spot: { sceneId, beat }, warpMode, levelLike, redraw, replaces, version,
  // done(words), failed(words) }
  land(job) {
    this.queue.push({ ...job, level: (clip) => this.matchLevel(clip, job.levelLike) });
    if (!this.busy) this.next();
  }

  next() {
    const job = this.queue.shift();
    this.busy = Boolean(job);
    this.running = job ? this.clock.run(this.guard(job)) : null;
  }

  // The device goes: what a landing needs only on its way does not stay in the set.
  cancel() {
    this.queue = [];
    this.running?.cancel();
  }

  *guard(job) {
    try {
      const { clip, words, looped = true } = yield* this.steps(job);
      if (clip) Clipwork.note(clip, job.take);
      else job.take.clipId = NO_CLIP;
      job.done(words);
      if (clip) this.watch(clip, job, { looped, wrong: false });
    } catch (error) {
      job.failed(error instanceof Refused ? error.message : `Live did not take the loop: ${error.message}.`);
      const clip = job.take.clipId > 0 ? this.live.object(job.take.clipId) : null;
      if (clip) {
        Clipwork.note(clip, job.take);
        this.watch(clip, job, { looped: true, wrong: true });
      }
    }
    yield TURN_MS;
    this.next();
  }

  watch(clip, job, state) {
    const mended = () => {
      Clipwork.note(clip, job.take);
      job.done(`‘${job.take.name}’ is right now.`);
    };
    this.clock.run(Clipwork.watch(clip, job.take, { ...state, said: job.failed, mended }));
  }

  *steps(job) {
    const { place, take } = job;
    const target = this.target(job.target());
    if (place === Place.SIMPLER || place === Place.PAD) return this.samplers.land(target, take, place, job.version);
    const track = yield* this.trackFor(target, job);
    Places.mustTakeAudio(track);
    take.trackId = track.id;
    if (place === Place.ARRANGEMENT) return yield* this.arrangement.land(track, job);
    return yield* this.intoSlot(track, job);
  }

  *trackFor(target, { place, take }) {
    if (place === Place.NEW_TRACK) return yield* this.places.newTrack(target, take.name);
    return place === Place.STEMS ? yield* this.places.stemTrack(target, take) : target;
  }

  *intoSlot(track, job) {
    const { slot, made } = yield* this.places.slotFor(track, job);
    const clip = yield* Clipwork.create(this.live, slot, job.take);
    job.take.clipId = clip.id; // also when it has to be put right by hand
    yield* Clipwork.dress(clip, job);
    yield* Clipwork.fit(clip, job.take, true);
    job.level(clip);
    if (job.redraw) this.places.remember(track, slot, job.take);
    const words = `Landed on ‘${LiveSet.text(track, "name")}’${made ? ", in a new scene" : ""}.`;
    return { clip, words: job.redraw && this.live.playing ? this.launch(track, clip, words) : words };
  }

  // The new clip takes over at the launch quantisation, and goes on where the old one was (legato).
  launch(track, clip, words) {
    if (this.places.playsArrangement(track))
      return `${words} The track plays the Arrangement: launch the clip when you want it.`;
    clip.set("legato", 1);
    clip.call("fire");
    return words;
  }

  // The track of an id; 0 is our own.
  target(id) {
    const track = id ? this.live.object(id) : this.live.track;
    if (!track) throw new Refused("The track that was chosen is gone. Choose one under Lands in.");
    return track;
  }

  // Takes over the clip gain of the chosen track: of the clip that plays there, else of its first audio clip.
  matchLevel(clip, trackId) {
    const track = trackId ? this.live.object(trackId) : null;
    if (!track) return;
    const clips = this.live.children(track, "clip_slots").map((slot) => this.live.child(slot, "clip"));
    for (const other of [this.live.playingClip(track), ...clips]) {
      if (!other || other.id === clip.id || !LiveSet.flag(other, "is_audio_clip")) continue;
      clip.set("gain", LiveSet.number(other, "gain"));
      return;
    }
  }

  // What is selected now: the scene, and the beat of the loop brace, or of the bar at the playhead.
  get spot() {
    const [numerator, denominator] = this.live.signature;
    const bar = (numerator * 4) / denominator;
    return {
      sceneId: LiveSet.ids(this.live.view, "selected_scene")[0] ?? 0,
      beat: this.live.loopStart ?? Math.floor(this.live.beat / bar) * bar,
    };
  }

  // Removes a clip from its slot or its track. The file stays where it is.
  remove(clipId) {
    const clip = this.live.object(clipId);
    const parent = clip && this.live.child(clip, "canonical_parent");
    if (!parent) return;
    if (parent.type === "ClipSlot") parent.call("delete_clip");
    else (parent.type === "Track" ? parent : this.live.trackOf(parent)).call("delete_clip", `id ${clipId}`);
  }
}
