// A Live set in memory, and how a test fills it; what it does by itself is in live_set.mjs, and a `LiveAPI` onto it in
// live_api.mjs. What it does and refuses follows the Live Object Model's documentation and what others have measured on
// running Lives; where neither says, both possibilities can be set.
import { RealClock } from "./clock.mjs";
import { FakeSet } from "./live_set.mjs";
import { hidden } from "./warping.mjs";

export { makeApi } from "./live_api.mjs";

const AUTO_WARP_MS = 45; // when Live's own guess arrives, unless a test says otherwise
const LANE_MS = 100; // between the playhead's move and the parameters' new values, measured

export class FakeLive extends FakeSet {
  constructor({
    version = [12, 3, 5], tempo = 120, signature = [4, 4], file = "", guess = null, clock = new RealClock(), scenes = 4,
    warpDelay = AUTO_WARP_MS, warpingTurn = 15, createdWarping = 1, hiddenCounts = false, takeLanes = true, sceneLimit = 999,
    laneDelay = LANE_MS, frozenKeeps = false,
  } = {}) {
    super();
    Object.assign(this, {
      version, guess, clock, warpDelay, warpingTurn, createdWarping, hiddenCounts, takeLanes, sceneLimit, laneDelay, frozenKeeps,
      console: [], objects: new Map(), nextId: 1, ready: false, notifying: 0, undo: [], files: new Map(), made: 0,
      pathListeners: 0, beatReads: 0, calls: 0, recordingsLost: 0,
    });
    this.song = this.add("Song", {
      tempo, signature_numerator: signature[0], signature_denominator: signature[1], is_playing: 0, current_song_time: 0,
      loop: 1, loop_start: 0, loop_length: 16, root_note: 0, scale_name: "Major", scale_mode: 0, file_path: file, tracks: [],
      scenes: [], song_length: 1000, record_mode: 0, back_to_arranger: 0,
    });
    this.view = this.add("Song.View", { detail_clip: null, selected_parameter: null, selected_scene: null, selected_track: null }, this.song);
    this.app = this.add("Application", {});
    for (let i = 0; i < scenes; i += 1) this.addScene();
    this.view.selected_scene = this.song.scenes[0] ?? null;
  }

  addScene() {
    const scene = this.add("Scene", { name: "" }, this.song);
    this.song.scenes.push(scene);
    for (const track of this.song.tracks) if (track.slotted) this.addSlot(track);
    return scene;
  }

  addSlot(track) {
    track.clip_slots.push(this.add("ClipSlot", { has_clip: 0, clip: null }, track));
  }

  // A `numbered` track has no name of its own: Live shows where it stands, and counts anew when another comes before it.
  track(name, { midi = false, frozen = false, group = false, numbered = false, at = this.song.tracks.length } = {}) {
    const track = this.add("Track", {
      name, has_midi_input: midi ? 1 : 0, has_audio_input: midi || group ? 0 : 1, is_frozen: frozen ? 1 : 0,
      is_foldable: group ? 1 : 0, clip_slots: [], arrangement_clips: [], take_lanes: [], devices: [],
      playing_slot_index: -1, fired_slot_index: -1, arm: 0, slotted: true,
    }, this.song);
    for (const _scene of this.song.scenes) this.addSlot(track);
    if (numbered) this.number(track, name);
    this.song.tracks.splice(at, 0, track);
    this.notify(this.song, "tracks");
    return track;
  }

  // A return or the main track: no slots, and no clips in the Arrangement. Both lie beside the song's `tracks`.
  busTrack(name) {
    return this.add("Track", {
      name, bus: true, has_midi_input: 0, has_audio_input: 1, is_frozen: 0, is_foldable: 0, clip_slots: [], take_lanes: [], devices: [],
    }, this.song);
  }

  number(track, name) {
    Object.defineProperty(track, "name", {
      configurable: true, enumerable: true, get: () => `${this.song.tracks.indexOf(track) + 1}-${name}`,
      set: (value) => Object.defineProperty(track, "name", { value, writable: true }),
    });
  }

  // Our device on a track; each copy has parameters of its own.
  device(track, name = "Ditto Live") {
    const device = this.anyDevice(track, "MaxDevice", { name, class_name: "MxDeviceAudioEffect" });
    this.parameter(device, "Intensity", { value: -20, min: -40, max: -10 });
    this.parameter(device, "Learn Pass", { max: 1 });
    return device;
  }

  anyDevice(holder, type, properties) {
    const device = this.add(type, { parameters: [], can_have_chains: 0, can_have_drum_pads: 0, ...properties }, holder);
    holder.devices.push(device);
    return device;
  }

  parameter(device, name, properties = {}) {
    const parameter = this.add("DeviceParameter", { name, automation: 0, value: 0, min: 0, max: 1, lane: null, ...properties }, device);
    device.parameters.push(parameter);
    return parameter;
  }

  simpler(holder) {
    return this.anyDevice(holder, "SimplerDevice", { name: "Simpler", class_name: "OriginalSimpler" });
  }

  // A rack with one chain.
  rack(holder, { drums = false } = {}) {
    const rack = this.anyDevice(holder, "RackDevice", {
      name: drums ? "Drum Rack" : "Rack", class_name: drums ? "DrumGroupDevice" : "InstrumentGroupDevice",
      can_have_chains: 1, can_have_drum_pads: drums ? 1 : 0, chains: [],
    });
    const chain = this.add("Chain", { devices: [], name: "Chain" }, rack);
    rack.chains.push(chain);
    const pad = drums ? this.add("DrumPad", { name: "Kick", note: 36, chains: [chain] }, rack) : null;
    rack.view = this.add("RackDevice.View", { selected_drum_pad: pad }, rack);
    return { rack, chain };
  }

  midiClip(track, slotIndex, name, notes, { length = 4, start = 0, envelopes = 0 } = {}) {
    const slot = track.clip_slots[slotIndex];
    const clip = this.add("Clip", {
      name, is_midi_clip: 1, is_audio_clip: 0, looping: 1, loop_start: start, loop_end: start + length, start_marker: start,
      end_marker: start + length, has_envelopes: envelopes,
      notes: notes.map((note, i) => ({
        note_id: i + 1, mute: 0, velocity: 100, probability: 1, velocity_deviation: 0, release_velocity: 64, ...note,
      })),
    }, slot);
    Object.assign(slot, { clip, has_clip: 1 });
    return clip;
  }

  audioClip(track, slotIndex, path, properties = {}) {
    const slot = track.clip_slots[slotIndex];
    const clip = this.newAudioClip(slot, path, properties);
    Object.assign(slot, { clip, has_clip: 1 });
    return clip;
  }

  arrangementClip(track, start, end, properties = {}) {
    const clip = this.add("Clip", {
      name: "there before", is_midi_clip: 0, is_audio_clip: 1, looping: 0, start_time: start, end_time: end,
      file_path: "/somewhere/else.wav", sample_length: 44100 * 8, sample_rate: 44100, warping: 1, start_marker: 0,
      end_marker: end - start, loop_start: 0, loop_end: end - start, markers: hidden([[0, 0]], 60 / this.song.tempo),
      ...properties,
    }, track);
    track.arrangement_clips.push(clip);
    return clip;
  }

  newAudioClip(holder, path, properties = {}) {
    const file = this.factsOf(path);
    const own = this.createdWarping;
    const guessed = { beats: (file.seconds * this.song.tempo) / 60, shift: 0, extra: [], ...this.guess };
    const end = own ? guessed.beats : file.seconds; // unwarped points are seconds
    const clip = this.add("Clip", {
      name: path.split("/").pop(), is_midi_clip: 0, is_audio_clip: 1, file_path: path, warping: own, warp_mode: 4, gain: 0.4,
      looping: 0, color: 0, loop_start: 0, loop_end: end, start_marker: 0, end_marker: end, has_envelopes: 0,
      sample_length: file.samples, sample_rate: file.rate, markers: hidden([[0, 0]], file.seconds / guessed.beats),
      legato: 0, signature_numerator: 4, signature_denominator: 4, pitch_coarse: 0, pitch_fine: 0, muted: 0, ...properties,
    }, holder);
    if (this.guess) this.clock.after(this.warpDelay, () => this.autoWarp(clip, file.seconds, guessed));
    return clip;
  }
}
