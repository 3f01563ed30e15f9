// Draws a take: its wave, its spectrum, and the lines that were asked for and heard over each other.

import { colour, fitted, grid } from "./canvas.js";

/** Draws the outline of the sound: the lowest and the highest value of each column. */
export function drawWave(canvas, [low, high]) {
  const { context, width, height } = fitted(canvas);
  const middle = height / 2;
  const loudest = Math.max(0.05, ...high, ...low.map(Math.abs));
  const y = (value) => middle - (value / loudest) * (middle - 2);
  context.fillStyle = colour("heard");
  context.beginPath();
  high.forEach((value, i) => context.lineTo((i / high.length) * width, y(value)));
  for (let i = low.length - 1; i >= 0; i--) context.lineTo((i / low.length) * width, y(low[i]));
  context.globalAlpha = 0.85;
  context.fill();
  context.globalAlpha = 1;
}

/** Draws a spectrum whose shades 0..255 come as base64, lowest band first. */
export function drawSpectrum(canvas, { rows, columns, shade }) {
  const bytes = Uint8Array.from(atob(shade), (letter) => letter.charCodeAt(0));
  const image = new ImageData(columns, rows);
  const dark = document.documentElement.dataset.theme !== "light";
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const light = (bytes[row * columns + column] / 255) ** 1.6;
      const place = ((rows - 1 - row) * columns + column) * 4;
      image.data.set(ramp(light, dark), place);
    }
  const small = new OffscreenCanvas(columns, rows);
  small.getContext("2d").putImageData(image, 0, 0);
  const { context, width, height } = fitted(canvas);
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, width, height);
}

function ramp(light, dark) {
  const mix = (from, to) => Math.round(from + (to - from) * light);
  if (!dark) return [mix(250, 11), mix(248, 60 + 57 * (1 - light)), mix(243, 84), 255];
  const warm = Math.max(0, light - 0.6) / 0.4;
  return [Math.round(16 + 37 * light + 190 * warm * light), mix(19, 214), mix(23, 170 - 60 * warm), 255];
}

/** Draws the lines of one control: asked in orange, heard in teal; or its notes, or its hits. */
export function drawControl(canvas, control, take) {
  const { context, width, height } = fitted(canvas);
  grid(context, width, height, take.beats, take.beats_per_bar);
  if (control.asked) {
    const all = [...control.asked, ...control.heard].filter((value) => value > -59);
    const low = Math.min(...all) - 2;
    const high = Math.max(...all) + 2;
    line(context, control.asked, low, high, width, height, colour("asked"), 2.5);
    line(context, control.heard, low, high, width, height, colour("heard"), 1.75);
  }
  if (control.notes?.length) drawNotes(context, control.notes, take.beats, width, height);
  context.fillStyle = colour("asked");
  control.onsets?.forEach(([beat, strength]) => {
    const tall = (height - 8) * strength;
    context.fillRect((beat / take.beats) * width, height - 4 - tall, 3, tall);
  });
}

function line(context, values, low, high, width, height, stroke, thick) {
  context.strokeStyle = stroke;
  context.lineWidth = thick;
  context.lineJoin = "round";
  context.beginPath();
  values.forEach((value, i) =>
    context.lineTo((i / (values.length - 1)) * width, height - ((Math.max(value, low) - low) / (high - low)) * height),
  );
  context.stroke();
}

function drawNotes(context, notes, beats, width, height) {
  const pitches = notes.map(([pitch]) => pitch);
  const low = Math.min(...pitches) - 2;
  const tall = height / (Math.max(...pitches) - low + 2);
  context.fillStyle = colour("asked");
  notes.forEach(([pitch, start, duration]) =>
    context.fillRect((start / beats) * width, height - (pitch - low + 1) * tall, Math.max((duration / beats) * width - 1, 2), Math.max(tall - 1, 2)),
  );
}

/** Draws how the losses fell, each against its first value, on a scale of three powers of ten. */
export function drawLosses(canvas, losses) {
  const { context, width, height } = fitted(canvas);
  const names = Object.keys(losses[losses.length - 1] ?? {});
  names.forEach((name, i) => {
    const values = losses.map((loss) => loss[name]).filter(Number.isFinite); // before the search there are none
    const first = Math.max(values[0], 1e-9);
    context.strokeStyle = colour(i % 2 ? "asked" : "heard");
    context.lineWidth = 1.75;
    context.beginPath();
    values.forEach((value, step) => {
      const share = Math.min(Math.max(Math.log10(value / first + 1e-3) / 3 + 1, 0), 1.05);
      context.lineTo((step / Math.max(values.length - 1, 8)) * width, height - 2 - share * (height - 6));
    });
    context.stroke();
  });
}
