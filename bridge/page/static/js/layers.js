// <ditto-layers>: which layers a loop has and which are left out of the mix, its chords, and whether stems come with it.
//
// Nothing lit: words and seed decide. Emits `commit` when a choice changes, and `chords` with the chords to read.

export const LAYERS = ["drums", "percussion", "bass", "chords", "lead", "texture"];

const PAUSE_MS = 250;

export class Layers extends HTMLElement {
  #pause = 0;

  connectedCallback() {
    this.innerHTML = `
      <div class="layers" role="group" aria-label="Layers"></div>
      <p class="said layers-said" role="status"></p>
      <div class="form-row">
        <label class="wide">Chords <input class="chords" placeholder="Am F | C G/B, or i VI | III VII with a key" maxlength="600" spellcheck="false"></label>
        <label class="check"><input type="checkbox" class="stems"> Stems, too</label>
      </div>
      <p class="said chords-said" role="status"></p>`;
    const rows = LAYERS.map((layer) => {
      const row = document.createElement("div");
      row.className = "layer";
      row.innerHTML = `<button type="button" class="lit" aria-pressed="false"></button><button type="button" class="mute" aria-pressed="false">Mute</button>`;
      const [lit, mute] = row.children;
      lit.textContent = layer;
      lit.dataset.layer = mute.dataset.layer = layer;
      mute.setAttribute("aria-label", `Mute ${layer}: the others hear it, the mix has it not`);
      return row;
    });
    const mix = document.createElement("button");
    Object.assign(mix, { type: "button", className: "lit mix", textContent: "one full mix" });
    mix.setAttribute("aria-pressed", "false");
    this.querySelector(".layers").append(...rows, mix);
    this.addEventListener("click", ({ target }) => this.#press(target));
    this.querySelector(".chords").oninput = () => this.#typed();
    this.querySelector(".stems").onchange = () => this.#changed();
    this.#say();
  }

  /** The settings that differ from what words and seed decide. */
  get settings() {
    const lit = this.#pressed(".layer .lit");
    const found = {};
    if (this.#isMix) found.layers = "mix";
    else if (lit.length) found.layers = lit.join(",");
    const muted = this.#pressed(".mute").filter((layer) => !lit.length || lit.includes(layer));
    if (muted.length && !this.#isMix) found.mute = muted.join(",");
    if (this.chords) found.chords = this.chords;
    if (this.querySelector(".stems").checked && !this.#isMix) found.stems = "1";
    return found;
  }

  get chords() {
    return this.querySelector(".chords").value.trim();
  }

  get isUsed() {
    return Object.keys(this.settings).length > 0;
  }

  /** Fills the lane from settings of a take or a draft. */
  fill({ layers = "", mute = "", chords = "", stems = "" }) {
    const [lit, muted] = [layers.split(","), mute.split(",")];
    for (const button of this.querySelectorAll("[data-layer]"))
      press(button, (button.className === "lit" ? lit : muted).includes(button.dataset.layer));
    press(this.querySelector(".mix"), layers === "mix");
    this.querySelector(".chords").value = chords;
    this.querySelector(".stems").checked = stems === "1";
    this.#typed();
    this.#say();
  }

  /** Shows how the chords were understood, or why not. */
  showChords({ text, understood, remarks = [], sentence, remedy = "" }) {
    if (text !== this.chords) return;
    const said = this.querySelector(".chords-said");
    said.dataset.wrong = sentence ? "yes" : "no";
    said.textContent = sentence ? `${sentence} ${remedy}` : understood ? [`Heard: ${understood}.`, ...remarks].join(" ") : "";
  }

  get #isMix() {
    return this.querySelector(".mix").getAttribute("aria-pressed") === "true";
  }

  #pressed(which) {
    return [...this.querySelectorAll(`${which}[aria-pressed="true"]`)].map(({ dataset }) => dataset.layer);
  }

  #press(button) {
    if (!button.matches?.("[aria-pressed]")) return;
    const on = button.getAttribute("aria-pressed") !== "true";
    press(button, on);
    if (button.matches(".mix") && on) this.querySelectorAll("[data-layer]").forEach((other) => press(other, false));
    else if (on) press(this.querySelector(".mix"), false);
    this.#changed();
  }

  #typed() {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.dispatchEvent(new CustomEvent("chords", { detail: this.chords })), PAUSE_MS);
    this.#changed();
  }

  #changed() {
    this.#say();
    this.dispatchEvent(new CustomEvent("commit", { bubbles: true }));
  }

  #say() {
    const { layers, mute } = this.settings;
    const said = layers === "mix" ? "One sound of everything, without layers." : layers ? "" : "None is lit: words and seed decide which there are.";
    this.querySelector(".layers-said").textContent = mute ? `${said} Muted: ${mute.replaceAll(",", ", ")}.`.trim() : said;
  }
}

function press(button, on) {
  button.setAttribute("aria-pressed", on);
}

customElements.define("ditto-layers", Layers);
