// The studio page: the form asks, the socket tells, the takes are listed and heard.

import { Api, tokenOfAddress } from "./api.js";
import { Ask } from "./ask.js";
import "./drums.js";
import "./lane.js";
import { drawLosses } from "./picture.js";
import { hearNotes, Player } from "./player.js";
import "./roll.js";
import { element, Takes } from "./takes.js";

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
  use: $("audio-use"),
  keep: $("audio-keep"),
});
const takes = new Takes(api, { list: $("cards"), find: $("find"), favourites: $("favourites"), more: $("more"), count: $("count") });
const jobs = new Map(); // running requests by id
const own = new Set(); // those that this tab asked for: it plays what comes of them

// -- asking

function make(more = {}) {
  player.wake().catch(() => {});
  api.say({ type: "make", settings: { ...ask.settings, ...more }, parts: ask.parts, tag: more.slot ?? "" });
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
$("melody").addEventListener("hear", () => hearNotes($("melody").groups, Number($("ask").elements.tempo_bpm.value) || 120));

// -- what the server says

const on = (type, act) => api.addEventListener(type, ({ detail }) => act(detail));

on("hello", ({ models }) => {
  const field = $("ask").elements.model;
  const chosen = field.value;
  field.replaceChildren(...models.map((model) => new Option(model, model)));
  if (models.includes(chosen)) field.value = chosen;
  jobs.clear();
  showJobs();
  takes.load().catch(tell);
  api.say({ type: "understand", prompt: $("prompt").value });
});
on("engine", ({ alive }) => engine(alive ? "yes" : "no", alive ? "The engine is ready." : "No engine answers. It is started again by itself; else run ditto-live serve."));
on("closed", ({ code, reason }) => engine("no", code === 1008 ? `${reason} Open the page again with ditto-live open.` : "The page's server is gone. Waiting for it …"));
on("submitted", ({ id }) => own.add(id));
on("refused", tell);
on("running", (job) => {
  jobs.set(job.id, { ...jobs.get(job.id), ...job });
  showJobs();
});
on("progress", (progress) => {
  const job = jobs.get(progress.id);
  if (!job) return;
  job.progress = progress;
  job.losses = [...(job.losses ?? []), progress.losses];
  showJobs();
});
on("take", ({ id, take, notes }) => {
  takes.add(take);
  notes.forEach((note) => say(note));
  if (own.delete(id)) listen(take);
});
on("end", ({ id, outcome, sentence, remedy }) => {
  jobs.delete(id);
  own.delete(id);
  showJobs();
  if (outcome === "failed") tell({ sentence, remedy });
});
on("understood", ({ prompt, words, unknown, tempo_bpm, key }) => {
  if (prompt !== $("prompt").value) return;
  const said = [];
  if (words.length) said.push("Heard: ", element("b", {}, words.join(", ")));
  if (tempo_bpm) said.push(said.length ? ", " : "Heard: ", element("b", {}, `${tempo_bpm} BPM`));
  if (key) said.push(said.length ? ", " : "Heard: ", element("b", {}, key));
  unknown.forEach(({ word, nearest }, i) =>
    said.push(i ? ", " : said.length ? ". Not known: " : "Not known: ", element("i", {}, word), nearest ? ` (did you mean ${nearest}?)` : ""),
  );
  if (prompt.trim() && !words.length) said.push(". The seed alone decides.");
  $("heard").replaceChildren(...said);
});

function engine(alive, sentence) {
  $("engine").dataset.alive = alive;
  $("engine").textContent = sentence;
}

function showJobs() {
  $("running").replaceChildren(
    ...[...jobs.values()].map((job) => {
      const { step = 0, steps = 0, seconds_left: left } = job.progress ?? {};
      const canvas = element("canvas");
      requestAnimationFrame(() => job.losses?.length && drawLosses(canvas, job.losses));
      return element(
        "div",
        { class: "job" },
        element("strong", {}, job.prompt || "no words"),
        element("button", { type: "button", onclick: () => api.say({ type: "cancel", id: job.id }) }, "Stop here"),
        element("progress", { max: steps || 1, ...(steps ? { value: step } : {}), "aria-label": "How far the search is" }),
        job.losses?.length ? canvas : null,
        element("span", { class: "muted" }, steps ? `Step ${step} of ${steps}${left > 0 ? `, about ${left < 10 ? left.toFixed(1) : Math.round(left)} s left` : ""}` : "Getting ready …"),
        ...(job.notes ?? []).map((note) => element("span", { class: "muted" }, note)),
      );
    }),
  );
}

// -- hearing

async function listen(take) {
  try {
    await player.play(take, await api.audio(take.id));
  } catch (error) {
    tell(error);
  }
}

takes.addEventListener("play", ({ detail }) => (player.take?.id === detail.id ? player.stop() : listen(detail)));
takes.addEventListener("again", ({ detail }) => make({ from_take: detail.id, variation: "0", seed: detail.seed, slot: REDRAW_SLOT, count: "1" }));
takes.addEventListener("vary", ({ detail }) => make({ from_take: detail.id, variation: "0.5", seed: "" }));
takes.addEventListener("settings", ({ detail }) => ask.fill(detail.settings));
player.addEventListener("change", async () => {
  const take = player.take;
  takes.mark(take?.id);
  $("play").disabled = !take;
  $("play").textContent = take ? "■" : "▶";
  $("play").setAttribute("aria-label", take ? "Stop" : "Play");
  $("ab").disabled = !player.canCompare;
  $("playing").textContent = take ? take.prompt || "no words" : "Nothing plays.";
  $("intensity").showHeard(null);
  if (!take) return;
  const whole = await api.json(`/takes/${take.id}`).catch(() => null);
  const heard = whole?.controls.find((control) => control.kind === "intensity")?.heard;
  if (heard && player.take?.id === take.id) $("intensity").showHeard(heard);
});
$("play").onclick = () => player.stop();
$("ab").onclick = () => player.compare();
$("volume").oninput = ({ target }) => (player.volume = Number(target.value));
(function turn() {
  $("place").style.setProperty("--at", player.position);
  requestAnimationFrame(turn);
})();

// -- files

async function take(file) {
  const kept = await api.upload(file);
  if (kept.kind === "midi") takeMidi(kept);
  else if (kept.kind === "set") takeSet(kept);
  else takeAudio(kept);
}

function takeMidi({ tracks, name, remarks }) {
  const track = tracks.find((one) => one.notes.length) ?? { notes: [] };
  if (!track.notes.length) return tell({ sentence: `${name} holds no notes.` });
  $("melody").closest("details").open = true;
  $("melody").replace(track.notes.filter(([, start]) => start < ask.beats));
  say(`${name}: ${track.notes.length} notes${track.name ? ` of ${track.name}` : ""}.`, remarks.join(" "));
}

function takeSet({ lanes, name, handle }) {
  $("set").hidden = false;
  $("set-name").textContent = name;
  $("set-lane").replaceChildren(...lanes.map((lane) => new Option(`${lane.path} (${lane.events} events)`, lane.path)));
  for (const target of ["intensity", "brightness"])
    $(`set-${target}`).onclick = async () => {
      const query = new URLSearchParams({ set: handle, lane: $("set-lane").value, start: $("set-start").value, beats: ask.beats });
      const { points, low, high } = await api.json(`/lane?${query}`).catch((error) => (tell(error), { points: [] }));
      const lane = $(target);
      const share = (value) => (high > low ? (value - low) / (high - low) : 0.5);
      if (points.length) lane.replace(points.map(([beat, value]) => [beat, lane.valueOf(share(value))]));
      lane.closest("details").open = true;
    };
}

function takeAudio(kept) {
  ask.reference = kept;
  $("audio-use").closest("details").open = true;
  $("audio-said").textContent = `${kept.name}, ${kept.seconds.toFixed(1)} s at ${kept.sample_rate} Hz.`;
  ask.refresh();
}

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
function say(sentence, remedy = "") {
  $("toast").replaceChildren(sentence, ...(remedy ? [element("small", {}, remedy)] : []));
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
theme(localStorage.getItem("ditto-theme") ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"));
$("theme").onclick = () => {
  const name = document.documentElement.dataset.theme === "light" ? "dark" : "light";
  localStorage.setItem("ditto-theme", name);
  theme(name);
};
addEventListener("keydown", (event) => {
  if (event.key === " " && event.target === document.body && player.take) {
    event.preventDefault();
    player.stop();
  }
});

window.dittoPlayer = player; // for whoever wants to listen in, and for tests of what sounds
api.connect();
