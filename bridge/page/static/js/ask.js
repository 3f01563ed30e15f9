// The form and the lanes as one request: settings as text and parts as numbers, exactly as every other way in sends them.

import { store, stored } from "./api.js";
import { element } from "./element.js";

const LETTERS = "ABCDEFGH";
const KEPT = "ditto-draft"; // where a draft outlives a reload
const FIELDS_OF_LAYERS = ["layers", "mute", "chords", "stems"];
const PARTS = [["intensity", "curve", "db"], ["brightness", "curve", "hz"], ["melody", "notes", ""], ["rhythm", "onsets", ""]];

export class Ask extends EventTarget {
  reference = null; // an uploaded sound
  #form;
  #lanes;
  #byHand = new Set();

  constructor(form, lanes) {
    super();
    this.#form = form;
    this.#lanes = lanes;
    const bars = form.elements.bars;
    for (let count = 1; count <= 16; count++) bars.add(new Option(count, count, count === 4, count === 4));
    const tonics = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
    form.querySelector("#keys").append(...tonics.flatMap((tonic) => ["major", "minor"].map((mode) => new Option(`${tonic} ${mode}`))));
    form.addEventListener("input", ({ target }) => {
      this.#byHand.add(target.name);
      this.#edited();
    });
    lanes.structure.addEventListener("input", () => this.#edited());
    lanes.use.addEventListener("input", () => this.#edited());
    lanes.keep.addEventListener("input", () => {
      lanes.reference.value = lanes.keep.value;
    });
    lanes.reference.addEventListener("commit", () => {
      lanes.keep.value = lanes.reference.value;
    });
    Object.values(lanes).forEach((lane) => lane.addEventListener("commit", () => this.#edited()));
    this.#restore();
  }

  /** The form's values by the settings' names; an empty field is left to the program. */
  get settings() {
    const settings = {};
    for (const [name, value] of new FormData(this.#form)) if (String(value).trim()) settings[name] = String(value).trim();
    const form = this.#lanes.structure.value.trim().toUpperCase();
    if (form) settings.structure = form;
    Object.assign(settings, this.#lanes.layers.settings);
    if (this.reference) Object.assign(settings, this.#referenceSettings());
    return settings;
  }

  get parts() {
    const parts = PARTS.map(([control, part, unit]) => ({ part, control, unit, groups: this.#lanes[control].groups }));
    return parts.filter(({ groups }) => groups.length); // what lies behind a loop that was made shorter is not asked for
  }

  get beats() {
    const [over, under] = this.#metre;
    return Number(this.#form.elements.bars.value) * ((over * 4) / under);
  }

  /** The tempo as it may be typed: 93.5, 93,5 or 120 bpm. */
  get tempo() {
    return parseFloat(this.#form.elements.tempo_bpm.value.replace(",", ".")) || 120;
  }

  get metre() {
    return this.#metre.join("/");
  }

  /** Fills the form from a take's settings. */
  fill(settings) {
    for (const [name, value] of Object.entries(settings)) {
      const field = this.#form.elements[name];
      if (field) field.value = value;
    }
    if (FIELDS_OF_LAYERS.some((name) => name in settings)) this.#lanes.layers.fill(settings);
    this.#edited();
  }

  /** Takes tempo, key, metre and bars from the prompt or a file into fields that nobody has filled by hand. */
  suggest(said) {
    for (const [name, value] of Object.entries(said)) {
      const field = this.#form.elements[name];
      if (!value || this.#byHand.has(name) || field.value === String(value)) continue;
      field.value = value;
      this.#edited();
    }
  }

  get #metre() {
    const found = /^\s*([1-9]\d?)\s*[/:]\s*(1|2|4|8|16|32|64)\s*$/.exec(this.#form.elements.time_signature.value);
    return found ? [Number(found[1]), Number(found[2])] : [4, 4];
  }

  #referenceSettings() {
    const { use, keep } = this.#lanes;
    const { handle, seconds } = this.reference;
    if (use.value === "timbre") return { timbre: handle };
    if (use.value === "with") return { with: handle };
    if (use.value === "inpaint") return { inpaint: handle, keep: keep.value.trim() };
    return { inpaint: handle, outpaint: this.#barsAfter(seconds) };
  }

  /** The bars that are left of the loop after a sound of so many seconds, one at least. */
  #barsAfter(seconds) {
    const [over, under] = this.#metre;
    const own = Math.round((seconds * this.tempo * under) / (60 * 4 * over));
    return String(Math.max(1, Number(this.#form.elements.bars.value) - own));
  }

  #edited() {
    const [over, under] = this.#metre;
    for (const name of ["intensity", "brightness", "melody", "rhythm"]) this.#lanes[name].setLength(this.beats, (over * 4) / under);
    for (const name of ["intensity", "brightness", "melody", "rhythm"]) used(this.#lanes[name], this.#lanes[name].isUsed);
    this.#lanes.reference.setLoop(this.beats, (over * 4) / under, this.tempo, this.#lanes.use.value === "inpaint");
    this.#lanes.keep.closest("label").hidden = this.#lanes.use.value !== "inpaint";
    used(this.#lanes.layers, this.#lanes.layers.isUsed);
    used(this.#lanes.structure, this.#lanes.structure.value.trim() !== "");
    used(this.#lanes.use, this.reference !== null);
    this.#sections();
    this.#keep();
    this.dispatchEvent(new Event("edit"));
  }

  /** Takes a dropped sound, or lets it go. */
  refer(sound) {
    this.reference = sound;
    this.#lanes.reference.hidden = sound === null;
    this.#lanes.reference.show(sound);
    this.#edited();
  }

  /** All that the form and the lanes hold, to come back to. */
  get draft() {
    return structuredClone({ fields: Object.fromEntries(new FormData(this.#form)), lanes: this.#drawn });
  }

  set draft({ fields, lanes }) {
    this.#draw(lanes);
    this.fill(fields);
  }

  #sections() {
    const form = this.#lanes.structure.value.toUpperCase().replace(/[^A-Z]/g, "");
    const shown = [...form].map((letter) => {
      const section = element("span", {}, letter);
      section.style.setProperty("--share", `${20 + ((LETTERS.indexOf(letter) + 8) % 8) * 11}%`);
      return section;
    });
    document.getElementById("sections").replaceChildren(...shown);
  }

  get #drawn() {
    return {
      intensity: this.#lanes.intensity.points,
      brightness: this.#lanes.brightness.points,
      melody: this.#lanes.melody.notes,
      rhythm: [...this.#lanes.rhythm.hits],
      structure: this.#lanes.structure.value,
      layers: this.#lanes.layers.settings,
    };
  }

  #draw({ intensity, brightness, melody, rhythm, structure, layers = {} }) {
    this.#lanes.intensity.points = intensity;
    this.#lanes.brightness.points = brightness;
    this.#lanes.melody.notes = melody;
    this.#lanes.rhythm.hits = new Map(rhythm);
    this.#lanes.structure.value = structure;
    this.#lanes.layers.fill(layers);
  }

  #keep() {
    store("local", KEPT, JSON.stringify({ fields: Object.fromEntries(new FormData(this.#form)), lanes: this.#drawn }));
  }

  #restore() {
    try {
      const { fields, lanes } = JSON.parse(stored("local", KEPT) ?? "{}");
      if (lanes) this.#draw(lanes);
      this.fill(fields ?? {});
    } catch {
      this.#edited();
    }
  }
}

function used(lane, yes) {
  const details = lane.closest("details");
  details.dataset.used = yes ? "yes" : "no";
}
