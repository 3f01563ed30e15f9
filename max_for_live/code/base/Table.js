// The OSC table (`addresses.json`, put in by the build): what may be sent, and what came in.
class Table {
  constructor(table) {
    this.protocol = table.protocol;
    this.ports = Array.from({ length: table.osc_port_tries }, (_, i) => table.osc_port + i);
    this.replyPorts = table.reply_ports;
    this.rows = new Map(table.addresses.map((row) => [row.path, row]));
  }

  // Returns the arguments as they travel; throws when they do not fit the row.
  outgoing(path, args) {
    const row = this.rows.get(path);
    if (!row || row.sender !== "device") throw new Error(`${path} is not a message of the device`);
    const slots = Table.slots(row, args.length);
    if (slots.length !== args.length) throw new Error(`${path} has ${args.length} arguments`);
    return args.map((value, i) => Table.encode(slots[i], value, path));
  }

  // Returns an object of the named arguments, with the repeated group as `rest`, or null for a foreign message.
  incoming(path, args) {
    const row = this.rows.get(path);
    if (!row || row.sender !== "bridge" || args.length < row.arguments.length) return null;
    const message = { address: path, rest: [] };
    row.arguments.forEach((argument, i) => (message[argument.name] = Table.decode(argument, args[i])));
    const size = row.repeat.length;
    for (let i = row.arguments.length; size && i + size <= args.length; i += size)
      message.rest.push(row.repeat.map((argument, j) => Table.decode(argument, args[i + j])));
    return message;
  }

  static slots(row, count) {
    const slots = [...row.arguments], last = row.last ? [row.last] : [];
    while (row.repeat.length && slots.length + row.repeat.length + last.length <= count) slots.push(...row.repeat);
    return [...slots, ...last];
  }

  static encode(argument, value, path) {
    if (argument.tag === "s") return encodeText(String(value));
    const number = argument.tag === "i" ? Math.round(value) : value;
    const { low = -Infinity, high = Infinity } = argument;
    if (!(number >= low && number <= high)) throw new Error(`${argument.name} of ${path} is ${value}`);
    return number;
  }

  static decode(argument, value) {
    return argument.tag === "s" ? decodeText(String(value)) : Number(value);
  }
}

// Max's OSC strings are ASCII: anything else, and `%` itself, travels as percent-encoded UTF-8.
const encodeText = (text) => wellFormed(text).replace(/[^\x20-\x7e]|%/gu, encodeURIComponent);

// Half a letter, as a paste or a cut inside an emoji leaves it, has no UTF-8 and makes `encodeURIComponent` throw.
const HALF_LETTER = /[\ud800-\udfff]/gu; // by `u` a whole pair is one letter, and not in this range
const wellFormed = (text) => text.replace(HALF_LETTER, "\ufffd");

function decodeText(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % from somebody else
  }
}
