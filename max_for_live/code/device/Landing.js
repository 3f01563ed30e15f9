// Takes on their way into the set: offered, heard, landed, kept and dropped.
const WARP_MODES = [0, 3, 4]; // Beats, Re-Pitch, Complex
const COLORS = [0xff94a6, 0xffa529, 0xcc9927, 0xf7f47c, 0xbffb00, 0x1aff2f, 0x25ffa8, 0x5cffe8];

const Landing = {
  offer(message, prompt) {
    this.count += 1;
    const take = Takes.from(message, { number: this.count, prompt, color: COLORS[this.count % COLORS.length] });
    this.takes.add(take);
    this.store.change({ lastTake: take.id });
    this.saveTakes();
    this.showTakes();
    this.showActive();
    this.offerSound(take);
    return take;
  },

  offerSound({ path, beats, seconds }) {
    this.listening.offer({ path, beats, seconds, start: this.regionStart }, this.live.playing);
  },

  saveTakes() {
    this.store.change({ takes: this.takes.kept });
  },

  // `first` is the take beside which this one lands where only one has room: on the new track of the first, say.
  // `spot` is what was selected when the take was asked for.
  land(take, { redraw = false, parent = null, first = take, spot = this.lander.spot } = {}) {
    const { place } = this.store.state;
    if (place === Place.STEMS) {
      this.landStems(take, { redraw, spot });
      return;
    }
    const beside = first && first !== take;
    const sampler = place === Place.SIMPLER || place === Place.PAD;
    const slots = place === Place.SCENE || place === Place.NEXT;
    const stays = slots || (redraw ? place !== Place.NEW_TRACK : !beside);
    this.landing(take, {
      spot, redraw: redraw && !sampler, place: stays ? place : Place.NEXT,
      replaces: redraw && parent && !parent.kept && parent.clipId > 0 ? parent : null,
      target: () => (beside && place === Place.NEW_TRACK && this.trackWith(first)) || this.trackId("target"),
    });
  },

  // Hands a take or a stem to the lander, and shows what becomes of it.
  landing(take, job) {
    this.face.display("landing");
    this.lander.land({
      take, ...job, version: this.version, levelLike: this.trackId("level"), warpMode: WARP_MODES[this.values.warp],
      done: (words) => {
        this.showTakes();
        this.face.status("ready", words);
        this.hintOnce();
      },
      failed: (words) => {
        this.showTakes();
        this.sayError(words);
      },
    });
    if (this.clock.stalled) this.sayError(`${AUDIO_OFF} The loop is made, and lands then.`);
  },

  // The track that holds a take, 0 when there is none any more.
  trackWith({ clipId, trackId = 0 }) {
    const clip = this.live.object(clipId);
    return (clip ? this.live.trackOf(clip) : this.live.object(trackId))?.id ?? 0;
  },

  hintOnce() {
    if (this.hinted) return;
    this.hinted = true;
    this.face.hint("Collect All and Save keeps loops.");
  },

  keepTake() {
    const take = this.takes.current;
    if (!take) return;
    take.kept = !take.kept;
    this.unsaid.add(take);
    this.tellFavourites();
    this.saveTakes();
    this.showTakes();
  },

  // What was marked while nobody listened is said when the bridge is there, and once more with its next greeting.
  tellFavourites() {
    if (!this.link.connected) return;
    for (const take of this.unsaid) this.link.send("/ditto/take/favourite", [take.id, take.kept ? 1 : 0, this.link.nonce]);
  },

  // The take stays in the list until Live has really let go of its clips.
  dropTake() {
    const take = this.takes.current;
    if (!take) return;
    const clips = [take, ...take.stems].map(({ clipId }) => clipId).filter((id) => id > 0 && this.live.object(id));
    for (const id of clips) this.lander.remove(id);
    this.clock.after(TURN_MS, () => this.dropped(take, clips));
    if (this.clock.stalled) this.sayError(AUDIO_OFF);
  },

  dropped(take, clips) {
    if (clips.some((id) => this.live.object(id))) {
      this.sayError(`Live did not remove the clip of ‘${take.name}’. Unfreeze its track or stop its recording, then press Drop.`);
      return;
    }
    this.takes.drop(take);
    if (this.store.state.lastTake === take.id) this.store.change({ lastTake: this.takes.list[0]?.id ?? "" });
    this.saveTakes();
    this.showTakes();
    this.face.status("ready", `${clips.length ? "The clip is gone" : "The take is off the list"}; the file is kept in the takes `
      + "folder.");
  },
};

Object.assign(Device.prototype, Landing);
