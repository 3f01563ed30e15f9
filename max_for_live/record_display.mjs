// Runs the display's script as Max would and records what it draws, for `face_picture.py`.
// stdin: {script, size, messages, colors, widths}; stdout: a list of drawing operations.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const { script, size, messages, colors, widths } = JSON.parse(readFileSync(0, "utf8"));
const operations = [];
let path = [];
let ink = [0, 0, 0, 1];
let lineWidth = 1;
let fontSize = 10;

const record = (operation) => {
  operations.push(operation);
  path = [];
};
const mgraphics = {
  size, init() {}, redraw() {}, select_font_face() {},
  set_font_size: (value) => void (fontSize = value),
  set_source_rgba: (value) => void (ink = value),
  set_line_width: (value) => void (lineWidth = value),
  move_to: (x, y) => path.push({ kind: "move", x, y }),
  line_to: (x, y) => path.push({ kind: "line", x, y }),
  close_path: () => path.push({ kind: "close" }),
  rectangle: (x, y, w, h) => path.push({ kind: "rectangle", x, y, w, h, round: 0 }),
  rectangle_rounded: (x, y, w, h, across) => path.push({ kind: "rectangle", x, y, w, h, round: across / 2 }),
  ellipse: (x, y, w, h) => path.push({ kind: "ellipse", x, y, w, h }),
  fill: () => record({ kind: "fill", path, ink }),
  stroke: () => record({ kind: "stroke", path, ink, width: lineWidth }),
  text_measure: (text) => [[...text].reduce((sum, letter) => sum + (widths[letter] ?? widths.n), 0) * fontSize, fontSize],
  show_text: (text) => record({ kind: "text", text, ink, size: fontSize, x: path.at(-1).x, y: path.at(-1).y }),
};

const context = vm.createContext({ mgraphics, max: { getcolor: (name) => colors[name] }, messagename: "", outlet() {} });
vm.runInContext(script, context);
for (const [name, ...args] of messages) {
  context.messagename = name;
  context.anything(...args);
}
context.paint();
process.stdout.write(JSON.stringify(operations));
