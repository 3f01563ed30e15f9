// The layers of a take on its card: heard one by one (mute, solo), made anew, and saved.

import { element } from "./element.js";

const button = (text, onclick, more = {}) => element("button", { type: "button", onclick, ...more }, text);

/** Returns the panel of a take's layers. `ask` makes something of the take, `save` saves a path under a name. */
export function layerPanel(take, { player, ask, save, fetchStem }) {
  const muted = new Set();
  const soloed = new Set();
  const hasStems = take.stems.length > 0;
  const isHeard = (layer) => (soloed.size ? soloed.has(layer) : !muted.has(layer) && !take.muted.includes(layer));
  const apply = () => player.mixStems(take.id, Object.fromEntries(take.stems.map((layer) => [layer, isHeard(layer)])));
  const listen = async () => {
    if (player.stemsOf !== take.id) {
      const stems = await Promise.all(take.stems.map(async (layer) => [layer, await fetchStem(layer)]));
      await player.playStems(take, Object.fromEntries(stems));
    }
    apply();
  };
  const toggle = (text, layer, chosen) => {
    const made = button(text, () => {
      if (!chosen.delete(layer)) chosen.add(layer);
      made.setAttribute("aria-pressed", chosen.has(layer));
      return listen().catch(ask.failed);
    }, { "aria-pressed": "false", "aria-label": `${text} ${layer}` });
    return made;
  };
  const rows = take.layers.map((layer) =>
    element(
      "div",
      { class: "layer-row", dataset: { layer } },
      element("span", {}, layer, take.muted.includes(layer) ? element("small", {}, " not in the mix") : null),
      ...(hasStems
        ? [toggle("Mute", layer, muted), toggle("Solo", layer, soloed), button("Save", () => save(`/takes/${take.id}/stems/${layer}`, `-${layer}.wav`), { "aria-label": `Save ${layer}` })]
        : []),
      button("Again", () => ask.again(layer), { title: `Make the ${layer} anew; all else stays`, "aria-label": `Again ${layer}` }),
    ),
  );
  const below = hasStems
    ? button("Save all stems", () => save(`/takes/${take.id}/stems.zip`, "-stems.zip"))
    : button("Get stems", () => ask.stems(), { title: "The same loop once more, with each layer as a file of its own" });
  return element("section", { class: "panel", "aria-label": "Layers" }, take.chords ? element("p", { class: "facts" }, `Chords: ${take.chords.replace(/ ?\|$/, "")}`) : null, ...rows, below);
}
