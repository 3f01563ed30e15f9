// The list of takes: cards that play, open to show pictures and scores, and offer all that can be done with a take.

import { drawControl, drawSpectrum, drawWave } from "./picture.js";

const SEARCH_PAUSE_MS = 250;

/** Returns an element with attributes and children; text is always text, never markup. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(made.dataset, value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const button = (text, onclick, more = {}) => element("button", { type: "button", onclick, ...more }, text);

export class Takes extends EventTarget {
  #api;
  #list;
  #shown = [];
  #all = 0;
  #wanted = { words: "", favourites: false };
  #pause = 0;

  constructor(api, { list, find, favourites, more, count }) {
    super();
    this.#api = api;
    this.#list = list;
    this.count = count;
    this.more = more;
    find.addEventListener("input", () => {
      clearTimeout(this.#pause);
      this.#pause = setTimeout(() => this.load({ words: find.value }), SEARCH_PAUSE_MS);
    });
    favourites.onclick = () => {
      const on = favourites.getAttribute("aria-pressed") !== "true";
      favourites.setAttribute("aria-pressed", on);
      this.load({ favourites: on });
    };
    more.onclick = () => this.#fetch(this.#shown.length);
    new IntersectionObserver(([entry]) => entry.isIntersecting && !more.hidden && more.click()).observe(more);
  }

  /** Loads the list again, with other wishes. */
  async load(wanted = {}) {
    Object.assign(this.#wanted, wanted);
    this.#shown = [];
    this.#list.replaceChildren();
    await this.#fetch(0);
  }

  /** Adds a new take on top. */
  add(take) {
    this.#list.querySelector(".empty")?.remove();
    this.#list.querySelector(`[data-take="${CSS.escape(take.id)}"]`)?.remove();
    this.#shown.unshift(take);
    this.#list.prepend(this.#card(take));
    this.#count(this.#all + 1);
  }

  /** Marks the card of the take that plays. */
  mark(id) {
    this.#list.querySelectorAll(".card").forEach((card) => {
      card.dataset.playing = card.dataset.take === id ? "yes" : "no";
      card.querySelector(".round").textContent = card.dataset.take === id ? "■" : "▶";
    });
  }

  async #fetch(from) {
    const { words, favourites } = this.#wanted;
    const query = new URLSearchParams({ words, from, ...(favourites ? { favourites: 1 } : {}) });
    const { takes, all } = await this.#api.json(`/takes?${query}`);
    this.#shown.push(...takes);
    this.#list.append(...takes.map((take) => this.#card(take)));
    this.more.hidden = this.#shown.length >= all;
    this.#count(all);
    if (!all)
      this.#list.replaceChildren(
        element("li", { class: "empty" }, words || favourites ? "No take is like that." : "Your loops will stand here. Type what you want to hear and press Make."),
      );
  }

  #count(all) {
    this.#all = all;
    this.count.textContent = all ? `${all} take${all > 1 ? "s" : ""}` : "";
  }

  #card(take) {
    const facts = [`${take.bars} bars`, `${Number(take.tempo_bpm)} BPM`, take.key, `seed ${take.seed}`, take.model];
    const details = element("div", { class: "details", hidden: "" });
    const open = button("Details", async () => {
      const opening = details.hidden;
      details.hidden = !opening;
      open.setAttribute("aria-expanded", opening);
      if (opening) await this.#describe(take, details);
    }, { "aria-expanded": "false" });
    return element(
      "li",
      { class: "card", dataset: { take: take.id } },
      element(
        "header",
        {},
        button("▶", () => this.#emit("play", take), { class: "round", "aria-label": `Play ${take.prompt || "this loop"}` }),
        element("h3", { title: take.prompt }, take.prompt || "no words"),
        this.#star(take),
      ),
      element("p", { class: "facts" }, facts.filter(Boolean).join(" · ")),
      verdict(take),
      element(
        "div",
        { class: "more" },
        button("Draw again", () => this.#emit("again", take), { title: "Keep this noise and follow what is drawn now" }),
        button("Vary", () => this.#emit("vary", take)),
        open,
      ),
      details,
    );
  }

  #star(take) {
    const star = button(take.favourite ? "★" : "☆", async () => {
      const now = await this.#api.change(take.id, take.favourite ? "unfavourite" : "favourite");
      take.favourite = now.favourite;
      star.textContent = take.favourite ? "★" : "☆";
      star.setAttribute("aria-pressed", take.favourite);
    }, { class: "quiet", "aria-label": "Favourite", "aria-pressed": take.favourite });
    return star;
  }

  async #describe(take, details) {
    const whole = await this.#api.json(`/takes/${take.id}`);
    const wave = element("canvas", { class: "wave" });
    const spectrum = element("canvas", { class: "spectrum" });
    const controls = whole.controls.filter((control) => control.asked || control.notes || control.onsets);
    const lines = controls.map((control) => [control, element("canvas", { class: "lines" })]);
    details.replaceChildren(
      wave,
      spectrum,
      ...lines.flatMap(([control, canvas]) => [
        canvas,
        element(
          "p",
          { class: "legend" },
          element("span", { class: "asked" }, `${control.kind} asked`),
          control.heard ? element("span", { class: "heard-line" }, "heard in the file") : null,
        ),
      ]),
      ...whole.notes.map((note) => element("p", { class: "facts" }, note)),
      this.#doings(take, whole, details),
      element("code", {}, whole.command),
      element("code", { title: "Where the file lies" }, whole.path),
    );
    const draw = () => {
      drawWave(wave, whole.outline);
      drawSpectrum(spectrum, whole.spectrum);
      lines.forEach(([control, canvas]) => drawControl(canvas, control, whole));
    };
    draw();
    addEventListener("ditto-theme", draw);
  }

  #doings(take, whole, details) {
    const save = (text, path, ending) =>
      button(text, async () => {
        const link = element("a", { href: URL.createObjectURL(await this.#api.blob(path)), download: `${nameOf(take)}${ending}` });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
      });
    const hasNotes = whole.controls.some((control) => control.notes);
    return element(
      "div",
      { class: "more" },
      save("Save WAV", `/takes/${take.id}/audio`, ".wav"),
      hasNotes ? save("Save MIDI", `/takes/${take.id}/melody`, ".mid") : null,
      save("Save picture", `/takes/${take.id}/page`, ".png"),
      button("Show in folder", () => this.#api.change(take.id, "show")),
      this.#handle(take),
      button("Use its settings", () => this.#emit("settings", whole)),
      button("Move to the bin", async () => {
        if (!confirm("Move this take to the bin?")) return;
        await this.#api.change(take.id, "bin");
        details.closest(".card").remove();
        this.#count(this.#all - 1);
      }),
    );
  }

  /** Something to drag into Live or a folder: browsers hand over the file itself, hosts the path. */
  #handle(take) {
    return element("a", {
      href: `file://${encodeURI(take.path)}`,
      draggable: "true",
      class: "drag",
      title: take.path,
      onclick: (event) => event.preventDefault(),
      ondragstart: (event) => {
        event.dataTransfer.setData("text/uri-list", `file://${encodeURI(take.path)}`);
        event.dataTransfer.setData("text/plain", take.path);
      },
    }, "Drag from here");
  }

  #emit(type, take) {
    this.dispatchEvent(new CustomEvent(type, { detail: take }));
  }
}

function nameOf(take) {
  return `${(take.prompt || "loop").replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 40)}-${take.id}`;
}

function verdict(take) {
  if (!take.verdicts?.length) return null;
  return element(
    "p",
    { class: "verdict" },
    ...take.verdicts.map(({ grade, sentence }) => element("span", { class: grade }, sentence)),
  );
}
