// What of an audio clip's file sounds, in seconds of the file: from its loop or its start and end markers. A warped clip
// has them in beats, which the warp markers turn into seconds; one that is not warped has them in seconds.
const NEAR_SECONDS = 1e-3; // of the file's ends: the whole file

const FileRange = {
  // { start, end, whole } of a clip whose file lasts `seconds`; null where nothing of the file is between its markers.
  of(clip, seconds) {
    const looping = LiveSet.flag(clip, "looping");
    const ends = looping ? ["loop_start", "loop_end"] : ["start_marker", "end_marker"];
    const markers = LiveSet.flag(clip, "warping") ? Warp.markers(clip) : null;
    const [from, to] = ends.map((name) => FileRange.secondsAt(markers, LiveSet.number(clip, name)));
    const start = Math.max(0, from);
    const end = Math.min(seconds, to);
    if (!(end - start > NEAR_SECONDS)) return null;
    return { start, end, whole: start < NEAR_SECONDS && end > seconds - NEAR_SECONDS };
  },

  secondsAt(markers, place) {
    if (!markers || markers.length < 2) return place;
    let i = markers.findIndex((marker) => marker.beat_time >= place);
    i = i < 0 ? markers.length - 1 : Math.max(1, i);
    const [a, b] = [markers[i - 1], markers[i]];
    return a.sample_time + ((b.sample_time - a.sample_time) * (place - a.beat_time)) / (b.beat_time - a.beat_time);
  },

  // The file as a setting names it: alone, or with the part of it that sounds.
  named: (file, { start, end, whole }) => (whole ? file : `${file}#${start.toFixed(4)}:${end.toFixed(4)}`),
};
