// Runs a built `.amxd`: its boxes, its cords and the JavaScript that it carries. Messages go where the cords of
// the file lead and nowhere else; only the objects that the device uses are known here.
import dgram from "node:dgram";
import { readFileSync } from "node:fs";
import vm from "node:vm";
import { decode, encode } from "./osc.mjs";

const MAX_PACKET_BYTES = 5096; // udpsend's default

// The patcher's JSON out of the container.
export function readDevice(path) {
  const data = readFileSync(path);
  let at = 0;
  while (at < data.length) {
    const [tag, size] = [data.toString("latin1", at, at + 4), data.readUInt32LE(at + 4)];
    if (tag === "ptch") return JSON.parse(data.toString("utf8", at + 8, at + 8 + size).replace(/\0$/, "")).patcher;
    at += 8 + size;
  }
  throw new Error("no ptch chunk");
}

export class Patch {
  // `lose(datagram)` decides which datagrams vanish; `stored` is what the set gives back to `pattr`.
  // `ports` puts the tests' own ports where the table has the usual ones, so that no other bridge is met.
  constructor(path, { live, device, lose = () => false, stored = null, ports = null } = {}) {
    const patcher = readDevice(path);
    Object.assign(this, { live, device, lose, stored, ports, seen: [], sockets: [], timers: new Set(), problems: [], shown: [] });
    this.boxes = new Map(patcher.boxes.map(({ box }) => [box.id, this.make(box)]));
    this.cords = patcher.lines.map(({ patchline: { source, destination } }) => ({ source, destination }));
    for (const object of this.boxes.values()) object.start?.();
  }

  make(box) {
    const name = box.maxclass === "newobj" ? box.text.split(" ")[0] : box.maxclass;
    const kind = KINDS[name];
    if (!kind) throw new Error(`the fake patcher does not know ${name}`);
    const object = kind(this, box);
    object.box = box;
    return object;
  }

  // Right to left, as Max does: the cords of one outlet by where their targets sit (here: in order of the file).
  out(box, outlet, message) {
    for (const { source, destination } of this.cords)
      if (source[0] === box.id && source[1] === outlet) this.boxes.get(destination[0]).take(message, destination[1]);
  }

  withPorts(text) {
    if (!this.ports) return text;
    const { osc, reply } = this.ports;
    return text.replace(/"osc_port": \d+/, `"osc_port": ${osc}`).replace(/"reply_ports": \[[^\]]*\]/, `"reply_ports": [${reply}]`);
  }

  find(key) {
    return this.boxes.get(`obj-${key}`);
  }

  // Live has loaded the device: values come back, then live.thisdevice speaks.
  load() {
    this.find("kept").restore(this.stored);
    this.out(this.find("thisdevice").box, 0, ["bang"]);
  }

  // What a hand does.
  move(key, value) {
    this.find(key).take([value], 0);
  }

  press(key) {
    this.out(this.find(key).box, 0, ["bang"]);
  }

  pick(key, label) {
    const menu = this.find(key);
    const index = menu.items.indexOf(label);
    if (index < 0) throw new Error(`${key} has no ${label}; it has ${menu.items.join(", ")}`);
    if (menu.disabled.has(index)) throw new Error(`${label} is greyed out`);
    menu.take([index], 0);
  }

  type(words) {
    const prompt = this.find("prompt");
    prompt.text = words;
    prompt.report();
  }

  close() {
    for (const timer of this.timers) clearTimeout(timer);
    for (const object of this.boxes.values()) object.close?.();
  }

  get status() {
    return this.find("display").state?.words;
  }
}

const silent = () => ({ take() {} });
const isNumber = (value) => typeof value === "number";

// A control with a value: a number or `assign` moves it, `set` does so silently, `outputvalue` tells it.
function control(patch, box) {
  const initial = box.saved_attribute_attributes.valueof.parameter_initial;
  return {
    value: initial ? initial[0] : 0,
    take([first, second]) {
      if (isNumber(first)) this.value = first;
      else if (first === "set") return void (this.value = second);
      else if (first !== "outputvalue") return patch.problems.push(`${box.id} does not understand ${first}`);
      return patch.out(box, 0, [this.value]);
    },
  };
}

const KINDS = {
  "live.dial": control,
  "live.numbox": control,
  "live.menu": control,
  "live.tab": control,
  "live.text": control,
  "live.comment": () => ({
    take([first, ...words]) {
      if (first === "set") this.text = words.join(" ");
    },
  }),
  "live.banks": silent,
  panel: silent,
  "plugin~": silent,
  "plugout~": silent,
  "live.thisdevice": silent,

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
      else patch.problems.push(`umenu does not understand ${first}`);
    },
  }),

  textedit: (patch, box) => ({
    text: "",
    take([first, ...words]) {
      if (first === "set") this.text = words.join(" ");
      else if (first === "bang") this.report();
    },
    report() {
      patch.out(box, 0, ["text", this.text]);
    },
  }),

  prepend: (patch, box) => ({
    take: (message) => patch.out(box, 0, [...box.text.split(" ").slice(1), ...message]),
  }),

  message: (patch, box) => ({
    take: () => patch.out(box, 0, box.text.split(" ")),
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
      setImmediate(() => patch.out(box, 0, message));
    },
  }),

  pattr: (patch, box) => ({
    value: null,
    writes: 0,
    take([first, ...rest]) {
      if (first === "assign") {
        this.value = rest;
        this.writes += 1;
      }
      if (this.value) patch.out(box, 0, this.value);
    },
    restore(value) {
      this.value = value;
      if (value) patch.out(box, 0, value);
    },
  }),

  udpsend: (patch, box) => {
    const socket = dgram.createSocket("udp4");
    const to = { host: box.text.split(" ")[1], port: Number(box.text.split(" ")[2]) };
    return {
      take([first, ...args]) {
        if (first === "port" || first === "host") return void (to[first] = args[0]);
        if (!String(first).startsWith("/")) return patch.problems.push(`udpsend got ${first}`);
        const datagram = encode(first, args);
        if (datagram.length > MAX_PACKET_BYTES) return patch.problems.push(`${first} has ${datagram.length} bytes`);
        patch.seen.push({ path: first, args, port: to.port });
        if (!patch.lose({ path: first, args, out: true })) socket.send(datagram, to.port, to.host);
        return undefined;
      },
      close: () => socket.close(),
    };
  },

  // Only one process may have a port: a second one fails without a word.
  udpreceive: (patch, box) => {
    let socket = null;
    return {
      take([first, port]) {
        if (first !== "port") return;
        socket?.close();
        const own = dgram.createSocket("udp4");
        own.on("error", () => {});
        own.on("message", (data) => {
          const { path, args } = decode(data);
          if (own === socket && !patch.lose({ path, args, out: false })) patch.out(box, 0, [path, ...args]);
        });
        own.bind({ port, address: "127.0.0.1", exclusive: true });
        socket = own;
        this.port = port;
      },
      close: () => socket?.close(),
    };
  },

  v8: (patch, box) => ({
    start() {
      this.context = vm.createContext({
        LiveAPI: patch.live.api(patch.device), Date, messagename: "",
        Task: class {
          constructor(work) {
            this.work = work;
          }

          schedule(ms) {
            this.timer = setTimeout(() => {
              patch.timers.delete(this.timer);
              this.work();
            }, ms);
            patch.timers.add(this.timer);
          }

          cancel() {
            clearTimeout(this.timer);
            patch.timers.delete(this.timer);
          }
        },
        outlet: (index, ...message) => patch.out(box, index, message),
      });
      vm.runInContext(patch.withPorts(box.textfile.text), this.context, { filename: "Ditto Live.js" });
      if (this.context.outlets !== box.numoutlets) patch.problems.push("v8 has other outlets than its box");
    },
    take([name, ...args]) {
      this.context.messagename = name;
      this.context.anything(...args);
    },
  }),

  v8ui: (patch, box) => ({
    start() {
      const [, , width, height] = box.presentation_rect;
      this.context = vm.createContext({
        mgraphics: { init() {}, redraw() {}, size: [width, height] }, messagename: "",
        outlet: (index, ...message) => patch.out(box, index, message),
      });
      vm.runInContext(`${box.textfile.text}\nglobalThis.displayState = state;`, this.context, { filename: "Display.js" });
    },
    get state() {
      return this.context.displayState;
    },
    take([name, ...args]) {
      patch.shown.push([name, ...args]);
      this.context.messagename = name;
      this.context.anything(...args);
    },
    drag(points) {
      points.forEach(([x, y], i) => (i ? this.context.ondrag(x, y, 1) : this.context.onclick(x, y)));
      const last = points[points.length - 1];
      this.context.ondrag(last[0], last[1], 0);
    },
  }),
};
