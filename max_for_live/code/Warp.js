// Warp markers of a fresh clip: Live may have guessed another tempo. Our loop is exact, so 0 s is beat 0 and the
// file's end is beat `beats`; everything between is a straight line.
const WARP_TOLERANCE = 1e-3;

class Warp {
  // Markers in order of time, the hidden last one (it carries the final tempo) included.
  static markers(clip) {
    const raw = LiveSet.raw(clip, "warp_markers")[0];
    const { warp_markers: markers = [] } = typeof raw === "string" ? JSON.parse(raw) : raw || {};
    return [...markers].sort((a, b) => a.beat_time - b.beat_time);
  }

  // Whether the markers say what the file is: 0 -> 0 and `seconds` -> `beats`.
  static straight(clip, seconds, beats) {
    const markers = Warp.markers(clip);
    return markers.length >= 2 && [[0, 0], [seconds, beats], [seconds / 2, beats / 2]].every(
      ([at, wanted]) => Math.abs(Warp.beatAt(markers, at) - wanted) <= WARP_TOLERANCE);
  }

  static beatAt(markers, seconds) {
    let i = markers.findIndex((marker) => marker.sample_time >= seconds);
    i = i < 0 ? markers.length - 1 : Math.max(1, i);
    const [a, b] = [markers[i - 1], markers[i]];
    return a.beat_time + ((b.beat_time - a.beat_time) * (seconds - a.sample_time)) / (b.sample_time - a.sample_time);
  }

  // Makes the markers straight, in turns. A marker is removed only after its replacement is there, since Live
  // keeps at least one; one at a wrong place on beat 0 is replaced from the side.
  static *straighten(clip, seconds, beats) {
    clip.call("add_warp_marker", { beat_time: beats, sample_time: seconds });
    yield TURN_MS;
    const first = Warp.markers(clip)[0];
    if (Math.abs(first.sample_time) > 1e-6 || Math.abs(first.beat_time) > 1e-6) {
      const side = Math.min(0, first.beat_time) - 1;
      clip.call("add_warp_marker", { beat_time: side, sample_time: 0 });
      yield TURN_MS;
      if (Math.abs(first.beat_time) < 1e-6) clip.call("remove_warp_marker", first.beat_time);
      clip.call("move_warp_marker", side, -side);
      yield TURN_MS;
    }
    const visible = Warp.markers(clip).slice(0, -1);
    for (const { beat_time: beat } of visible)
      if (Math.abs(beat) > 1e-6 && Math.abs(beat - beats) > 1e-6) clip.call("remove_warp_marker", beat);
    yield TURN_MS;
  }
}
