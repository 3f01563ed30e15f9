// The finished takes of this device, newest first, and which one is chosen in the menu. The last ones come back with
// the set; which clip holds one is found again by its file.
const MOST_TAKES = 24; // beside favourites
const SAVED_FIELDS = [
  "id", "number", "path", "bars", "tempo", "barBeats", "signature", "seconds", "kept", "name", "color", "scores",
  "verdicts",
];

class Takes {
  constructor() {
    this.list = [];
    this.chosen = 0;
    this.known = new Set(); // ids of all takes that came
  }

  add(take) {
    this.known.add(take.id);
    this.list.unshift(take);
    for (let at = this.list.length - 1; at > 0 && this.list.length > MOST_TAKES; at -= 1)
      if (!this.list[at].kept) this.list.splice(at, 1); // a favourite stays, however many come after it
    this.chosen = 0;
  }

  knows(id) {
    return this.known.has(id);
  }

  byId(id) {
    return this.list.find((take) => take.id === id) || null;
  }

  choose(index) {
    if (this.list[index]) this.chosen = index;
  }

  get current() {
    return this.list[this.chosen] || null;
  }

  get highest() {
    return Math.max(0, ...this.list.map(({ number }) => number));
  }

  drop(take) {
    this.list = this.list.filter((other) => other !== take);
    this.chosen = 0;
  }

  // What of the last takes is kept in the set: all favourites, and the newest where they are few.
  get kept() {
    const favourites = this.list.filter(({ kept }) => kept);
    const others = this.list.filter(({ kept }) => !kept).slice(0, Math.max(0, KEPT_TAKES - favourites.length));
    const rows = [...favourites, ...others];
    return this.list.filter((take) => rows.includes(take))
      .map((take) => ({
        ...Object.fromEntries(SAVED_FIELDS.map((name) => [name, take[name]])),
        stems: take.stems.map(({ layer, path }) => [layer, path]),
      }));
  }

  restore(rows) {
    for (const row of rows.filter(({ id }) => !this.knows(id))) {
      this.known.add(row.id);
      const take = { verdicts: [], ...row, beats: row.bars * row.barBeats, notes: "", clipId: 0, awaits: null };
      take.stems = (row.stems ?? []).map(([layer, path]) => Takes.stem(take, layer, path));
      this.list.push(take);
    }
  }

  // Looks up where takes lie whose clip is not known; `idOf(path)` gives a clip's id or 0.
  found(idOf) {
    for (const take of this.sounds) if (!take.clipId) take.clipId = idOf(take.path);
  }

  // A clip that somebody has taken away is no longer a take's.
  forget(isThere) {
    for (const take of this.sounds) if (take.clipId > 0 && !isThere(take.clipId)) take.clipId = 0;
  }

  // All that may lie in the set: takes and their stems.
  get sounds() {
    return this.list.flatMap((take) => [take, ...take.stems]);
  }

  // One layer of a take, which lands like a take and is kept with it.
  static stem(take, layer, path) {
    const { color, signature, seconds, beats, barBeats } = take;
    return {
      layer, path, color, signature, seconds, beats, barBeats, name: `${take.name} ${layer}`, clipId: 0,
      get kept() {
        return take.kept;
      },
    };
  }

  get labels() {
    return this.list.length ? this.list.map(Takes.label) : ["No takes yet"];
  }

  // With what is most worth knowing, e.g. "4 kept · followed" or "5 · intensity missed".
  static label(take) {
    const score = take.verdicts.length ? ` · ${Verdicts.short(take.verdicts)}` : "";
    return `${take.number}${take.kept ? " kept" : ""}${score}${[take, ...take.stems].some(({ clipId }) => clipId) ? "" : " (not landed)"}`;
  }

  // Builds a take from the bridge's message.
  static from(message, { number, prompt, color }) {
    const [numerator, denominator] = message.time_signature.split("/").map(Number);
    const barBeats = (numerator * 4) / denominator;
    const scores = Object.fromEntries(message.rest.map(([name, value]) => [name, value]));
    return {
      id: message.take_id, number, path: message.path, bars: message.bars, tempo: Number(message.tempo_bpm),
      barBeats, signature: [numerator, denominator], beats: message.bars * barBeats,
      seconds: message.samples / message.sample_rate, notes: message.notes, verdicts: Verdicts.of(message.notes), scores, color,
      kept: false, clipId: 0, stems: [], awaits: null, name: `${shortened(prompt, 28)} ${number}`,
    };
  }
}

const shortened = (text, most) =>
  (text.length > most ? `${text.slice(0, most - 1).replace(HALF_LETTER, "").trimEnd()}…` : text);
