// The finished takes of this device, newest first, and which one is chosen in the menu.
const MOST_TAKES = 24;

class Takes {
  constructor() {
    this.list = [];
    this.chosen = 0;
  }

  add(take) {
    this.list.unshift(take);
    this.list.length = Math.min(this.list.length, MOST_TAKES);
    this.chosen = 0;
  }

  choose(index) {
    if (this.list[index]) this.chosen = index;
  }

  get current() {
    return this.list[this.chosen] || null;
  }

  drop(take) {
    this.list = this.list.filter((other) => other !== take);
    this.chosen = 0;
  }

  get labels() {
    return this.list.length ? this.list.map(Takes.label) : ["No takes yet"];
  }

  // The most telling score, e.g. "kick 4 ★ · melody 96 %".
  static label(take) {
    const { melody_accuracy: melody, intensity_rho: rho } = take.scores;
    const score = melody !== undefined ? ` · melody ${Math.round(melody * 100)} %`
      : rho !== undefined ? ` · curve ${rho.toFixed(2)}` : "";
    return `${take.kept ? "★ " : ""}${take.number}${score}${take.clipId ? "" : " (not landed)"}`;
  }

  // Builds a take from the bridge's message.
  static from(message, { number, prompt, color }) {
    const [numerator, denominator] = message.time_signature.split("/").map(Number);
    const barBeats = (numerator * 4) / denominator;
    const scores = Object.fromEntries(message.rest.map(([name, value]) => [name, value]));
    return {
      id: message.take_id, number, path: message.path, bars: message.bars, tempo: Number(message.tempo_bpm),
      barBeats, beats: message.bars * barBeats, seconds: message.samples / message.sample_rate,
      notes: message.notes, scores, color, kept: false, clipId: 0, name: `${shortened(prompt, 28)} ${number}`,
    };
  }
}

const shortened = (text, most) => (text.length > most ? `${text.slice(0, most - 1).trimEnd()}…` : text);
