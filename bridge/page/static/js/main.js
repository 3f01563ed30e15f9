// The studio page: the form asks, the socket tells, the takes are listed and heard.

import { Api, store, stored, tokenOfAddress } from "./api.js";
import { Ask } from "./ask.js";
import "./drums.js";
import { element } from "./element.js";
import { undoKey } from "./history.js";
import { Jobs } from "./jobs.js";
import "./lane.js";
import "./layers.js";
import { hearNotes, Player } from "./player.js";
import "./reference.js";
import "./roll.js";
import { called, Takes } from "./takes.js";

const UNDERSTAND_PAUSE_MS = 200;
const TOAST_MS = 8000;
const REDRAW_SLOT = "drawing"; // a newer redraw takes the place of the one in progress

const $ = (id) => document.getElementById(id);
const api = new Api(tokenOfAddress());
const player = new Player();
const ask = new Ask($("ask"), {
  intensity: $("intensity"),
  brightness: $("brightness"),
  melody: $("melody"),
  rhythm: $("rhythm"),
  structure: $("structure"),
  layers: $("layers"),
  reference: $("reference"),
  use: $("audio-use"),
  keep: $("audio-keep"),
});
const takes = new Takes(api, player, { list: $("cards"), find: $("find"), favourites: $("favourites"), more: $("more"), count: $("count") });
const jobs = new Jobs({ list: $("running"), status: $("making") }, (id) => api.say({ type: "cancel", id }));
const own = new Set(); // those that this tab asked for: it plays what comes of them

// -- asking

function make(more = {}) {
  player.wake().catch(() => {});
  api.say({ type: "make", settings: { ...ask.settings, ...more }, parts: ask.parts, tag: more.slot ?? "" });
}

/** Makes something of a take, by which all else stays as it was. */
function remake(settings) {
  player.wake().catch(() => {});
  api.say({ type: "make", settings, tag: "" });
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  make();
});

let understanding = 0;
$("prompt").addEventListener("input", () => {
  clearTimeout(understanding);
  understanding = setTimeout(() => api.say({ type: "understand", prompt: $("prompt").value }), UNDERSTAND_PAUSE_MS);
});

/** Drawing while a take plays makes it again from its own noise; the result comes in at the next bar. */
function redraw() {
  if (!$("follow").checked || !player.take || !ask.parts.length) return;
  make({ from_take: player.take.id, variation: "0", slot: REDRAW_SLOT, seed: player.take.seed, count: "1" });
}
for (const lane of ["intensity", "brightness", "melody", "rhythm"]) $(lane).addEventListener("commit", redraw);
/** Chords are understood in a key and a length: said again when these change. */
function askChords() {
  const { key, bars, time_signature: metre } = $("ask").elements;
  const text = $("layers").chords;
  if (!text) $("layers").showChords({ text });
  else api.say({ type: "chords", text, key: key.value.trim(), bars: Number(bars.value), time_signature: metre.value.trim() });
}
$("layers").addEventListener("chords", askChords);
$("ask").addEventListener("change", ({ target }) => ["key", "bars", "time_signature"].includes(target.name) && askChords());
$("melody").addEventListener("hear", () => hearNotes($("melody").groups, ask.tempo));

// -- what the server says

const on = (type, act) => api.addEventListener(type, ({ detail }) => act(detail));

on("hello", ({ models }) => {
  const field = $("ask").elements.model;
  const chosen = field.value;
  field.replaceChildren(...models.map((model) => new Option(model, model)));
  if (models.includes(chosen)) field.value = chosen;
  jobs.clear();
  takes.load().catch(tell);
  api.say({ type: "understand", prompt: $("prompt").value });
});
on("engine", ({ alive }) => engine(alive ? "yes" : "no", alive ? "The engine is ready." : "No engine answers. It is started again by itself; else run ditto-live serve."));
on("closed", ({ code, reason }) => engine("no", code === 1008 ? `${reason} Open the page again with ditto-live open.` : "The page's server is gone. Waiting for it …"));
on("submitted", ({ id }) => own.add(id));
on("refused", tell);
on("running", (job) => jobs.show(job));
on("progress", (progress) => jobs.progress(progress));
on("take", ({ id, take, notes }) => {
  takes.add(take);
  const verdicts = new Set((take.verdicts ?? []).map(({ sentence }) => sentence)); // these stand on the card
  notes.filter((note) => !verdicts.has(note)).forEach((note) => say(note));
  if (own.delete(id)) listen(take);
});
on("end", ({ id, outcome, sentence, remedy, takes: made }) => {
  jobs.end(id);
  own.delete(id);
  if (outcome === "failed") tell({ sentence, remedy });
  if (outcome === "cancelled" && !made) say("Stopped before there was anything to keep.");
});
on("chords", (said) => $("layers").showChords(said));
on("understood", ({ prompt, words, substitutions, refused, unknown, tempo_bpm, key, time_signature, bars }) => {
  if (prompt !== $("prompt").value) return;
  ask.suggest({ tempo_bpm, key, time_signature, bars });
  const settings = [tempo_bpm && `${tempo_bpm} BPM`, key, time_signature, bars && `${bars} bars`].filter(Boolean);
  const absent = refused.filter((word) => !words.includes(`no ${word}`));
  const said = [];
  const part = (...nodes) => said.push(said.length ? "; " : "", ...nodes);
  if (words.length || settings.length) part("Heard: ", element("b", {}, [...words, ...settings].join(", ")));
  Object.entries(substitutions).forEach(([typed, meant]) => part(`${typed} heard as ${meant.join(", ")}`));
  if (absent.length) part(`kept away: ${absent.join(", ")}`);
  unknown.forEach(({ word, nearest }, i) =>
    part(i ? "" : "not known: ", element("i", {}, word), nearest ? ` (did you mean ${nearest}?)` : ""),
  );
  if (prompt.trim() && !words.length) part("the seed alone decides");
  $("heard").replaceChildren(...said);
});

function engine(alive, sentence) {
  $("engine").dataset.alive = alive;
  $("engine").textContent = sentence;
}

// -- hearing

async function listen(take) {
  try {
    await player.play(take, await api.audio(take.id));
  } catch (error) {
    tell(error);
  }
}

takes.addEventListener("try", ({ detail }) => {
  $("prompt").value = detail;
  $("prompt").dispatchEvent(new Event("input", { bubbles: true }));
  make();
});
takes.addEventListener("play", ({ detail }) => (player.take?.id === detail.id ? player.stop() : listen(detail)));
takes.addEventListener("again", ({ detail }) => make({ from_take: detail.id, variation: "0", seed: detail.seed, slot: REDRAW_SLOT, count: "1" }));
takes.addEventListener("vary", ({ detail }) => make({ from_take: detail.id, variation: "0.5", seed: "" }));
takes.addEventListener("layer", ({ detail: { take, layer } }) => remake({ from_take: take.id, again: layer }));
takes.addEventListener("stems", ({ detail }) => remake({ from_take: detail.id, stems: "1" }));
takes.addEventListener("failed", ({ detail }) => tell(detail));
takes.addEventListener("settings", ({ detail }) => {
  const before = ask.draft;
  ask.fill(detail.settings);
  say(`The form holds the settings of ${called(detail)}.`, "", ["Undo", () => (ask.draft = before)]);
});
let last = null; // the take that played, to play it again
const toggle = () => (player.take ? player.stop() : last && listen(last));
player.addEventListener("change", async () => {
  const take = player.take;
  last = take ?? last;
  takes.mark(take?.id);
  $("play").disabled = !last;
  $("play").textContent = take ? "■" : "▶";
  $("play").setAttribute("aria-label", take ? "Stop" : "Play");
  $("ab").disabled = !player.canCompare;
  $("playing").textContent = take ? called(take) : last ? `Stopped: ${called(last)}` : "Nothing plays yet.";
  $("intensity").showHeard(null);
  if (!take) return;
  const whole = await api.json(`/takes/${take.id}`).catch(() => null);
  const heard = whole?.controls.find((control) => control.kind === "intensity")?.heard;
  if (heard && player.take?.id === take.id) $("intensity").showHeard(heard);
});
$("play").onclick = toggle;
$("ab").onclick = () => player.compare();
$("volume").oninput = ({ target }) => (player.volume = Number(target.value));
const bar = $("place").firstElementChild;
(function turn() {
  if (player.take || bar.style.transform) bar.style.transform = player.take ? `scaleX(${player.position})` : "";
  requestAnimationFrame(turn);
})();

// -- files

async function take(file) {
  const kept = await api.upload(file);
  if (kept.kind === "midi") await takeMidi(kept);
  else if (kept.kind === "set") takeSet(kept);
  else takeAudio(kept);
}

async function takeMidi({ name, handle, tracks, tempo_bpm, time_signature }) {
  ask.suggest({ tempo_bpm, time_signature });
  const tune = async (chosen) => {
    const query = new URLSearchParams({ file: handle, beats: ask.beats, metre: ask.metre, ...chosen });
    const { notes, place, track, remarks } = await api.json(`/tune?${query}`);
    $("melody").closest("details").open = true;
    $("melody").replace(notes);
    say(`${name}: ${notes.length} notes${track ? ` of ${track}` : ""}.`, remarks.join(" "));
    return place;
  };
  const played = tracks.map((track, place) => ({ ...track, place })).filter((track) => track.notes);
  showParts(name, "Track", played.map((track) => new Option(`${track.place + 1}${track.name ? ` ${track.name}` : ""} (${track.notes} notes)`, track.place)));
  $("set-melody").onclick = async () => {
    const start = $("set-start").value;
    await suggestAt(handle, start);
    await tune({ track: $("set-clip").value, start }).catch(tell);
  };
  $("set-clip").value = await tune({});
}

/** Suggests the tempo and the time signature that a song has at a position; a wrong position is said by what follows. */
async function suggestAt(handle, start) {
  if (start) ask.suggest(await api.json(`/song?${new URLSearchParams({ file: handle, start })}`).catch(() => ({})));
}

function showParts(name, kind, parts, lanes = []) {
  $("set").hidden = false;
  $("set-name").textContent = name;
  $("set-start").value = "";
  $("set-clip-kind").textContent = kind;
  $("set-clip").replaceChildren(...parts);
  $("set-lane").replaceChildren(...lanes);
  $("set-clips").hidden = !parts.length;
  $("set-lanes").hidden = !lanes.length;
}

function takeSet({ lanes, clips, name, handle, tempo_bpm, time_signature }) {
  ask.suggest({ tempo_bpm, time_signature });
  const parts = clips.map((clip, number) => new Option(`${clip.track}: ${clip.name} (${clip.notes} notes)`, number));
  showParts(name, "Clip", parts, lanes.map((lane) => new Option(`${lane.path} (${lane.events} events)`, lane.path)));
  if (!lanes.length && !clips.length) say(`${name} has no drawn lanes and no clips with notes.`);
  $("set-melody").onclick = async () => {
    const query = new URLSearchParams({ set: handle, number: $("set-clip").value, start: $("set-start").value, beats: ask.beats });
    const { notes } = await api.json(`/clip?${query}`).catch((error) => (tell(error), { notes: [] }));
    if (notes.length) $("melody").replace(notes);
    $("melody").closest("details").open = true;
  };
  for (const target of ["intensity", "brightness"])
    $(`set-${target}`).onclick = async () => {
      if (!lanes.find((lane) => lane.path === $("set-lane").value)?.of_clip) await suggestAt(handle, $("set-start").value);
      const query = new URLSearchParams({ set: handle, lane: $("set-lane").value, start: $("set-start").value, beats: ask.beats });
      const { levels, shares } = await api.json(`/lane?${query}`).catch((error) => (tell(error), { levels: [], shares: [] }));
      const lane = $(target);
      if (shares.length) lane.replace(target === "intensity" ? levels : shares.map(([beat, share]) => [beat, lane.valueOf(share)]));
      lane.closest("details").open = true;
    };
}

function takeAudio(kept) {
  ask.refer(kept);
  $("audio-use").closest("details").open = true;
  const release = () => {
    ask.refer(null);
    $("audio-said").textContent = "";
    $("audio-file").value = "";
  };
  $("audio-said").replaceChildren(
    `${kept.name}, ${kept.seconds.toFixed(1)} s at ${kept.sample_rate} Hz. `,
    element("button", { type: "button", onclick: release }, "Remove"),
  );
}

$("any-file").onchange = ({ target }) => [...target.files].forEach((file) => take(file).catch(tell));
$("audio-file").onchange = ({ target }) => target.files[0] && take(target.files[0]).catch(tell);
addEventListener("dragenter", (event) => event.dataTransfer?.types.includes("Files") && ($("veil").hidden = false));
addEventListener("dragover", (event) => event.preventDefault());
$("veil").addEventListener("dragleave", () => ($("veil").hidden = true));
addEventListener("drop", (event) => {
  event.preventDefault();
  $("veil").hidden = true;
  [...event.dataTransfer.files].forEach((file) => take(file).catch(tell));
});

// -- saying

let toast = 0;
function say(sentence, remedy = "", [text, act] = []) {
  const hide = () => ($("toast").hidden = true);
  const undo = () => (act(), hide());
  $("toast").replaceChildren(
    sentence,
    ...(remedy ? [element("small", {}, remedy)] : []),
    ...(text ? [element("button", { type: "button", onclick: undo }, text)] : []),
    element("button", { type: "button", class: "quiet close", "aria-label": "Close", onclick: hide }, "×"),
  );
  $("toast").hidden = false;
  clearTimeout(toast);
  toast = setTimeout(() => ($("toast").hidden = true), TOAST_MS);
}

function tell(error) {
  say(error.sentence ?? error.message, error.remedy);
}

// -- light and dark

function theme(name) {
  document.documentElement.dataset.theme = name;
  dispatchEvent(new Event("ditto-theme"));
}
theme(stored("local", "ditto-theme") ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"));
$("theme").onclick = () => {
  const name = document.documentElement.dataset.theme === "light" ? "dark" : "light";
  store("local", "ditto-theme", name);
  theme(name);
};

// -- keys that hold everywhere

const drawn = ["intensity", "brightness", "melody", "rhythm", "reference"].map($);
let edited = drawn[0]; // undo outside of any lane is for the lane that was changed last
drawn.forEach((lane) => ["edit", "commit"].forEach((type) => lane.addEventListener(type, () => (edited = lane))));
addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.target.closest("input, select, textarea, [contenteditable]")) return;
  const way = undoKey(event);
  if (way) edited.back(way);
  else if (event.key === " " && event.target === document.body) toggle();
  else return;
  event.preventDefault();
});

window.dittoPlayer = player; // for whoever wants to listen in, and for tests of what sounds
api.connect();
