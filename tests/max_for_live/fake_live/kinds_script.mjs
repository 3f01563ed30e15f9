// The scripts, each in a context that has what Max gives it.
import vm from "node:vm";
import { makeApi } from "./live_api.mjs";

// Messages that Max's reference lists as the objects' own: they load, print or change the script and never reach it.
const MAXS_OWN = ["array", "assiststr", "compile", "delprop", "getprop", "jsfile", "loadbang", "open", "read", "setprop",
  "string", "wclose"];

// A canvas that takes every call of mgraphics and remembers the texts.
function canvas(width, height) {
  const texts = [];
  const known = ["set_source_rgba", "rectangle", "rectangle_rounded", "ellipse", "fill", "stroke", "move_to", "line_to",
    "close_path", "set_line_width", "select_font_face", "set_font_size", "init", "redraw"];
  return {
    ...Object.fromEntries(known.map((name) => [name, () => {}])), size: [width, height], texts,
    text_measure: (text) => [text.length * 5, 10],
    show_text: (text) => texts.push(text),
  };
}

export const SCRIPTS = {
  v8: (patch, box) => ({
    start() {
      this.context = vm.createContext({
        LiveAPI: makeApi(patch.live, patch.device), Date: { now: () => patch.clock.now() + patch.clockSet }, messagename: "",
        Task: class {
          constructor(work) {
            patch.tasks += 1;
            this.work = work;
          }

          schedule(ms) {
            patch.unschedule(this.timer);
            this.timer = patch.schedule(ms, () => this.work());
          }

          cancel() {
            patch.unschedule(this.timer);
          }
        },
        outlet: (index, ...message) => patch.out(box, index, message),
      });
      vm.runInContext(patch.withPorts(box.textfile.text), this.context, { filename: "Ditto Live.js" });
      if (this.context.outlets !== box.numoutlets) patch.problems.push("v8 has other outlets than its box");
    },
    take([name, ...args]) {
      if (name === "bang") return patch.problems.push("v8 got a bang");
      if (MAXS_OWN.includes(name)) return patch.problems.push(`v8 takes ${name} for itself`);
      this.context.messagename = name;
      this.context.anything(...args);
      return undefined;
    },
    close() {
      this.context.notifydeleted();
    },
  }),

  v8ui: (patch, box) => ({
    theme: { live_control_fg: [0.7, 0.7, 0.7, 1], live_control_fg_zombie: [0.4, 0.4, 0.4, 1], live_lcd_bg: [0.1, 0.1, 0.1, 1] },
    start() {
      const [, , width, height] = box.presentation_rect;
      this.canvas = canvas(width, height);
      this.context = vm.createContext({
        mgraphics: this.canvas, messagename: "", max: { getcolor: (name) => this.theme[name] },
        outlet: (index, ...message) => patch.out(box, index, message),
      });
      vm.runInContext(`${box.textfile.text}\nglobalThis.displayState = state;`, this.context, { filename: "Display.js" });
    },
    get state() {
      return this.context.displayState;
    },
    // The texts as they are drawn now.
    get texts() {
      this.canvas.texts.length = 0;
      this.context.paint();
      return [...this.canvas.texts];
    },
    take([name, ...args]) {
      if ([...MAXS_OWN, "size"].includes(name)) return void patch.problems.push(`v8ui takes ${name} for itself`);
      patch.shown.push([name, ...args]);
      this.context.messagename = name;
      this.context.anything(...args);
      this.context.paint();
    },
    drag(points) {
      points.forEach(([x, y], i) => (i ? this.context.ondrag(x, y, 1) : this.context.onclick(x, y)));
      const last = points[points.length - 1];
      this.context.ondrag(last[0], last[1], 0);
    },
  }),
};
