// Plays takes in a loop without a gap; another take comes in at the next bar, to the sample.

const LEAD_SECONDS = 0.05; // a change closer than this waits for the bar after
const MUTE_SECONDS = 0.004; // of a layer's fade: no click
const EMPTY = Object.freeze({ take: null });

/** One take in the air: its buffer, when its first sample would have sounded, and how it is cut into bars. */
class Voice {
  constructor(context, output, take, buffer, gain, stems = {}) {
    Object.assign(this, { take, buffer, loudness: rms(buffer) * gain, barSeconds: buffer.duration / take.bars });
    this.gain = new GainNode(context, { gain });
    this.gain.connect(output);
    const parts = Object.entries(stems);
    this.stems = new Map(); // the gain of each layer
    this.sources = (parts.length ? parts : [["", buffer]]).map(([layer, sound]) => {
      const source = new AudioBufferSourceNode(context, { buffer: sound, loop: true });
      const own = layer ? new GainNode(context) : null;
      if (own) this.stems.set(layer, own);
      (own ? source.connect(own) : source).connect(this.gain);
      return source;
    });
  }

  start(when, offset) {
    this.sources.forEach((source) => source.start(when, offset));
    this.origin = when - offset;
  }

  stop(when) {
    this.sources.forEach((source) => source.stop(when));
  }
}

export class Player extends EventTarget {
  #context = null;
  #output = null;
  #voice = EMPTY;
  #other = EMPTY; // the take that A/B changes to
  #volume = 0.8;

  /** The take that plays, or null. */
  get take() {
    return this.#voice.take;
  }

  get canCompare() {
    return Boolean(this.#voice.take && this.#other.take);
  }

  /** 0..1 of the loop, for a playhead. */
  get position() {
    if (!this.#voice.take) return 0;
    const seconds = this.#context.currentTime - this.#voice.origin;
    return Math.max(0, seconds % this.#voice.buffer.duration) / this.#voice.buffer.duration;
  }

  /** The node that everything sounds through, for whoever wants to listen in. */
  get output() {
    return this.#output;
  }

  set volume(value) {
    this.#volume = value;
    if (this.#output) this.#output.gain.value = value;
  }

  /** Makes sound possible; browsers allow that only while a button is pressed. */
  async wake(sampleRate = 44100) {
    if (!this.#context) {
      // At the takes' own rate nothing is resampled, so a loop stays a loop to the sample.
      this.#context = new AudioContext({ sampleRate, latencyHint: "interactive" });
      this.#output = new GainNode(this.#context, { gain: this.#volume });
      this.#output.connect(this.#context.destination);
    }
    if (this.#context.state === "suspended") await this.#context.resume();
  }

  /** Plays a take from its first bar, or in the place of the one that plays from the next bar on. */
  async play(take, bytes) {
    await this.wake();
    const buffer = await this.#context.decodeAudioData(bytes);
    const before = this.#voice;
    this.#change(new Voice(this.#context, this.#output, take, buffer, 1));
    if (before.take && before.take.id !== take.id) this.#other = before;
    this.dispatchEvent(new Event("change"));
  }

  /** The id of the take whose stems sound, or null. */
  get stemsOf() {
    return this.#voice.stems?.size ? this.#voice.take.id : null;
  }

  /** Plays a take as its stems, which together are its mix: from the next bar on, where something plays. */
  async playStems(take, bytes) {
    await this.wake();
    const decoded = await Promise.all(
      Object.entries(bytes).map(async ([layer, data]) => [layer, await this.#context.decodeAudioData(data)]),
    );
    const whole = summed(this.#context, decoded.filter(([layer]) => !take.muted?.includes(layer)).map(([, buffer]) => buffer));
    const before = this.#voice;
    this.#change(new Voice(this.#context, this.#output, take, whole, 1, Object.fromEntries(decoded)));
    if (before.take && before.take.id !== take.id) this.#other = before;
    this.dispatchEvent(new Event("change"));
  }

  /** Lets layers of the take that plays as stems be heard or not. */
  mixStems(id, heard) {
    if (this.stemsOf !== id) return;
    for (const [layer, gain] of this.#voice.stems)
      gain.gain.setTargetAtTime(heard[layer] === false ? 0 : 1, this.#context.currentTime, MUTE_SECONDS);
  }

  /** Changes to the take that played before, at the next bar and at the same loudness. */
  compare() {
    if (!this.canCompare) return;
    const { take, buffer } = this.#other;
    const gain = matchingGain(buffer, this.#voice.loudness);
    const before = this.#voice;
    this.#change(new Voice(this.#context, this.#output, take, buffer, gain));
    this.#other = before;
    this.dispatchEvent(new Event("change"));
  }

  stop() {
    if (this.#voice.take) this.#voice.stop(this.#context.currentTime);
    this.#voice = EMPTY;
    this.dispatchEvent(new Event("change"));
  }

  #change(next) {
    const before = this.#voice;
    if (!before.take) next.start(this.#sample(this.#context.currentTime + LEAD_SECONDS), 0);
    else {
      const { when, offset } = this.#nextBar(before, next);
      next.start(when, offset);
      before.stop(when);
    }
    this.#voice = next;
  }

  /** Returns when the next bar begins, and where in the new take it falls; other lengths begin at their first bar. */
  #nextBar(before, next) {
    const now = this.#context.currentTime + LEAD_SECONDS;
    const bar = Math.ceil((now - before.origin) / before.barSeconds);
    const when = this.#sample(before.origin + Math.max(bar, 0) * before.barSeconds);
    const fits = Math.abs(next.barSeconds - before.barSeconds) < 1e-4;
    const offset = fits ? (Math.max(bar, 0) % next.take.bars) * next.barSeconds : 0;
    return { when, offset: this.#sample(offset) };
  }

  #sample(seconds) {
    return Math.round(seconds * this.#context.sampleRate) / this.#context.sampleRate;
  }
}

/** Returns the sum of buffers of one length. */
function summed(context, buffers) {
  const [first] = buffers;
  const whole = context.createBuffer(first.numberOfChannels, first.length, first.sampleRate);
  for (let channel = 0; channel < first.numberOfChannels; channel++) {
    const into = whole.getChannelData(channel);
    for (const buffer of buffers) buffer.getChannelData(channel).forEach((sample, i) => (into[i] += sample));
  }
  return whole;
}

/** Returns the gain at which a buffer is as loud (RMS) as what sounds; less where its peaks would clip. */
export function matchingGain(buffer, loudness) {
  let peak = 0;
  for (let channel = 0; channel < buffer.numberOfChannels; channel++)
    for (const sample of buffer.getChannelData(channel)) peak = Math.max(peak, Math.abs(sample));
  return Math.min(loudness / Math.max(rms(buffer), 1e-9), 1 / Math.max(peak, 1e-9));
}

/** Returns the root mean square over all channels. */
export function rms(buffer) {
  let sum = 0;
  for (let channel = 0; channel < buffer.numberOfChannels; channel++)
    for (const sample of buffer.getChannelData(channel)) sum += sample * sample;
  return Math.sqrt(sum / (buffer.length * buffer.numberOfChannels));
}

/** Plays a few notes with a plain tone, so that a drawn melody can be heard before any loop is made. */
export async function hearNotes(notes, beatsPerMinute) {
  const context = new AudioContext();
  const beat = 60 / beatsPerMinute;
  const begin = context.currentTime + 0.05;
  let end = begin;
  notes.forEach(([pitch, start, duration, velocity]) => {
    const tone = new OscillatorNode(context, { type: "triangle", frequency: 440 * 2 ** ((pitch - 69) / 12) });
    const gain = new GainNode(context, { gain: 0 });
    const from = begin + start * beat;
    const to = from + duration * beat;
    gain.gain.setTargetAtTime((0.2 * velocity) / 127, from, 0.005);
    gain.gain.setTargetAtTime(0, to - 0.03, 0.015);
    tone.connect(gain).connect(context.destination);
    tone.start(from);
    tone.stop(to + 0.1);
    end = Math.max(end, to);
  });
  setTimeout(() => context.close(), (end - context.currentTime + 0.5) * 1000);
}
