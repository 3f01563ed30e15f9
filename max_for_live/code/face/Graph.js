// What the display draws.
const SIZES = [[10, 13], [9, 11], [8, 10]]; // of letters and lines
const OFF_ALPHA = 0.4; // of everything while the device is switched off

const color = (name, fallback) => {
  try {
    return max.getcolor(name) || fallback;
  } catch {
    return fallback;
  }
};

function palette() {
  return {
    ground: color("live_lcd_bg", [0.11, 0.11, 0.11, 1]), text: color("live_lcd_title", [0.8, 0.8, 0.8, 1]),
    curve: color("live_lcd_control_fg", [1, 0.68, 0.34, 1]), other: color("live_lcd_control_fg_alt", [0.35, 0.72, 0.85, 1]),
    grid: color("live_lcd_frame", [0.3, 0.3, 0.3, 1]),
  };
}

const faded = ([r, g, b], alpha) => [r, g, b, alpha];

// Menus and prompt do not dim by themselves: the script is told the theme's two colours of texts, for what is in use
// and for what is not, whenever they change.
function tellInks() {
  const on = color("live_control_fg", [0.7, 0.7, 0.7, 1]);
  const inks = [...on, ...color("live_control_fg_zombie", faded(on, OFF_ALPHA))];
  const text = inks.map((part) => part.toFixed(3)).join(" ");
  if (text === state.inks) return;
  state.inks = text;
  outlet(0, "inks", ...inks);
}

const LIGHTS = { off: [0.5, 0.5, 0.5, 1], loading: [1, 0.75, 0.2, 1], ready: [0.35, 0.85, 0.45, 1],
  working: [0.35, 0.7, 1, 1], error: [1, 0.4, 0.35, 1] };

const GRADE_LIGHTS = { good: "ready", near: "loading", miss: "error" };
const DOT = 8; // a light before a word, with its room

function paint() {
  tellInks();
  const colors = palette();
  const [width, height] = mgraphics.size;
  block(0, 0, width, height, colors.ground, 3);
  const graph = area();
  drawGrid(graph, colors);
  drawCurve(graph, colors);
  drawProgress(graph, colors);
  drawScores(width, height, colors);
  drawStatus(width, height, colors);
  if (!state.enabled) block(0, 0, width, height, faded(colors.ground, 1 - OFF_ALPHA), 3);
}

// The words whole: what does not fit on the line goes on below it, over the curve, until the display is clicked.
function drawStatus(width, height, colors) {
  const left = state.fraction >= 0 && state.left >= 0 ? `${Math.ceil(state.left)} s left` : "";
  const room = width - 24 - (left ? measure(left, 10) + 10 : 0);
  const { rows, size, step } = asRows(state.words, room, height);
  const whole = rows.length > 1 && !state.read;
  if (whole) block(0, TOP, width, height - TOP, colors.ground, 3);
  dot(7, 7, 7, LIGHTS[state.kind] || LIGHTS.off);
  if (whole) rows.forEach((row, i) => write(row, 19, 14 + i * step, size, colors.text));
  else write(fitted(state.words, 10, room), 19, 14, 10, colors.text);
  if (left) write(left, width - 7 - measure(left, 10), 14, 10, faded(colors.text, 0.75));
}

// In the size in which all rows have room; what is longer than that ends with dots.
function asRows(words, room, height) {
  for (const [size, step] of SIZES) {
    const rows = wrapped(words, size, room);
    const most = Math.floor((height - 16) / step) + 1;
    if (rows.length <= most) return { rows, size, step };
    if (size === SIZES[SIZES.length - 1][0])
      return { rows: [...rows.slice(0, most - 1), fitted(rows.slice(most - 1).join(" "), size, room)], size, step };
  }
  return { rows: [words], size: 10, step: 13 };
}

function drawGrid({ x, y, w, h }, colors) {
  const beats = Math.max(1, Math.round(state.bars * state.barBeats));
  const each = beats > 32 ? state.barBeats : 1;
  for (let beat = 0; beat <= beats; beat += each) {
    const bar = beat % state.barBeats === 0;
    block(Math.round(x + (w * beat) / beats), y, 1, h, faded(colors.grid, bar ? 0.9 : 0.35));
  }
  for (const level of [-15, -25, -35]) {
    const at = Math.round(y + h * ((HIGH_DB - level) / (HIGH_DB - LOW_DB)));
    block(x, at, w, 1, faded(colors.grid, 0.35));
    const share = Math.round((100 * (level - LOW_DB)) / (HIGH_DB - LOW_DB));
    write(String(state.percent ? share : level), 5, at + 3, 8, faded(colors.text, 0.75));
  }
}

function drawCurve({ x, y, w, h }, colors) {
  const values = state.drawing || state.curve;
  if (!values.length) {
    const words = EMPTY_WORDS[state.source] || "";
    write(words, x + (w - measure(words, 10)) / 2, y + h / 2 + 3, 10, faded(colors.text, 0.75));
    return;
  }
  const place = (value, i) => [x + (w * i) / (values.length - 1),
    y + h * Math.max(0, Math.min(1, (HIGH_DB - value) / (HIGH_DB - LOW_DB)))];
  trace(values.map(place));
  mgraphics.line_to(x + w, y + h);
  mgraphics.line_to(x, y + h);
  mgraphics.close_path();
  mgraphics.set_source_rgba(faded(colors.curve, 0.16));
  mgraphics.fill();
  trace(values.map(place));
  mgraphics.set_line_width(1.5);
  mgraphics.set_source_rgba(colors.curve);
  mgraphics.stroke();
}

function trace(points) {
  points.forEach(([px, py], i) => (i ? mgraphics.line_to(px, py) : mgraphics.move_to(px, py)));
}

// A veil over what is still to come, or over what is not yet heard while learning.
function drawProgress({ x, y, w, h }, colors) {
  const share = state.heard >= 0 ? state.heard : state.fraction;
  if (share < 0) return;
  block(x + w * share, y, w * (1 - share), h, faded(colors.ground, 0.55));
  block(Math.round(x + w * share), y, 1, h, colors.other);
}

function drawScores(width, height, colors) {
  const baseline = height - 5;
  const source = fitted(state.name || SOURCE_WORDS[state.source], 9, width / 2 - 10);
  write(source, 7, baseline, 9, faded(colors.text, 0.75));
  let right = width - 7;
  for (const [name, value, light] of chips().reverse()) {
    const before = right - measure(value, 9) - measure(name, 9) - 4;
    if (before - (light ? DOT : 0) < measure(source, 9) + 16) return;
    write(value, right - measure(value, 9), baseline, 9, colors.text);
    write(name, before, baseline, 9, faded(colors.text, 0.75));
    if (light) dot(before - DOT, baseline - 6, 5, light);
    right = before - 9 - (light ? DOT : 0);
  }
}

// While working the losses, afterwards how closely the take follows, in words, or as scores where none were said.
function chips() {
  if (state.fraction >= 0) {
    const rows = [];
    for (let i = 0; i + 1 < state.losses.length; i += 2)
      rows.push([String(state.losses[i]), Number(state.losses[i + 1]).toFixed(2)]);
    return rows;
  }
  if (state.verdicts.length)
    return [...state.verdicts].reverse().map(([name, grade, words]) => [name, words, LIGHTS[GRADE_LIGHTS[grade]]]);
  return SCORE_NAMES.filter(([key]) => state.scores[key] !== undefined)
    .map(([key, name, show]) => [name, show(state.scores[key])]);
}
