// What the menus show, and what is picked in them.
const CLIP_MENUS = { melody: (row) => row.midi, rhythm: (row) => row.midi, audio: (row) => !row.midi, chords: (row) => row.midi };
const REFRESH_MS = 200;
const FIRST_CLIP = 2; // after Off and the clip in view

const Menus = {
  refreshSoon() {
    this.refreshing?.cancel();
    this.refreshing = this.clock.after(REFRESH_MS, () => this.refreshMenus());
  },

  // A new walk over the set takes the place of one that is still on its way.
  refreshMenus() {
    const { state } = this.store;
    this.refreshTracks();
    const closed = this.oldSimpler ? [PLACES.indexOf(Place.SIMPLER), PLACES.indexOf(Place.PAD)] : [];
    this.face.menu("place", PLACE_LABELS, PLACES.indexOf(state.place), closed);
    this.face.menu("history", ["History", ...state.history], 0);
    this.face.menu("use", USES.map(({ label }) => label), state.use);
    this.face.menu("drives", DRIVEN_LABELS, state.drives);
    this.face.menu("layers", CHOSEN_LABELS, state.layers);
    this.showActive();
    this.walking?.cancel();
    this.walking = this.clock.run(this.clips.walk(() => this.clipsFound()));
  },

  refreshTracks() {
    this.tracks = this.live.tracks.map((track) => ({ id: track.id, name: LiveSet.text(track, "name") }));
    this.trackMenu("target", "This track");
    this.trackMenu("level", "As it is");
  },

  // Another track was selected: on it and on the one before names may have changed, and clips may have come.
  trackSelected(id) {
    const ids = [this.selectedTrack, id].filter((each) => this.tracks.some((track) => track.id === each));
    this.selectedTrack = id;
    if (!ids.length) return;
    this.refreshTracks();
    this.rewalking?.cancel();
    this.rewalking = this.clock.run(this.clips.again([...new Set(ids)], () => this.clipsFound()));
  },

  clipOpened() {
    const clip = this.clips.selected();
    if (!clip) return;
    this.clips.refresh(clip.id);
    this.showClips();
  },

  clipsFound() {
    const own = this.live.track?.id ?? 0;
    this.takes.found((path) => this.clips.idOfFile(path, own));
    this.showClips();
    this.showTakes();
  },

  showClips() {
    for (const menu of Object.keys(CLIP_MENUS)) this.clipMenu(menu);
  },

  // A clip that was picked and is gone stays in the menu, so that no other is followed unasked.
  clipMenu(menu) {
    const rows = this.clips.list.filter(CLIP_MENUS[menu]);
    const pick = this.store.state[menu];
    const row = pick.kind === Picked.CLIP ? this.clips.find(pick, this.picked[menu]) : null;
    if (row) this.keepPick(menu, row);
    const gone = pick.kind === Picked.CLIP && !row ? [`${pick.track}: ${pick.name} (gone)`] : [];
    this.menuRows = { ...this.menuRows, [menu]: rows };
    const index = pick.kind === Picked.OFF ? 0 : pick.kind === Picked.VIEW ? 1
      : FIRST_CLIP + (row ? rows.findIndex(({ id }) => id === row.id) : rows.length);
    this.face.menu(menu, ["Off", CLIP_IN_VIEW, ...rows.map(({ label }) => label), ...gone], index);
  },

  // By these words a pick is found in a set that is opened anew, so they follow a clip that is renamed or moved, and a
  // track whose number has changed because another came before it.
  keepPick(menu, { id, track, place, name }) {
    this.picked[menu] = id;
    const pick = this.store.state[menu];
    if (pick.track !== track || pick.place !== place || pick.name !== name)
      this.store.change({ [menu]: { kind: Picked.CLIP, track, place, name } });
  },

  pickClip(menu, index) {
    const row = this.menuRows?.[menu]?.[index - FIRST_CLIP];
    if (index >= FIRST_CLIP && !row) return; // the one that is gone
    this.picked[menu] = row ? row.id : 0;
    const kind = row ? Picked.CLIP : index === 1 ? Picked.VIEW : Picked.OFF;
    const { track = "", place = "", name = "" } = row || {};
    this.store.change({ [menu]: { kind, track, place, name } });
    this.showActive();
    this.redraw.edited();
  },

  // The clip that a menu means, as { clip, label }; throws `Refused` when it is not there.
  pickedClip(menu, midi) {
    const pick = this.store.state[menu];
    const view = pick.kind === Picked.VIEW;
    const row = view ? null : this.clips.find(pick, this.picked[menu]);
    const clip = view ? this.clips.selected() : row && this.live.object(row.id);
    const label = view ? CLIP_IN_VIEW : row?.label ?? `${pick.track}: ${pick.name}`;
    if (!clip || LiveSet.flag(clip, "is_midi_clip") !== midi)
      throw new Refused(`The ${menu} clip ‘${label}’ is not there. Pick ${midi ? "a MIDI" : "an audio"} clip, or Off.`);
    return { clip, label };
  },

  // A track that was picked and is gone stays in the menu, so that nothing lands elsewhere unasked.
  trackMenu(menu, first) {
    const picked = this.store.state[menu];
    const at = this.tracks.findIndex((track) => this.isPicked(menu, track));
    const gone = picked && at < 0 ? [`${picked} (gone)`] : [];
    const index = gone.length ? this.tracks.length : picked ? at : -1;
    if (picked && at >= 0) this.keepTrack(menu, this.tracks[at]);
    this.face.menu(menu, [first, ...this.tracks.map(({ name }) => name), ...gone], 1 + index);
  },

  pickTrack(menu, index) {
    const track = this.tracks[index - 1];
    if (index > 0 && !track) return; // the one that is gone
    this.keepTrack(menu, track ?? { id: 0, name: "" });
  },

  keepTrack(menu, { id, name }) {
    this.picked[menu] = id;
    if (this.store.state[menu] !== name) this.store.change({ [menu]: name });
  },

  // By its id while the set is open: the next track may have its name once one is deleted, since Live numbers tracks.
  isPicked(menu, { id, name }) {
    return this.picked[menu] ? id === this.picked[menu] : name === this.store.state[menu];
  },

  // The id of the track picked in a menu, 0 for none, -1 for one that is gone.
  trackId(menu) {
    if (!this.store.state[menu]) return 0;
    const track = this.tracks.find((other) => this.isPicked(menu, other));
    return track && this.live.object(track.id) ? track.id : -1;
  },

  showTakes() {
    this.takes.forget((id) => this.live.object(id));
    this.face.menu("take", this.takes.labels, this.takes.chosen);
    const take = this.takes.current;
    if (!take) return;
    this.face.display("scores", ...Object.entries(take.scores).flat());
    this.face.display("verdicts", ...take.verdicts.flat());
  },

  showCurve() {
    const points = this.localCurve();
    const name = this.source === "learn" && this.learned ? this.learned.name : "";
    const percent = this.drives === Driven.INTENSITY ? 0 : 1;
    this.face.display("source", this.source, this.values.bars, this.barBeats, name, percent);
    if (points) this.face.display("curve", ...Curve.grid(points, this.beats));
    else this.face.display("curve");
  },
};

Object.assign(Device.prototype, Menus);
