// The Max objects that the device uses, as their reference describes them.
import dgram from "node:dgram";
import vm from "node:vm";
import { makeApi } from "./live_api.mjs";
import { decode, encode } from "./osc.mjs";

const MAX_PACKET_BYTES = 5096; // udpsend's default

const silent = () => ({ take() {} });
const isNumber = (value) => typeof value === "number";

// A control with a value: a number or `assign` moves it, `set` does so silently, `outputvalue` tells it.
function control(patch, box) {
  const initial = box.saved_attribute_attributes.valueof.parameter_initial;
  return {
    value: initial ? initial[0] : 0,
    active: 1,
    take([first, second]) {
      if (isNumber(first)) this.value = first;
      else if (first === "set") return void (this.value = second);
      else if (first === "active") return void (this.active = second);
      else if (first !== "outputvalue") return patch.problems.push(`${box.id} does not understand ${first}`);
      return patch.out(box, 0, [this.value]);
    },
  };
}

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

export const KINDS = {
  "live.dial": control,
  "live.numbox": control,
  "live.menu": control,
  "live.tab": control,
  "live.text": control,
  "live.comment": (_patch, box) => ({
    text: box.text,
    take([first, ...words]) {
      if (first === "set") this.text = words.join(" ");
    },
  }),
  "live.banks": silent,
  panel: silent,
  "plugin~": silent,
  "plugout~": silent,
  "live.thisdevice": silent,
  "line~": (_patch) => ({ take([value]) { this.value = value; } }),
  "*~": silent,
  "wave~": silent,
  "phasor~": () => ({ said: [], take(message) { this.said.push(message); } }),

  "buffer~": (patch, box) => ({
    take([first, path]) {
      if (first !== "replace") return patch.problems.push(`buffer~ does not understand ${first}`);
      this.path = path;
      patch.clock.after(5, () => patch.out(box, 1, ["bang"]));
      return undefined;
    },
  }),

  "dspstate~": (patch, box) => ({
    take() {
      patch.out(box, 1, [patch.sampleRate]);
      patch.out(box, 0, [patch.audio ? 1 : 0]);
    },
  }),

  delay: (patch, box) => ({
    take([first]) {
      patch.unschedule(this.timer);
      if (first === "bang") this.timer = patch.schedule(Number(box.text.split(" ")[1]), () => patch.out(box, 0, ["bang"]));
    },
  }),

  umenu: (patch, box) => ({
    items: [...box.items],
    index: 0,
    disabled: new Set(),
    take([first, second, third]) {
      if (isNumber(first)) {
        this.index = first;
        patch.out(box, 0, [first]);
      } else if (first === "clear") Object.assign(this, { items: [], disabled: new Set() });
      else if (first === "append") this.items.push(String(second));
      else if (first === "set") this.index = second;
      else if (first === "enableitem" && third === 0) this.disabled.add(second);
      else if (first === "textcolor") this.ink = second;
      else patch.problems.push(`umenu does not understand ${first}`);
    },
  }),

  textedit: (patch, box) => ({
    text: "",
    take([first, ...words]) {
      if (first === "set") this.text = words.join(" ");
      else if (first === "textcolor") [this.ink] = words;
      else if (first === "bang") this.report();
    },
    report() {
      patch.out(box, 0, this.text || !patch.bareText ? ["text", this.text] : ["text"]);
    },
  }),

  // A bang is answered with the words and the word `bang` behind them.
  prepend: (patch, box) => ({
    take: (message) => patch.out(box, 0, [...box.text.split(" ").slice(1), ...message]),
  }),

  message: (patch, box) => ({
    take([first]) {
      const words = box.text.split(" ").map((word) => (word === "$1" ? first : isNaN(Number(word)) ? word : Number(word)));
      patch.out(box, 0, words);
    },
  }),

  route: (patch, box) => {
    const words = box.text.split(" ").slice(1);
    return {
      take([first, ...rest]) {
        const outlet = words.indexOf(first);
        if (outlet < 0) patch.out(box, words.length, [first, ...rest]);
        else patch.out(box, outlet, rest.length ? rest : ["bang"]);
      },
    };
  },

  t: (patch, box) => {
    const outlets = box.text.split(" ").slice(1);
    return {
      take() {
        for (let i = outlets.length - 1; i >= 0; i -= 1) patch.out(box, i, ["bang"]);
      },
    };
  },

  deferlow: (patch, box) => ({
    take(message) {
      patch.clock.soon(() => patch.out(box, 0, message));
    },
  }),

  // `assign` is documented for one number; anything else that is sent is stored whole, with an undo step.
  pattr: (patch, box) => ({
    value: null,
    writes: 0,
    undoSteps: 0,
    take([first, ...rest]) {
      if (first === "assign") {
        this.writes += 1;
        const numbers = rest.filter(isNumber);
        this.value = patch.assignKeeps === "all" ? rest : numbers.length ? [numbers[0]] : [0];
      } else if (first !== "bang") {
        this.writes += 1;
        this.undoSteps += 1;
        this.value = [first, ...rest];
      }
      if (this.value) patch.out(box, 0, this.value);
    },
    restore(value) {
      this.value = value;
      if (value) patch.out(box, 0, value);
    },
  }),

  udpsend: (patch, box) => {
    const socket = patch.wire ? null : dgram.createSocket("udp4");
    const to = { host: box.text.split(" ")[1], port: Number(box.text.split(" ")[2]) };
    return {
      take([first, ...args]) {
        if (first === "port" || first === "host") return void (to[first] = args[0]);
        if (!String(first).startsWith("/")) return patch.problems.push(`udpsend got ${first}`);
        const datagram = encode(first, args);
        if (datagram.length > MAX_PACKET_BYTES) return patch.problems.push(`${first} has ${datagram.length} bytes`);
        patch.seen.push({ path: first, args, port: to.port });
        if (patch.lose({ path: first, args, out: true })) return undefined;
        if (patch.wire) patch.wire.take(patch, decode(datagram), to.port);
        else socket.send(datagram, to.port, to.host);
        return undefined;
      },
      close: () => socket?.close(),
    };
  },

  // Only one process may have a port: a second one fails without a word.
  udpreceive: (patch, box) => {
    let socket = null;
    return {
      ports: [],
      take([first, port]) {
        if (first !== "port") return;
        this.port = port;
        this.ports.push(port);
        if (patch.wire) return;
        socket?.close();
        const own = dgram.createSocket("udp4");
        own.on("error", () => {});
        own.on("message", (data) => {
          const { path, args } = decode(data);
          if (own === socket && !patch.lose({ path, args, out: false })) patch.out(box, 0, [path, ...args]);
        });
        own.bind({ port, address: "127.0.0.1", exclusive: true });
        socket = own;
      },
      hear: (path, args) => patch.out(box, 0, [path, ...args]),
      close: () => socket?.close(),
    };
  },

  v8: (patch, box) => ({
    start() {
      this.context = vm.createContext({
        LiveAPI: makeApi(patch.live, patch.device), Date: { now: () => patch.clock.now() }, messagename: "",
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
