// Warp markers as Live keeps them. The last one is hidden: it carries the tempo of what follows, and keeps it when
// others are moved. A sample time lies within the file and between its neighbours, and every segment within 5 to 999
// BPM; what breaks a rule is refused with a message on the console.
const HIDDEN_BEATS = 1 / 32; // the hidden last marker sits this far behind the one before
const [SLOWEST_BPM, FASTEST_BPM] = [5, 999];

export const hidden = (points, secondsPerBeat) => {
  const [seconds, beat] = points[points.length - 1];
  return [...points, [seconds + HIDDEN_BEATS * secondsPerBeat, beat + HIDDEN_BEATS]];
};

const withoutHidden = (clip) => clip.markers.slice(0, -1);

function remark(live, clip, points) {
  const [last, end] = clip.markers.slice(-2);
  clip.markers = hidden(points.sort((a, b) => a[1] - b[1]), (end[0] - last[0]) / (end[1] - last[1]));
  live.notify(clip, "warp_markers");
}

function allowed(points) {
  return points.every(([seconds, beat], i) => {
    if (!i) return true;
    const [before, at] = points[i - 1];
    const bpm = ((beat - at) * 60) / (seconds - before);
    return seconds > before && beat > at && bpm >= SLOWEST_BPM && bpm <= FASTEST_BPM;
  });
}

function secondsAt(markers, beat) {
  let i = markers.findIndex(([, at]) => at >= beat);
  i = i < 0 ? markers.length - 1 : Math.max(1, i);
  const [[t0, b0], [t1, b1]] = [markers[i - 1], markers[i]];
  return t0 + ((t1 - t0) * (beat - b0)) / (b1 - b0);
}

export const WARP_METHODS = {
  add_warp_marker(live, clip, { beat_time: beat, sample_time: given }) {
    const seconds = given ?? secondsAt(clip.markers, beat);
    const length = clip.sample_length / clip.sample_rate;
    const points = withoutHidden(clip).filter(([, at]) => Math.abs(at - beat) > 1e-9);
    const end = clip.markers[clip.markers.length - 1];
    if (!(seconds >= 0 && seconds <= length)) return live.error("RuntimeError: Invalid warp marker: sample time");
    // Whether the hidden marker counts as the right neighbour is not documented: the fake can do both.
    if (live.hiddenCounts && given !== undefined && (seconds >= end[0]) !== (beat >= end[1]))
      return live.error("RuntimeError: Invalid warp marker: neighbours");
    if (live.hiddenCounts && given !== undefined && seconds > end[0]) return live.error("RuntimeError: Invalid warp marker");
    const all = [...points, [seconds, beat]].sort((a, b) => a[1] - b[1]);
    if (!allowed(all)) return live.error("RuntimeError: Invalid warp marker: tempo");
    remark(live, clip, all);
    return undefined;
  },
  move_warp_marker(live, clip, beat, distance) {
    const points = withoutHidden(clip).map((point) => [...point]);
    const marker = points.find(([, at]) => Math.abs(at - beat) < 1e-9);
    if (!marker) return live.error("RuntimeError: There is no warp marker at this beat");
    marker[1] = beat + distance;
    if (!allowed(points)) return live.error("RuntimeError: A warp marker cannot pass another, or leave 5 to 999 BPM");
    remark(live, clip, points);
    return undefined;
  },
  remove_warp_marker(live, clip, beat) {
    const points = withoutHidden(clip);
    const rest = points.filter(([, at]) => Math.abs(at - beat) > 1e-9);
    if (rest.length === points.length) return live.error("RuntimeError: There is no warp marker at this beat");
    if (rest.length < 2) return live.error("RuntimeError: The last warp markers cannot be removed");
    if (!allowed(rest)) return live.error("RuntimeError: Invalid warp marker: tempo");
    remark(live, clip, rest);
    return undefined;
  },
};
