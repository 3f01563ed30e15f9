// The list of takes: cards that play, open to show pictures and scores, and offer all that can be done with a take.

import { element } from "./element.js";
import { drawControl, drawSpectrum, drawWave } from "./picture.js";
import { layerPanel } from "./stems.js";

const SEARCH_PAUSE_MS = 250;
const TRIES = ["dusty boom bap, rhodes", "deep house, warm pads", "techno, acid bass"];

const button = (text, onclick, more = {}) => element("button", { type: "button", onclick, ...more }, text);

export class Takes extends EventTarget {
  #api;
  #player;
  #list;
  #shown = [];
  #all = 0;
  #wanted = { words: "", favourites: false };
  #pause = 0;

  constructor(api, player, { list, find, favourites, more, count }) {
    super();
    this.#api = api;
    this.#player = player;
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
        element("li", { class: "empty" }, ...(words || favourites ? ["No take is like that."] : this.#welcome())),
      );
  }

  /** The text in the list before there is a take. */
  #welcome() {
    const tries = TRIES.map((prompt) => button(prompt, () => this.#emit("try", prompt)));
    return [element("p", {}, "Your loops will stand here. Type what you want to hear, or begin with one of these."), element("div", { class: "tries" }, ...tries)];
  }

  #count(all) {
    this.#all = all;
    this.count.textContent = all ? `${all} take${all > 1 ? "s" : ""}` : "";
  }

  #card(take) {
    const heading = element("h2", { title: take.prompt }, called(take));
    const facts = [take.title ? take.prompt : "", `${take.bars} bars`, `${Number(take.tempo_bpm)} BPM`, take.key, (take.layers ?? []).join(" + "), `seed ${take.seed}`, take.model];
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
        button("▶", () => this.#emit("play", take), { class: "round", "aria-label": `Play ${called(take)}` }),
        heading,
        this.#star(take),
      ),
      element("p", { class: "facts" }, facts.filter(Boolean).join(" · ")),
      verdict(take),
      element(
        "div",
        { class: "more" },
        button("Draw again", () => this.#emit("again", take), { title: "Keep this noise and follow what is drawn now" }),
        button("Vary", () => this.#emit("vary", take), { title: "Leave this noise half way" }),
        button("Name", () => this.#name(take, heading)),
        open,
      ),
      details,
    );
  }

  /** Puts a field in the heading's place: Enter keeps the name, Escape the old one. */
  #name(take, heading) {
    const field = element("input", { value: take.title, maxlength: 120, "aria-label": "Name of this take", placeholder: take.prompt });
    let isOpen = true; // taking the field away blurs it, which is no second answer
    const leave = async (keep) => {
      if (!isOpen) return;
      isOpen = false;
      const again = document.activeElement === field;
      field.replaceWith(heading);
      if (keep) take.title = (await this.#api.change(take.id, "name", { title: field.value })).title;
      heading.textContent = called(take);
      if (again) heading.closest(".card")?.querySelector(".round").focus();
    };
    field.onkeydown = (event) => {
      if (event.key === "Enter" || event.key === "Escape") leave(event.key === "Enter").catch(() => {});
    };
    field.onblur = () => leave(true).catch(() => {});
    heading.replaceWith(field);
    field.focus();
    field.select();
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
    const picture = (kind, label) => element("canvas", { class: kind, role: "img", "aria-label": label });
    const wave = picture("wave", "Wave");
    const spectrum = picture("spectrum", "Spectrum over time");
    const controls = whole.controls.filter((control) => control.asked || control.notes || control.onsets);
    const lines = controls.map((control) => [control, picture("lines", `${control.kind}: asked${control.heard ? " and heard" : ""}`)]);
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
      ...whole.notes
        .filter((note) => !take.verdicts?.some(({ sentence }) => sentence === note))
        .map((note) => element("p", { class: "facts" }, note)),
      whole.layers.length ? this.#layers(take, whole) : null,
      this.#doings(take, whole, details),
      copied("The same from the command line", whole.command),
      copied("Where the file lies", whole.path),
    );
    const draw = () => {
      drawWave(wave, whole.outline);
      drawSpectrum(spectrum, whole.spectrum);
      lines.forEach(([control, canvas]) => drawControl(canvas, control, whole));
    };
    draw();
    addEventListener("ditto-theme", () => wave.isConnected && draw());
  }

  #layers(take, whole) {
    return layerPanel(whole, {
      player: this.#player,
      save: (path, ending) => this.#save(take, path, ending),
      fetchStem: async (layer) => (await this.#api.blob(`/takes/${take.id}/stems/${layer}`)).arrayBuffer(),
      ask: {
        again: (layer) => this.#emit("layer", { take, layer }),
        stems: () => this.#emit("stems", take),
        failed: (error) => this.#emit("failed", error),
      },
    });
  }

  async #save(take, path, ending) {
    try {
      const link = element("a", { href: URL.createObjectURL(await this.#api.blob(path)), download: `${nameOf(take)}${ending}` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    } catch (error) {
      this.#emit("failed", error);
    }
  }

  #doings(take, whole, details) {
    const save = (text, path, ending, title = "") => button(text, () => this.#save(take, path, ending), { title });
    const hasNotes = whole.controls.some((control) => control.notes);
    return element(
      "div",
      { class: "more" },
      save("Save WAV", `/takes/${take.id}/audio`, ".wav"),
      hasNotes ? save("Save notes", `/takes/${take.id}/melody`, ".mid", "The notes that were asked for, as MIDI") : null,
      save("Save MIDI", `/takes/${take.id}/midi`, "-heard.mid", "What is heard of melody, chords and drums, as MIDI"),
      save("Save picture", `/takes/${take.id}/page`, ".png"),
      button("Show in folder", () => this.#api.change(take.id, "show")),
      this.#handle(take),
      button("Use its settings", () => this.#emit("settings", whole)),
      this.#bin(take, details),
    );
  }

  /** Asks once more in its own place: not every host of the page shows questions. */
  #bin(take, details) {
    const bin = button("Move to the bin", async () => {
      if (bin.dataset.sure !== "yes") {
        bin.dataset.sure = "yes";
        bin.textContent = "Really move it?";
        return;
      }
      await this.#api.change(take.id, "bin");
      const card = details.closest(".card");
      const next = card.nextElementSibling ?? card.previousElementSibling;
      card.remove();
      next?.querySelector(".round")?.focus();
      this.#count(this.#all - 1);
    });
    bin.onblur = () => {
      bin.dataset.sure = "no";
      bin.textContent = "Move to the bin";
    };
    return bin;
  }

  /** Something to drag into Live or a folder: browsers hand over the file itself, hosts the path. */
  #handle(take) {
    const uri = `file://${take.path.startsWith("/") ? "" : "/"}${encodeURI(take.path.replaceAll("\\", "/"))}`;
    let sound = "";
    const fetched = async () => (sound ||= URL.createObjectURL(await this.#api.blob(`/takes/${take.id}/audio`)));
    return element("a", {
      href: uri,
      draggable: "true",
      class: "drag",
      title: `${take.path}. Drag it to a folder or a track; press it to copy the path.`,
      onpointerenter: () => fetched().catch(() => {}),
      onclick: (event) => {
        event.preventDefault();
        navigator.clipboard?.writeText(take.path).then(() => (event.target.textContent = "Path copied"));
      },
      ondragstart: ({ dataTransfer }) => {
        if (sound) dataTransfer.setData("DownloadURL", `audio/wav:${nameOf(take)}.wav:${sound}`);
        dataTransfer.setData("text/uri-list", uri);
        dataTransfer.setData("text/plain", take.path);
        dataTransfer.effectAllowed = "copy";
      },
    }, "Drag from here");
  }

  #emit(type, take) {
    this.dispatchEvent(new CustomEvent(type, { detail: take }));
  }
}

/** A take's own name, else its words. */
export function called(take) {
  return take.title || take.prompt || "no words";
}

function nameOf(take) {
  return `${(take.title || take.prompt || "loop").replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 40)}-${take.id}`;
}

function copied(label, text) {
  const copy = button("Copy", () => navigator.clipboard?.writeText(text).then(() => (copy.textContent = "Copied")), { "aria-label": `Copy: ${label}` });
  return element("div", { class: "copied" }, element("span", { class: "muted" }, label), copy, element("code", { tabindex: "0" }, text));
}

function verdict(take) {
  if (!take.verdicts?.length) return null;
  return element(
    "p",
    { class: "verdict" },
    ...take.verdicts.map(({ grade, sentence }) => element("span", { class: grade }, sentence)),
  );
}
