// Canvases in CSS pixels, sharp on every screen, and the page's colours.

const sizes = new WeakMap(); // of canvases that are watched: asking for a box lays the whole page out again

/** Sizes a canvas to its box and returns its empty context, whose unit is one CSS pixel, with width and height. */
export function fitted(canvas) {
  const found = surface(canvas);
  found.context.clearRect(0, 0, found.width, found.height);
  return found;
}

/** The same with what was drawn before, if the box is as it was; `fresh` says that it is not. */
export function surface(canvas) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = sizes.get(canvas) ?? [canvas.clientWidth, canvas.clientHeight];
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  const fresh = canvas.width !== wide || canvas.height !== high;
  if (fresh) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { context, width, height, fresh };
}

const colours = new Map(); // asking for a style costs more than drawing with it
addEventListener("ditto-theme", () => colours.clear());

/** Returns a colour of the page's palette. */
export function colour(name) {
  if (!colours.has(name)) colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return colours.get(name);
}

/** Draws bar and beat lines over the width. */
export function grid(context, width, height, beats, beatsPerBar) {
  const step = beats > 48 ? beatsPerBar : 1;
  context.lineWidth = 1;
  for (let beat = 0; beat <= beats; beat += step) {
    const bar = Math.abs(beat / beatsPerBar - Math.round(beat / beatsPerBar)) < 1e-6;
    context.strokeStyle = colour(bar ? "edge" : "line");
    context.globalAlpha = bar ? 0.55 : 0.8;
    context.beginPath();
    const x = Math.round((beat / beats) * width) + 0.5;
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** Calls `draw` once before the next frame, however often it is asked for. */
export function onFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

/** Fits again when the canvas's box changes. */
export function watchSize(canvas, draw) {
  new ResizeObserver(([{ contentRect: box }]) => {
    sizes.set(canvas, [Math.round(box.width), Math.round(box.height)]);
    draw();
  }).observe(canvas);
}
