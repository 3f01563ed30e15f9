// MIDI clips: their names for the pickers, and their notes as a loop of the wanted length.
const WINDOW_BEATS = 16; // notes are read in windows: Live answers with one JSON text, which must stay short
const SLOTS_PER_TURN = 64;

class Clips {
  constructor(live) {
    this.live = live;
  }

  // Walks all tracks in small turns and gives `found` a list of { id, label, track, name }.
  *list(found) {
    const clips = [];
    let seen = 0;
    for (const trackId of this.live.trackIds) {
      const track = this.live.object(trackId);
      if (!track || !LiveSet.flag(track, "has_midi_input")) continue;
      const name = LiveSet.text(track, "name");
      for (const slotId of LiveSet.ids(track, "clip_slots")) {
        if ((seen += 1) % SLOTS_PER_TURN === 0) yield 5;
        const slot = this.live.object(slotId);
        if (slot && LiveSet.flag(slot, "has_clip")) clips.push(...LiveSet.ids(slot, "clip").map((id) => [id, name]));
      }
      clips.push(...LiveSet.ids(track, "arrangement_clips").map((id) => [id, name]));
    }
    found(clips.map(([id, track]) => this.describe(id, track)).filter((clip) => clip));
  }

  describe(id, track) {
    const clip = this.live.object(id);
    if (!clip || !LiveSet.flag(clip, "is_midi_clip")) return null;
    const name = LiveSet.text(clip, "name") || "(no name)";
    return { id, track, name, label: `${track}: ${name}` };
  }

  // The clip that is open in the Detail View, or null when it is not a MIDI clip.
  selected() {
    const clip = this.live.at("live_set view detail_clip");
    return clip && LiveSet.flag(clip, "is_midi_clip") ? clip : null;
  }

  // The notes between the clip's loop markers (or start and end marker), repeated to `beats`.
  notes(clip, beats) {
    const looping = LiveSet.flag(clip, "looping");
    const start = LiveSet.number(clip, looping ? "loop_start" : "start_marker");
    const end = LiveSet.number(clip, looping ? "loop_end" : "end_marker");
    const own = Clips.read(clip, start, end);
    const notes = [];
    for (let shift = 0; shift < beats && end > start; shift += end - start)
      for (const note of own) if (note.start + shift < beats) notes.push({ ...note, start: note.start + shift });
    return notes.map((note) => ({ ...note, duration: Math.min(note.duration, beats - note.start) }));
  }

  static read(clip, start, end) {
    const found = new Map();
    for (let from = start; from < end; from += WINDOW_BEATS) {
      const answer = clip.call("get_notes_extended", 0, 128, from, Math.min(WINDOW_BEATS, end - from));
      const { notes = [] } = typeof answer === "string" ? JSON.parse(answer) : answer || {};
      for (const note of notes) if (note.start_time >= start && !note.mute) found.set(note.note_id, note);
    }
    return [...found.values()]
      .sort((a, b) => a.start_time - b.start_time || a.pitch - b.pitch)
      .map((note) => ({
        pitch: note.pitch,
        start: note.start_time - start,
        duration: Math.min(note.duration, end - note.start_time),
        velocity: Math.max(1, Math.min(127, Math.round(note.velocity))),
      }));
  }
}
