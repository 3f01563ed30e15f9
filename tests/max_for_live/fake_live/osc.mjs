// OSC as Max speaks it: numbers without a fraction are ints, others are 32-bit floats, all else is a string.
const padded = (text) => {
  const bytes = Buffer.from(`${text}\0`, "utf8");
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
};

export function encode(path, args) {
  const tags = args.map((value) => (typeof value === "number" ? (Number.isInteger(value) ? "i" : "f") : "s")).join("");
  const parts = args.map((value, i) => {
    if (tags[i] === "s") return padded(String(value));
    const bytes = Buffer.alloc(4);
    if (tags[i] === "i") bytes.writeInt32BE(value);
    else bytes.writeFloatBE(value);
    return bytes;
  });
  return Buffer.concat([padded(path), padded(`,${tags}`), ...parts]);
}

export function decode(data) {
  let at = 0;
  const text = () => {
    const end = data.indexOf(0, at);
    const value = data.toString("utf8", at, end);
    at = end + 4 - (end % 4);
    return value;
  };
  const path = text();
  const args = [...text().slice(1)].map((tag) => {
    if (tag === "s") return text();
    at += 4;
    return tag === "i" ? data.readInt32BE(at - 4) : data.readFloatBE(at - 4);
  });
  return { path, args };
}
