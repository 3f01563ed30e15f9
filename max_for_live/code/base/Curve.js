// Curves of intensity: breakpoints [beat, dB] in order, linear between.
const TEXT_TOLERANCE = 0.005;
const GRID = 128; // points at which two curves are compared and the display is drawn

const Curve = {
  constant: (value, beats) => [[0, value], [beats, value]],

  // Equally wide steps of a drawing, closed at the wrap: the loop ends where it begins.
  fromDrawing(values, beats) {
    const step = beats / values.length;
    const middle = values.map((value, i) => [(i + 0.5) * step, value]);
    const seam = (values[0] + values[values.length - 1]) / 2;
    return [[0, seam], ...middle, [beats, seam]];
  },

  at(points, beat) {
    const next = points.findIndex((point) => point[0] >= beat);
    if (next < 0) return points[points.length - 1][1];
    if (next === 0) return points[0][1];
    const [a, b] = [points[next - 1], points[next]];
    return b[0] === a[0] ? b[1] : a[1] + ((b[1] - a[1]) * (beat - a[0])) / (b[0] - a[0]);
  },

  grid: (points, beats) => Array.from({ length: GRID }, (_, i) => Curve.at(points, (i * beats) / (GRID - 1))),

  // The greatest difference of two curves in dB.
  difference(a, b, beats) {
    const other = Curve.grid(b, beats);
    return Math.max(...Curve.grid(a, beats).map((value, i) => Math.abs(value - other[i])));
  },

  // "beat:value" pairs, thinned until they have room.
  text(points, most) {
    for (let tolerance = TEXT_TOLERANCE; ; tolerance *= 2) {
      const text = Curve.thin(points, tolerance).map(([beat, value]) => `${Number(beat.toFixed(4))}:${value.toFixed(3)}`).join(" ");
      if (text.length <= most) return text;
    }
  },

  // Leaves out breakpoints that lie within `tolerance` dB of the line between their neighbours
  // (Ramer 1972, Douglas and Peucker 1973).
  thin(points, tolerance) {
    if (points.length < 3) return points;
    const [first, last] = [points[0], points[points.length - 1]];
    let worst = 0;
    let split = 0;
    for (let i = 1; i < points.length - 1; i += 1) {
      const distance = Math.abs(points[i][1] - Curve.at([first, last], points[i][0]));
      if (distance > worst) [worst, split] = [distance, i];
    }
    if (worst <= tolerance) return [first, last];
    const left = Curve.thin(points.slice(0, split + 1), tolerance);
    return [...left.slice(0, -1), ...Curve.thin(points.slice(split), tolerance)];
  },
};
