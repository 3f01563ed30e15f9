// Samples, rate and seconds of a WAV file, or null.
import { existsSync, readFileSync } from "node:fs";

export function wavFacts(path) {
  if (!existsSync(path)) return null;
  const data = readFileSync(path);
  if (data.toString("latin1", 0, 4) !== "RIFF") return null;
  let at = 12;
  let rate = 0;
  let frame = 0;
  while (at + 8 <= data.length) {
    const [tag, size] = [data.toString("latin1", at, at + 4), data.readUInt32LE(at + 4)];
    if (tag === "fmt ") [rate, frame] = [data.readUInt32LE(at + 12), data.readUInt16LE(at + 20)];
    if (tag === "data") return { rate, samples: size / frame, seconds: size / frame / rate };
    at += 8 + size + (size % 2);
  }
  return null;
}
