// Runs a built `.amxd`: its boxes, its cords and the JavaScript that it carries. Messages go where the cords of
// the file lead and nowhere else; only the objects that the device uses are known here (kinds.mjs).
import { readFileSync } from "node:fs";
import { KINDS } from "./kinds.mjs";

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
  // `lose(datagram)` decides which datagrams vanish; `stored` is what the set gives back: parameters by key, and what
  // the `pattr` objects hold. `ports` puts the tests' own ports where the table has the usual ones, so that no other
  // bridge is met; `wire` takes the place of the sockets. `audio` is whether Live's audio is on: without it no timer
  // runs. `assignKeeps`: what `assign` keeps of a list, "all", or only one number as documented ("float").
  // `bareText`: an empty textedit sends the word `text` alone.
  constructor(path, {
    live, device, lose = () => false, stored = null, ports = null, wire = null, audio = true, assignKeeps = "float",
    bareText = true, sampleRate = 44100,
  } = {}) {
    const patcher = readDevice(path);
    Object.assign(this, {
      live, device, lose, stored, ports, wire, audio, assignKeeps, bareText, sampleRate, clock: live.clock,
      seen: [], timers: new Set(), waiting: [], problems: [], shown: [], tasks: 0,
      clockSet: 0, // by how much the computer's clock was set since
    });
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

  // Right to left, and from the bottom up, by where the targets of one outlet sit, as Max does.
  out(box, outlet, message) {
    const place = ({ destination }) => this.boxes.get(destination[0]).box.patching_rect;
    const cords = this.cords.filter(({ source }) => source[0] === box.id && source[1] === outlet)
      .sort((a, b) => place(b)[0] - place(a)[0] || place(b)[1] - place(a)[1]);
    for (const { destination } of cords) this.boxes.get(destination[0]).take(message, destination[1]);
  }

  // A timer of Max's low-priority scheduler, which stands still while Live's audio is off.
  schedule(ms, work) {
    const timer = {
      run: () => {
        if (!this.audio) return void this.waiting.push(timer);
        this.timers.delete(timer);
        return work();
      },
    };
    timer.handle = this.clock.after(ms, timer.run);
    this.timers.add(timer);
    return timer;
  }

  unschedule(timer) {
    if (!timer) return;
    this.clock.cancel(timer.handle);
    this.timers.delete(timer);
    this.waiting = this.waiting.filter((other) => other !== timer);
  }

  turnAudio(on) {
    this.audio = on;
    if (!on) return;
    for (const timer of this.waiting.splice(0)) timer.handle = this.clock.after(0, timer.run);
  }

  withPorts(text) {
    if (!this.ports) return text;
    const { osc, reply } = this.ports;
    return text.replace(/"osc_port": \d+/, `"osc_port": ${osc}`).replace(/"reply_ports": \[[^\]]*\]/, `"reply_ports": [${reply}]`);
  }

  find(key) {
    return this.boxes.get(`obj-${key}`);
  }

  // Live has loaded the device: parameters and values come back, then live.thisdevice speaks.
  load() {
    const { parameters = {}, ...values } = this.stored ?? {};
    for (const [key, value] of Object.entries(parameters)) this.find(key).take([value], 0);
    for (const [key, value] of Object.entries(values)) this.find(key)?.restore(value);
    this.speak();
  }

  // live.thisdevice: its outlets from right to left.
  speak() {
    const { box } = this.find("thisdevice");
    this.out(box, 2, [0]);
    this.out(box, 1, [1]);
    this.out(box, 0, ["bang"]);
  }

  enable(on) {
    this.out(this.find("thisdevice").box, 1, [on ? 1 : 0]);
  }

  // What a set keeps of the device.
  get saved() {
    const kept = [...this.boxes.values()].filter(({ box }) => box.text?.startsWith("pattr"));
    const parameters = [...this.boxes.values()].filter(({ box, value }) => value !== undefined
      && box.saved_attribute_attributes?.valueof?.parameter_invisible < 2 && box.maxclass.startsWith("live."));
    return {
      parameters: Object.fromEntries(parameters.map(({ box, value }) => [box.id.slice(4), value])),
      ...Object.fromEntries(kept.map(({ box, value }) => [box.id.slice(4), value])),
    };
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
    const index = typeof label === "number" ? label : menu.items.indexOf(label);
    if (index < 0) throw new Error(`${key} has no ${label}; it has ${menu.items.join(", ")}`);
    if (menu.disabled.has(index)) throw new Error(`${label} is greyed out`);
    menu.take([index], 0);
  }

  type(words) {
    const prompt = this.find("prompt");
    prompt.text = words;
    prompt.report();
  }

  // The device is taken off its track, or the set is closed.
  close() {
    for (const object of this.boxes.values()) object.close?.();
    for (const timer of [...this.timers]) this.unschedule(timer);
  }

  get status() {
    return this.find("display").state?.words;
  }
}
