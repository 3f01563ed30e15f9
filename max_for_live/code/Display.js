// The display in the middle of the face: the state in words, the intensity curve on the bar grid, progress, scores.
// Runs in a `v8ui`; draws with Live's own colours and lets the producer draw a curve with the mouse.
inlets = 1;
outlets = 1; // drawn v0 v1 ... : the drawing, in dB
autowatch = 0;

mgraphics.init();
mgraphics.relative_coords = 0;
mgraphics.autofill = 0;

const LOW_DB = -40;
const HIGH_DB = -10;
const STEPS = 64; // of a drawing
const TOP = 20; // the status line
const BOTTOM = 16; // the scores
const LEFT = 22; // the dB scale
const FONT = "Ableton Sans Medium";
const SOURCE_WORDS = {
  dial: "Intensity dial", learn: "Learned lane", saved: "Lane in the saved set", velocity: "Clip velocities", drawn: "Drawn",
};
const EMPTY_WORDS = {
  learn: "Arm Learn pass, then play the region", saved: "Read from the set when you press Generate",
  velocity: "Follows the melody clip's velocities", drawn: "Draw here", dial: "",
};
const SCORE_NAMES = [
  ["intensity_rho", "curve", (v) => v.toFixed(2)], ["melody_accuracy", "melody", (v) => `${Math.round(v * 100)} %`],
  ["rhythm_f1", "rhythm", (v) => v.toFixed(2)], ["seam_ratio", "seam", (v) => (v <= 1 ? "clean" : `${v.toFixed(1)}×`)],
];

const state = {
  kind: "off", words: "Ditto Live", curve: [], source: "dial", bars: 4, barBeats: 4, drawing: null,
  fraction: -1, left: -1, losses: [], scores: {}, heard: -1,
};

// ---- messages

const MESSAGES = {
  status: (kind, words) => Object.assign(state, { kind, words }),
  source: (source, bars, barBeats) => Object.assign(state, { source, bars, barBeats }),
  curve: (...values) => Object.assign(state, { curve: values, drawing: null }),
  progress: (step, steps, left, ...losses) => Object.assign(state, { fraction: steps ? step / steps : -1, left, losses }),
  landing: () => Object.assign(state, { fraction: -1, losses: [], words: "Landing the clip …" }),
  idle: () => Object.assign(state, { fraction: -1, left: -1, losses: [] }),
  scores: (...pairs) => {
    state.scores = {};
    for (let i = 0; i + 1 < pairs.length; i += 2) state.scores[pairs[i]] = Number(pairs[i + 1]);
  },
  learning: (coverage) => Object.assign(state, { heard: coverage }),
};

function anything(...args) {
  if (!MESSAGES[messagename]) return;
  if (messagename !== "learning") state.heard = -1;
  MESSAGES[messagename](...args);
  mgraphics.redraw();
}

// ---- the mouse

const area = () => ({ x: LEFT, y: TOP, w: mgraphics.size[0] - LEFT - 6, h: mgraphics.size[1] - TOP - BOTTOM });
const beingDrawn = () => state.drawing || Array.from({ length: STEPS }, (_, i) => valueAt((i + 0.5) / STEPS));

function valueAt(share) {
  const { curve } = state;
  return curve.length ? curve[Math.round(share * (curve.length - 1))] : (LOW_DB + HIGH_DB) / 2;
}

function onclick(x, y) {
  state.pen = null;
  ondrag(x, y, 1);
}

// Draws from the last position to this one, so that a quick stroke leaves no holes.
function ondrag(x, y, button) {
  if (state.source !== "drawn") return;
  const { x: left, y: top, w, h } = area();
  const step = Math.max(0, Math.min(STEPS - 1, Math.floor(((x - left) / w) * STEPS)));
  const value = HIGH_DB - (Math.max(0, Math.min(h, y - top)) / h) * (HIGH_DB - LOW_DB);
  state.drawing = beingDrawn();
  const [from, start] = state.pen || [step, value];
  for (let i = Math.min(from, step); i <= Math.max(from, step); i += 1)
    state.drawing[i] = from === step ? value : start + ((value - start) * (i - from)) / (step - from);
  state.pen = [step, value];
  mgraphics.redraw();
  if (!button) {
    state.pen = null;
    outlet(0, "drawn", ...state.drawing);
  }
}

// ---- drawing

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
const LIGHTS = { off: [0.5, 0.5, 0.5, 1], loading: [1, 0.75, 0.2, 1], ready: [0.35, 0.85, 0.45, 1],
  working: [0.35, 0.7, 1, 1], error: [1, 0.4, 0.35, 1] };

function paint() {
  const colors = palette();
  const [width, height] = mgraphics.size;
  block(0, 0, width, height, colors.ground, 3);
  const graph = area();
  drawGrid(graph, colors);
  drawCurve(graph, colors);
  drawProgress(graph, colors);
  drawStatus(width, colors);
  drawScores(width, height, colors);
}

function drawStatus(width, colors) {
  mgraphics.set_source_rgba(LIGHTS[state.kind] || LIGHTS.off);
  mgraphics.ellipse(7, 7, 7, 7);
  mgraphics.fill();
  const left = state.fraction >= 0 && state.left >= 0 ? `${Math.ceil(state.left)} s left` : "";
  const room = width - 24 - (left ? measure(left, 10) + 10 : 0);
  write(fitted(state.words, 10, room), 19, 14, 10, colors.text);
  if (left) write(left, width - 7 - measure(left, 10), 14, 10, faded(colors.text, 0.65));
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
    write(String(level), 5, at + 3, 8, faded(colors.text, 0.5));
  }
}

function drawCurve({ x, y, w, h }, colors) {
  const values = state.drawing || state.curve;
  if (!values.length) {
    const words = EMPTY_WORDS[state.source] || "";
    write(words, x + (w - measure(words, 10)) / 2, y + h / 2 + 3, 10, faded(colors.text, 0.6));
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
  const source = SOURCE_WORDS[state.source];
  write(source, 7, baseline, 9, faded(colors.text, 0.65));
  let right = width - 7;
  for (const [name, value] of chips().reverse()) {
    right -= measure(value, 9);
    write(value, right, baseline, 9, colors.other);
    right -= measure(name, 9) + 4;
    if (right < measure(source, 9) + 16) return;
    write(name, right, baseline, 9, faded(colors.text, 0.65));
    right -= 9;
  }
}

// While working the losses, afterwards the scores.
function chips() {
  if (state.fraction >= 0) {
    const rows = [];
    for (let i = 0; i + 1 < state.losses.length; i += 2) rows.push([String(state.losses[i]), Number(state.losses[i + 1]).toFixed(2)]);
    return rows;
  }
  return SCORE_NAMES.filter(([key]) => state.scores[key] !== undefined)
    .map(([key, name, show]) => [name, show(state.scores[key])]);
}

// ---- pen

function block(x, y, w, h, fill, rounded = 0) {
  mgraphics.set_source_rgba(fill);
  if (rounded) mgraphics.rectangle_rounded(x, y, w, h, rounded * 2, rounded * 2);
  else mgraphics.rectangle(x, y, w, h);
  mgraphics.fill();
}

function measure(text, size) {
  mgraphics.select_font_face(FONT);
  mgraphics.set_font_size(size);
  return mgraphics.text_measure(text)[0];
}

function fitted(text, size, room) {
  if (measure(text, size) <= room) return text;
  let short = text;
  while (short && measure(`${short}…`, size) > room) short = short.slice(0, -1);
  return `${short.trimEnd()}…`;
}

function write(text, x, y, size, ink) {
  mgraphics.select_font_face(FONT);
  mgraphics.set_font_size(size);
  mgraphics.set_source_rgba(ink);
  mgraphics.move_to(x, y);
  mgraphics.show_text(text);
}
