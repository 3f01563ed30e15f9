// Canvases in CSS pixels, sharp on every screen, and the page's colours.

/** Sizes a canvas to its box and returns its context, whose unit is one CSS pixel, with width and height. */
export function fitted(canvas) {
  const ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** Returns a colour of the page's palette. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
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
  new ResizeObserver(draw).observe(canvas);
}
