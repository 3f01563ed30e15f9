// Warp markers of a clip: Live may have guessed another tempo. Our loop is exact, so 0 s is beat 0 and the file's
// end is beat `beats`; everything between is a straight line.
const WARP_TOLERANCE = 1e-3; // beats
const WARP_ROUNDS = 3;

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
    const places = [0, seconds / 2, seconds, ...markers.map(({ sample_time: at }) => at).filter((at) => at < seconds)];
    return markers.length >= 2
      && places.every((at) => Math.abs(Warp.beatAt(markers, at) - (at * beats) / seconds) <= WARP_TOLERANCE);
  }

  static beatAt(markers, seconds) {
    if (markers.length < 2) return NaN; // the clip is gone
    let i = markers.findIndex((marker) => marker.sample_time >= seconds);
    i = i < 0 ? markers.length - 1 : Math.max(1, i);
    const [a, b] = [markers[i - 1], markers[i]];
    return a.beat_time + ((b.beat_time - a.beat_time) * (seconds - a.sample_time)) / (b.sample_time - a.sample_time);
  }

  // The file's end as Live has it: a time above its own is refused.
  static end(clip, seconds) {
    const own = LiveSet.number(clip, "sample_length") / LiveSet.number(clip, "sample_rate");
    return own > 0 ? Math.min(own, seconds) : seconds;
  }

  // Makes the markers straight, in turns; Live refuses some steps on the way, so what is left is tried again.
  static *straighten(clip, seconds, beats) {
    for (let round = 0; round < WARP_ROUNDS && clip.type && !Warp.straight(clip, seconds, beats); round += 1)
      yield* Warp.round(clip, Warp.end(clip, seconds), beats / seconds);
    return Warp.straight(clip, seconds, beats);
  }

  // Fewer markers first, then those that are left go to where their sample belongs, then one at the file's end,
  // since the hidden marker keeps the tempo that Live had guessed.
  static *round(clip, seconds, slope) {
    for (const { beat_time: beat } of Warp.visible(clip).slice(1, -1)) clip.call("remove_warp_marker", beat);
    yield TURN_MS;
    yield* Warp.moveAll(clip, slope);
    if (Warp.atEnd(clip, seconds)) return;
    clip.call("add_warp_marker", { beat_time: seconds * slope, sample_time: seconds });
    yield TURN_MS;
    if (Warp.atEnd(clip, seconds)) return;
    // Refused: Live may count the hidden marker as a neighbour. A marker where Live itself sees the end is always
    // allowed, since it changes nothing; then it is moved.
    clip.call("add_warp_marker", { beat_time: Warp.beatAt(Warp.markers(clip), seconds * (1 - 1e-6)) });
    yield TURN_MS;
    yield* Warp.moveAll(clip, slope);
  }

  static *moveAll(clip, slope) {
    for (const { from, to } of Warp.moves(Warp.visible(clip), slope)) clip.call("move_warp_marker", from, to - from);
    yield TURN_MS;
  }

  static atEnd(clip, seconds) {
    const last = Warp.visible(clip).pop();
    return Boolean(last) && Math.abs(last.sample_time - seconds) <= 1e-3 * seconds;
  }

  static visible(clip) {
    return Warp.markers(clip).slice(0, -1);
  }

  // Where the markers have to go, in an order in which none passes another.
  static moves(markers, slope) {
    const rows = markers.map(({ beat_time: from, sample_time: at }) => ({ from, to: at * slope }));
    const moved = rows.filter(({ from, to }) => Math.abs(from - to) > 1e-9);
    const down = moved.filter(({ from, to }) => to < from);
    const up = moved.filter(({ from, to }) => to > from).reverse();
    return [...down, ...up];
  }
}
