// Draws a lane's curve: grid, scale, what was heard, what is asked; all of it, or a strip between two points.

import { colour, grid, surface } from "./canvas.js";
import { bent } from "./curve.js";

export const PAD_PX = 10;
export const WHOLE = Object.freeze({ from: -Infinity, to: Infinity });

const DOT_PX = 4;
const CHOSEN_PX = 6.5;
const DOTS_UP_TO = 400; // points; more would be one bar of ink
const BENDS = 20; // straight pieces of a bent segment
const SCALES = { log: [500, 1000, 2000, 4000] };
const LEVELS = [-12, -24, -36];

/** Draws a lane onto its canvas; of the points only those from index `from` to `to`. False where it has no room. */
export function paintLane(canvas, lane, strip) {
  const { context, width, height, fresh } = surface(canvas);
  if (!width) return false;
  const x = (beat) => (beat / lane.beats) * width;
  const y = (share) => PAD_PX + (1 - share) * (height - 2 * PAD_PX);
  const [left, right] = fresh ? [0, width] : edges(lane.points, strip, x, width);
  context.save();
  context.beginPath();
  context.rect(left, 0, right - left, height);
  context.clip();
  context.clearRect(left, 0, right - left, height);
  grid(context, width, height, lane.beats, lane.beatsPerBar);
  scale(context, lane, y);
  if (lane.ghost) heard(context, lane.ghost, [left, right], width, y);
  if (lane.points.length) asked(context, lane, { x, y, left, right, width, height });
  context.restore();
  return true;
}

/** Returns the strip's edges on whole pixels of the screen, so that nothing is drawn twice over half a pixel. */
function edges(points, { from, to }, x, width) {
  const ratio = devicePixelRatio || 1;
  const margin = CHOSEN_PX + 2;
  const left = from < 0 ? 0 : Math.floor((x(points[from][0]) - margin) * ratio) / ratio;
  const right = to >= points.length ? width : Math.ceil((x(points[to][0]) + margin) * ratio) / ratio;
  return [Math.max(left, 0), Math.min(right, width)];
}

/** Returns the indices of the points that have to be drawn for a strip: those within, and one beyond either edge. */
function within(points, { x, left, right }) {
  let [first, last] = [0, points.length - 1];
  while (first < last && x(points[first + 1][0]) < left) first++;
  while (last > first && x(points[last - 1][0]) > right) last--;
  return [first, last];
}

function asked(context, lane, place) {
  const { points, chosen } = lane;
  const { x, y, width, height } = place;
  const [first, last] = within(points, place);
  const ink = colour("asked");
  const line = new Path2D();
  const begin = first ? x(points[first][0]) : 0;
  const end = last < points.length - 1 ? x(points[last][0]) : width;
  line.moveTo(begin, y(points[first][1]));
  for (let i = first; i <= last; i++) {
    const [beat, value, bend] = points[i];
    line.lineTo(x(beat), y(value));
    if (bend && i < last) bending(line, points[i], points[i + 1], x, y);
  }
  line.lineTo(end, y(points[last][1]));
  context.strokeStyle = ink;
  context.fillStyle = ink;
  context.lineWidth = 2;
  context.stroke(line);
  line.lineTo(end, height);
  line.lineTo(begin, height);
  context.globalAlpha = 0.12;
  context.fill(line);
  context.globalAlpha = 1;
  const all = points.length < DOTS_UP_TO;
  for (let i = first; i <= last; i++) if (all || i === chosen) dot(context, x(points[i][0]), y(points[i][1]), i === chosen);
}

function bending(line, [beat, value, bend], [nextBeat, nextValue], x, y) {
  for (let piece = 1; piece < BENDS; piece++) {
    const share = piece / BENDS;
    line.lineTo(x(beat + (nextBeat - beat) * share), y(value + (nextValue - value) * bent(share, bend)));
  }
}

function dot(context, x, y, isChosen) {
  context.beginPath();
  context.arc(x, y, isChosen ? CHOSEN_PX : DOT_PX, 0, 7);
  context.fill();
}

function heard(context, ghost, [left, right], width, y) {
  const last = ghost.length - 1;
  const at = (i) => (i / last) * width;
  const first = Math.max(Math.floor((left / width) * last) - 1, 0);
  context.strokeStyle = colour("heard");
  context.lineWidth = 1.5;
  context.beginPath();
  for (let i = first; i <= last && at(i - 1) <= right; i++) context.lineTo(at(i), y(ghost[i]));
  context.stroke();
}

function scale(context, lane, y) {
  const [low, high] = lane.range;
  context.fillStyle = colour("muted");
  context.font = "11px system-ui, sans-serif";
  for (const mark of SCALES[lane.dataset.scale] ?? LEVELS)
    if (mark > low && mark < high) context.fillText(`${mark}`, 5, y(lane.heightOf(mark)) + 4);
}
