// The display in the middle of the face: the state in words, the intensity curve on the bar grid, progress, scores.
// Runs in a `v8ui`; draws with Live's own colours and lets the producer draw a curve with the mouse.
inlets = 1;
outlets = 1; // drawn v0 v1 ... : the drawing, in dB; inks r g b a r g b a : the theme's colours of texts, in use and not
autowatch = 0;

mgraphics.init();
mgraphics.relative_coords = 0;
mgraphics.autofill = 0;

const [LOW_DB, HIGH_DB] = CONTROL_RANGES.intensity;
const STEPS = 64; // of a drawing
const TOP = 20; // the status line
const BOTTOM = 16; // the scores
const LEFT = 22; // the dB scale
const FONT = "Ableton Sans Medium";
const SOURCE_WORDS = {
  dial: "Intensity dial", learn: "Learned lane", saved: "Lane in the saved set", velocity: "Clip velocities", drawn: "Drawn",
};
const EMPTY_WORDS = {
  learn: "Click a parameter that is automated, press Learn", saved: "Read from the set at each save",
  velocity: "Follows the melody clip's velocities", drawn: "Draw here", dial: "",
};
const SCORE_NAMES = [
  ["intensity_rho", "curve", (v) => v.toFixed(2)], ["melody_accuracy", "melody", (v) => `${Math.round(v * 100)} %`],
  ["rhythm_f1", "rhythm", (v) => v.toFixed(2)], ["seam_ratio", "seam", (v) => (v <= 1 ? "clean" : `${v.toFixed(1)}×`)],
];

const state = {
  kind: "off", words: "Ditto Live", curve: [], source: "dial", bars: 4, barBeats: 4, drawing: null,
  fraction: -1, left: -1, losses: [], scores: {}, verdicts: [], heard: -1, name: "", percent: false, enabled: true, read: false, inks: "",
};

// ---- messages

const MESSAGES = {
  status: (kind, words) => Object.assign(state, { kind, words, read: false }),
  source: (source, bars, barBeats, name = "", percent = 0) =>
    Object.assign(state, { source, bars, barBeats, name, percent: percent === 1 }),
  enabled: (on) => Object.assign(state, { enabled: on !== 0 }),
  curve: (...values) => Object.assign(state, { curve: values, drawing: null }),
  progress: (step, steps, left, ...losses) => Object.assign(state, { fraction: steps ? step / steps : -1, left, losses }),
  landing: () => Object.assign(state, { fraction: -1, losses: [], kind: "working", words: "Landing the clip …" }),
  idle: () => Object.assign(state, { fraction: -1, left: -1, losses: [] }),
  scores: (...pairs) => {
    state.scores = {};
    for (let i = 0; i + 1 < pairs.length; i += 2) state.scores[pairs[i]] = Number(pairs[i + 1]);
  },
  verdicts: (...rows) => {
    state.verdicts = [];
    for (let i = 0; i + 2 < rows.length; i += 3) state.verdicts.push(rows.slice(i, i + 3).map(String));
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
  state.read = true; // words that lie over the curve make room
  ondrag(x, y, 1);
}

// Draws from the last position to this one, so that a quick stroke leaves no holes.
function ondrag(x, y, button) {
  state.source = "drawn"; // a stroke is the wish to draw; the script moves the tab
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
