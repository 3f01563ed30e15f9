// The Live Object Model as Live 12.4 documents it: which properties, children and functions each type has, and what
// may be done with them (g get, s set, o observe). A name that is not here does not exist, as in Live.
const CLIP = `
  view:g available_warp_modes:g color:gso color_index:gso end_marker:gso end_time:go file_path:g gain:gso
  gain_display_string:g groove:gso has_envelopes:go has_groove:g is_arrangement_clip:g is_audio_clip:g is_midi_clip:g
  is_overdubbing:go is_playing:gso is_recording:go is_session_clip:g is_take_lane_clip:g is_triggered:g launch_mode:gso
  launch_quantization:gso legato:gso length:g loop_end:gso loop_jump:o loop_start:gso looping:gso muted:gso name:gso
  notes:o pitch_coarse:gso pitch_fine:gso playing_position:go playing_status:o position:gso ram_mode:gso sample_length:g
  sample_rate:g signature_denominator:gso signature_numerator:gso start_marker:gso start_time:go velocity_amount:gso
  warp_markers:go warp_mode:gso warping:gso will_record_on_start:g`;

const DEVICE = `
  parameters:go view:g can_compare_ab:g can_have_chains:g can_have_drum_pads:g class_display_name:g class_name:g
  is_active:go is_using_compare_preset_b:gso latency_in_ms:go latency_in_samples:go name:gso type:g`;

const TEXT = {
  Application: `
    view:g control_surfaces:go average_process_usage:go peak_process_usage:go open_dialog_count:g
    current_dialog_message:g current_dialog_button_count:g
    | get_bugfix_version get_document get_major_version get_minor_version get_version_string press_current_dialog_button`,
  Song: `
    cue_points:go return_tracks:go scenes:go tracks:go visible_tracks:go master_track:g view:g groove_pool:g
    tuning_system:g appointed_device:go arrangement_overdub:gso back_to_arranger:gso can_capture_midi:go
    can_jump_to_next_cue:go can_jump_to_prev_cue:go can_redo:g can_undo:g clip_trigger_quantization:gso
    count_in_duration:go current_song_time:gso exclusive_arm:g exclusive_solo:g file_path:g groove_amount:gso
    is_ableton_link_enabled:gso is_ableton_link_start_stop_sync_enabled:gso is_counting_in:go is_playing:gso
    last_event_time:g loop:gso loop_length:gso loop_start:gso metronome:gso midi_recording_quantization:gso name:g
    nudge_down:gso nudge_up:gso overdub:gso punch_in:gso punch_out:gso re_enable_automation_enabled:go record_mode:gso
    root_note:gso scale_intervals:go scale_mode:gso scale_name:gso select_on_launch:g session_automation_record:gso
    session_record:gso session_record_status:go signature_denominator:gso signature_numerator:gso song_length:go
    start_time:gso swing_amount:gso tempo:gso tempo_follower_enabled:gso
    | capture_and_insert_scene capture_midi continue_playing create_audio_track create_midi_track create_return_track
      create_scene delete_return_track delete_scene delete_track duplicate_scene duplicate_track find_device_position
      get_beats_loop_length get_beats_loop_start get_current_beats_song_time get_current_smpte_song_time
      is_cue_point_selected jump_by jump_to_next_cue jump_to_prev_cue move_device play_selection re_enable_automation redo
      scrub_by set_or_delete_cue start_playing stop_all_clips stop_playing tap_tempo trigger_session_record undo`,
  "Song.View": `
    detail_clip:gso highlighted_clip_slot:gs selected_chain:gso selected_parameter:go selected_scene:gso
    selected_track:gso draw_mode:gso follow_song:gso
    | select_device`,
  Scene: `clip_slots:go color:gso color_index:gso is_empty:g is_triggered:go name:gso signature_denominator:gso
    signature_enabled:gso signature_numerator:gso tempo:gso tempo_enabled:gso
    | fire fire_as_selected set_fire_button_state`,
  Track: `
    take_lanes:go clip_slots:go arrangement_clips:go devices:go group_track:g mixer_device:g view:g arm:gso
    available_input_routing_channels:go available_input_routing_types:go available_output_routing_channels:go
    available_output_routing_types:go back_to_arranger:gso can_be_armed:g can_be_frozen:g can_show_chains:g color:gso
    color_index:gso current_input_routing:gso current_input_sub_routing:gso current_monitoring_state:gso
    current_output_routing:gso current_output_sub_routing:gso fired_slot_index:go fold_state:gs has_audio_input:g
    has_audio_output:g has_midi_input:g has_midi_output:g implicit_arm:gso input_meter_left:go input_meter_level:go
    input_meter_right:go input_routing_channel:gso input_routing_type:gso is_foldable:g is_frozen:go is_grouped:g
    is_part_of_selection:g is_showing_chains:gso is_visible:g mute:gso muted_via_solo:go name:gso output_meter_left:go
    output_meter_level:go output_meter_right:go output_routing_channel:gso output_routing_type:gso performance_impact:go
    playing_slot_index:go solo:gso
    | create_audio_clip create_midi_clip create_take_lane delete_clip delete_device duplicate_clip_slot
      duplicate_clip_to_arrangement duplicate_device insert_device jump_in_running_session_clip stop_all_clips`,
  TakeLane: `arrangement_clips:go name:gso | create_audio_clip create_midi_clip`,
  ClipSlot: `
    clip:g color:go color_index:go controls_other_clips:go has_clip:go has_stop_button:gso is_group_slot:g is_playing:g
    is_recording:g is_triggered:go playing_status:g will_record_on_start:g
    | create_audio_clip create_clip delete_clip duplicate_clip_to fire set_fire_button_state stop`,
  Clip: `${CLIP}
    | add_new_notes add_warp_marker apply_note_modifications clear_all_envelopes clear_envelope crop deselect_all_notes
      duplicate_loop duplicate_notes_by_id duplicate_region fire get_all_notes_extended get_notes_by_id get_notes_extended
      get_selected_notes_extended move_playing_pos move_warp_marker quantize quantize_pitch remove_notes_by_id
      remove_notes_extended remove_warp_marker scrub select_all_notes select_notes_by_id set_fire_button_state stop
      stop_scrub`,
  Device: `${DEVICE} | store_chosen_bank save_preset_to_compare_ab_slot`,
  MaxDevice: `${DEVICE} audio_inputs:go audio_outputs:go midi_inputs:go midi_outputs:go
    | store_chosen_bank get_bank_count get_bank_name get_bank_parameters`,
  RackDevice: `${DEVICE} chain_selector:g chains:go drum_pads:go has_drum_pads:go has_macro_mappings:go return_chains:go
    variation_count:go selected_variation_index:gs visible_drum_pads:go visible_macro_count:go
    | store_chosen_bank add_macro copy_pad randomize_macros recall_selected_variation remove_macro store_variation`,
  "RackDevice.View": `selected_chain:gso selected_drum_pad:gso drum_pads_scroll_position:gso is_showing_chain_devices:gso`,
  SimplerDevice: `${DEVICE} sample:go can_warp_as:g can_warp_double:g can_warp_half:g multi_sample_mode:go
    note_pitch_bend_range:gso pad_slicing:gso pitch_bend_range:gso playback_mode:gso playing_position:go
    playing_position_enabled:go retrigger:gso slicing_playback_mode:gso voices:gso
    | store_chosen_bank crop guess_playback_length replace_sample reverse warp_as warp_double warp_half`,
  DrumPad: `chains:go mute:gso name:go note:g solo:gso | delete_all_chains`,
  Chain: `devices:go mixer_device:g color:gso color_index:gso has_audio_input:g has_audio_output:g has_midi_input:g
    has_midi_output:g is_auto_colored:gso mute:gso muted_via_solo:go name:gso solo:gso | delete_device insert_device`,
  MixerDevice: `panning:g volume:g sends:go crossfader:g cue_volume:g song_tempo:g track_activator:g crossfade_assign:gso
    panning_mode:gso`,
  DeviceParameter: `
    automation_state:go default_value:g display_value:gso is_enabled:g is_quantized:g max:g min:g name:go original_name:g
    state:go value:gso value_items:g
    | re_enable_automation str_for_value`,
};

const parse = (text) => {
  const [properties, functions = ""] = text.split("|");
  return {
    properties: new Map(properties.trim().split(/\s+/).map((word) => word.split(":"))),
    functions: new Set(functions.trim().split(/\s+/).filter(Boolean)),
  };
};

export const LOM = Object.fromEntries(Object.entries(TEXT).map(([type, text]) => [type, parse(text)]));
for (const { properties } of Object.values(LOM)) properties.set("canonical_parent", "g");

// Throws when a type has no such property, or when it may not be used in this way.
export function mustHave(type, name, way) {
  const rights = LOM[type]?.properties.get(name);
  if (rights === undefined) throw new Error(`${type} has no property ${name}`);
  if (!rights.includes(way)) throw new Error(`${name} of ${type} may not be ${{ g: "read", s: "set", o: "observed" }[way]}`);
}

export function mustHaveFunction(type, name) {
  if (!LOM[type]?.functions.has(name)) throw new Error(`${type} has no function ${name}`);
}
