// A request as the datagrams that it is made of. Each part can be sent again by name, control and index, and carries
// the nonce of the link that it is sent by, for which NONCE stands.
const NONCE = Symbol("nonce"); // no text that somebody types is equal to it
const PAIRS_PER_CHUNK = 300; // 10 bytes each: a datagram stays under 4,000 bytes
const NOTES_PER_CHUNK = 150; // 20 bytes each
const ONSETS_PER_CHUNK = 150; // 19 bytes each
const LONGEST_SETTING = 4800; // bytes as they travel: Max's udpsend drops what has more than 5,096, without a word

class LoopRequest {
  constructor(id, settings) {
    this.id = id;
    this.parts = [{ part: "begin", control: "", index: 0, path: "/ditto/loop/begin", args: [id, NONCE] }];
    Object.entries(settings).forEach(([name, value], index) => {
      LoopRequest.mustFit(name, String(value));
      this.parts.push({ part: "set", control: "", index, path: "/ditto/loop/set", args: [id, name, String(value), NONCE] });
    });
    this.settings = Object.keys(settings).length;
    this.groups = [];
  }

  // Letters that are not ASCII travel percent-encoded: a Japanese one takes nine bytes.
  static mustFit(name, text) {
    const bytes = encodeText(text).length;
    if (bytes <= LONGEST_SETTING) return;
    const what = name === "prompt" ? "The prompt" : `What is sent as ‘${name}’`;
    throw new Refused(`${what} is too long to be sent. Shorten it to ${Math.floor((100 * LONGEST_SETTING) / bytes)} % of its length.`);
  }

  curve(control, unit, points) {
    return this.chunked("curve", control, points, PAIRS_PER_CHUNK, "/ditto/loop/curve", [unit]);
  }

  notes(control, notes) {
    const rows = notes.map(({ pitch, start, duration, velocity }) => [pitch, start, duration, velocity]);
    return this.chunked("notes", control, rows, NOTES_PER_CHUNK, "/ditto/loop/notes", []);
  }

  // Strokes [beat, strength, group].
  onsets(control, strokes) {
    return this.chunked("onsets", control, strokes, ONSETS_PER_CHUNK, "/ditto/loop/onsets", []);
  }

  chunked(part, control, rows, size, path, extra) {
    const chunks = Math.max(1, Math.ceil(rows.length / size));
    for (let index = 0; index < chunks; index += 1) {
      const piece = rows.slice(index * size, (index + 1) * size).flat();
      const args = [this.id, control, ...extra, index, chunks, ...piece, NONCE];
      this.parts.push({ part, control, index, path, args });
    }
    this.groups.push(part, control, chunks);
    return this;
  }

  // The parts that are asked for: all, or those of one kind, or some of its chunks.
  select(part, control, indices) {
    return this.parts.filter((row) => !part
      || (row.part === part && row.control === control && (!indices.length || indices.includes(row.index))));
  }

  commitArgs(nonce) {
    return [this.id, nonce, this.settings, ...this.groups];
  }
}
