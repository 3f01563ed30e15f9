// A lane's curve: points [beat, value, bend], straight between unless the segment after a point is bent.

const PIECES = 12; // straight pieces of a bent segment
const NEAR_BEATS = 1e-6;

/** Returns 0..1 along a segment bent by -1 (late) to 1 (early). */
export function bent(share, bend) {
  if (!bend) return share;
  const power = 2 ** (-2.5 * bend);
  return share ** power;
}

/** Returns the curve's value at a beat; held at its ends. */
export function valueAt(points, beat) {
  if (!points.length) return null;
  if (beat <= points[0][0]) return points[0][1];
  for (let i = 1; i < points.length; i++) {
    const [start, from, bend] = points[i - 1];
    const [end, to] = points[i];
    if (beat < end) return from + (to - from) * bent((beat - start) / (end - start), bend);
  }
  return points.at(-1)[1];
}

/** Returns the curve as straight pieces [beat, value], bent segments as many. `scale` makes a value of a height. */
export function straight(points, valueOf = (height) => height) {
  const pieces = [];
  points.forEach(([start, from, bend], i) => {
    pieces.push([start, valueOf(from)]);
    const next = points[i + 1];
    if (!next || !bend) return;
    for (let piece = 1; piece < PIECES; piece++) {
      const share = piece / PIECES;
      pieces.push([start + (next[0] - start) * share, valueOf(from + (next[1] - from) * bent(share, bend))]);
    }
  });
  return pieces;
}

/** Returns the curve up to a beat, where it ends at the value that it has there; a segment that is cut is straight pieces. */
export function until(points, end) {
  const last = points.findIndex(([beat]) => beat > end);
  if (last < 0) return points;
  if (last === 0) return [[end, points[0][1], 0]];
  const [start, from, bend] = points[last - 1];
  const [beat, to] = points[last];
  if (start === end) return points.slice(0, last);
  const before = points.slice(0, last - 1);
  const pieces = bend ? PIECES : 1;
  const cut = Array.from({ length: pieces }, (_, piece) => {
    const share = (piece / pieces) * ((end - start) / (beat - start));
    return [start + share * (beat - start), from + (to - from) * bent(share, bend), 0];
  });
  return [...before, ...cut, [end, valueAt(points, end), 0]];
}

/** Adds a point in order and returns its index; one at the same beat is moved instead. */
export function put(points, beat, value) {
  const there = points.findIndex((point) => Math.abs(point[0] - beat) < NEAR_BEATS);
  if (there >= 0) {
    points[there][1] = value;
    return there;
  }
  const after = points.findIndex((point) => point[0] > beat);
  const index = after < 0 ? points.length : after;
  points.splice(index, 0, [beat, value, 0]);
  return index;
}

/** Moves a point between its neighbours. */
export function move(points, index, beat, value) {
  const low = index ? points[index - 1][0] : 0;
  const high = index < points.length - 1 ? points[index + 1][0] : Infinity;
  points[index][0] = Math.min(Math.max(beat, low), high);
  points[index][1] = value;
}
