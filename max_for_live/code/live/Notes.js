// The notes of a MIDI clip as a loop of the wanted length. What Live's fields mean: a muted note, one of no length
// and one with a probability under a half are not heard; one that is played up to a sixteenth before the loop's start
// belongs to the loop's first beat.
const WINDOW_BEATS = 16; // notes are read in windows: Live answers with one JSON text, which must stay short
const EARLY_BEATS = 0.25;
const LEAST_PROBABILITY = 0.5;
const DRUMS = Object.entries({ // General MIDI Level 1 percussion key map
  kick: [35, 36], snare: [37, 38, 39, 40], hat: [42, 44, 46], tom: [41, 43, 45, 47, 48, 50],
  cymbal: [49, 51, 52, 53, 55, 57, 59],
});

const Notes = {
  // The notes between the clip's loop markers (or start and end marker), repeated to `beats`.
  loop(clip, beats) {
    const looping = LiveSet.flag(clip, "looping");
    const start = LiveSet.number(clip, looping ? "loop_start" : "start_marker");
    const end = LiveSet.number(clip, looping ? "loop_end" : "end_marker");
    const own = Notes.read(clip, start, end);
    const notes = [];
    for (let shift = 0; shift < beats && end > start; shift += end - start)
      for (const note of own) if (note.start + shift < beats) notes.push({ ...note, start: note.start + shift });
    return notes.map((note) => ({ ...note, duration: Math.min(note.duration, beats - note.start) }));
  },

  read(clip, start, end) {
    const found = new Map();
    for (let from = start - EARLY_BEATS; from < end; from += WINDOW_BEATS) {
      const answer = clip.call("get_notes_extended", 0, 128, from, Math.min(WINDOW_BEATS, end - from));
      const { notes = [] } = typeof answer === "string" ? JSON.parse(answer) : answer || {};
      for (const note of notes) if (Notes.heard(note, start)) found.set(note.note_id, note);
    }
    return [...found.values()]
      .sort((a, b) => a.start_time - b.start_time || a.pitch - b.pitch)
      .map((note) => Notes.within(note, start, end));
  },

  heard({ start_time: at, duration, mute, probability = 1 }, start) {
    return !mute && duration > 0 && probability >= LEAST_PROBABILITY && at > start - EARLY_BEATS;
  },

  within({ pitch, start_time: at, duration, velocity }, start, end) {
    const begin = Math.max(at, start);
    return {
      pitch, start: begin - start, duration: Math.min(duration, end - begin),
      velocity: Math.max(1, Math.min(127, Math.round(velocity))),
    };
  },

  drumOf: (pitch) => (DRUMS.find(([, pitches]) => pitches.includes(pitch)) || ["perc"])[0],

  // Strokes [beat, strength, group]: told apart by drum, or all alike; the strongest of one place.
  strokes(notes, byDrum) {
    const strongest = new Map();
    for (const { pitch, start, velocity } of notes) {
      const group = byDrum ? Notes.drumOf(pitch) : "any";
      const place = `${start} ${group}`;
      const before = strongest.get(place);
      if (!before || before[1] < velocity / 127) strongest.set(place, [start, velocity / 127, group]);
    }
    return [...strongest.values()];
  },
};
