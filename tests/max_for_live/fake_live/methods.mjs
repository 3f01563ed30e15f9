// The functions of the Live Object Model that the device may call, with Live's own words when they fail.
import { isAbsolute } from "node:path";
import { WARP_METHODS } from "./warping.mjs";

export const PURE = new Set(["get_notes_extended", "get_major_version", "get_minor_version", "get_bugfix_version"]);

function mayHold(live, track, path) {
  if (!isAbsolute(path)) return live.error("ValueError: Please provide an absolute path");
  if (!track.has_audio_input) return live.error("RuntimeError: Audio clips can only be created on audio tracks");
  if (track.is_frozen) return live.error("RuntimeError: Audio clips cannot be created on frozen tracks");
  if (!live.factsOf(path)) return live.error("ValueError: The provided path does not appear to point to a valid audio file");
  return true;
}

// Whether the Arrangement is being recorded into a track: what is put there goes into the producer's take.
function recorded(live, track) {
  if (!track.arm || !live.song.record_mode || !live.song.is_playing) return false;
  live.error("RuntimeError: The track is being recorded into");
  return true;
}

// Whether clips of a frozen track may be deleted is not documented: the fake can do both.
function keeps(live, track) {
  if (!live.frozenKeeps || !track.is_frozen) return false;
  live.error("RuntimeError: The track is frozen");
  return true;
}

// What lies under a span of the Arrangement is replaced; clips that cross its edges are split (measured).
function clear(live, holder, start, end) {
  const rest = [];
  for (const clip of holder.arrangement_clips) {
    if (clip.start_time >= end || clip.end_time <= start) rest.push(clip);
    else {
      if (clip.start_time < start) rest.push(Object.assign(clip, { cut: true, end_time: start }));
      else live.remove(clip);
      live.overwritten = (live.overwritten ?? 0) + 1;
    }
  }
  holder.arrangement_clips = rest;
}

function place(live, holder, clip, start, end) {
  clear(live, holder, start, end);
  Object.assign(clip, { start_time: start, end_time: end });
  holder.arrangement_clips.push(clip);
  live.notify(holder, "arrangement_clips");
  return ["id", clip.id];
}

function createInArrangement(live, holder, path, start) {
  if (mayHold(live, live.trackOf(holder), path) !== true || recorded(live, live.trackOf(holder))) return undefined;
  const clip = live.newAudioClip(holder, path);
  return place(live, holder, clip, start, start + clip.end_marker);
}

function fire(live, clip) {
  const slot = clip.parent;
  const track = slot.parent;
  const index = track.clip_slots.indexOf(slot);
  clip.fired = (clip.fired || 0) + 1;
  track.fired_slot_index = index;
  if (!live.song.is_playing) start(live, track);
}

// The launch quantisation has come: the fired clip plays, from its start, or in legato where the old one was.
function start(live, track) {
  const clip = track.clip_slots[track.fired_slot_index]?.clip;
  const before = track.clip_slots[track.playing_slot_index]?.clip;
  if (!clip) return;
  clip.position = clip.legato && before ? (before.position ?? 0) : 0;
  if (track.arrangement_clips.length) live.song.back_to_arranger = 1;
  Object.assign(track, { playing_slot_index: track.fired_slot_index, fired_slot_index: -1 });
}

export const launch = (live) => live.song.tracks.forEach((track) => track.fired_slot_index >= 0 && start(live, track));

export const METHODS = {
  Application: {
    get_major_version: (live) => live.version[0],
    get_minor_version: (live) => live.version[1],
    get_bugfix_version: (live) => live.version[2],
  },
  Song: {
    create_scene(live, song, index) {
      if (song.scenes.length >= live.sceneLimit) return live.error("RuntimeError: The number of scenes is limited");
      if (index !== -1) throw new Error("the fake makes scenes at the end only");
      return ["id", live.addScene().id];
    },
    delete_scene(live, song, index) {
      const scene = song.scenes[index];
      song.scenes.splice(index, 1);
      for (const track of song.tracks) {
        const [slot] = track.clip_slots.splice(index, 1);
        if (slot?.clip) live.overwritten = (live.overwritten ?? 0) + 1;
        if (slot) live.remove(slot);
      }
      live.remove(scene);
    },
    create_audio_track(live, song, index = -1) {
      const track = live.track("Audio", { numbered: true, at: index < 0 ? song.tracks.length : index });
      return ["id", track.id];
    },
  },
  ClipSlot: {
    create_audio_clip(live, slot, path) {
      if (mayHold(live, slot.parent, path) !== true) return undefined;
      if (slot.has_clip) return live.error("RuntimeError: This clip slot already has a clip");
      if (slot.parent.clip_slots[slot.parent.fired_slot_index] === slot) live.recordingsLost += 1; // it plays instead
      Object.assign(slot, { clip: live.newAudioClip(slot, path), has_clip: 1 });
      return undefined;
    },
    delete_clip(live, slot) {
      if (keeps(live, slot.parent)) return undefined;
      if (!slot.clip) return live.error("RuntimeError: This clip slot has no clip");
      const track = slot.parent;
      if (track.clip_slots[track.playing_slot_index] === slot) track.playing_slot_index = -2;
      if (track.clip_slots[track.fired_slot_index] === slot) track.fired_slot_index = -1;
      live.remove(slot.clip);
      Object.assign(slot, { clip: null, has_clip: 0 });
      return undefined;
    },
  },
  Track: {
    create_audio_clip: createInArrangement,
    create_take_lane(live, track) {
      if (!live.takeLanes) return live.error("RuntimeError: Take lanes are not available");
      const lane = live.add("TakeLane", { name: `Take ${track.take_lanes.length + 1}`, arrangement_clips: [] }, track);
      track.take_lanes.push(lane);
      return undefined;
    },
    duplicate_clip_to_arrangement(live, track, reference, time) {
      if (recorded(live, track)) return undefined;
      const clip = live.find(String(reference));
      const { type, id, parent, observers, ...rest } = clip;
      const length = clip.loop_end - clip.loop_start;
      return place(live, track, live.add("Clip", { ...rest, length_fixed: true }, track), time, time + length);
    },
    delete_clip(live, track, reference) {
      if (keeps(live, track)) return;
      const clip = live.find(String(reference));
      for (const holder of [track, ...track.take_lanes])
        holder.arrangement_clips = holder.arrangement_clips.filter((other) => other !== clip);
      live.remove(clip);
    },
  },
  TakeLane: { create_audio_clip: createInArrangement },
  SimplerDevice: {
    replace_sample(live, device, path) {
      if (live.version[0] * 100 + live.version[1] < 1204) throw new Error("SimplerDevice has no function replace_sample");
      device.sample = path;
    },
  },
  Clip: {
    fire,
    get_notes_extended(live, clip, fromPitch, pitchSpan, fromTime, timeSpan) {
      if (!clip.is_midi_clip) return live.error("RuntimeError: only available for MIDI clips");
      const notes = clip.notes.filter((note) => note.pitch >= fromPitch && note.pitch < fromPitch + pitchSpan
        && note.start_time >= fromTime && note.start_time < fromTime + timeSpan);
      return JSON.stringify({ notes: [...notes].sort((a, b) => a.pitch - b.pitch) });
    },
    ...WARP_METHODS,
  },
};
