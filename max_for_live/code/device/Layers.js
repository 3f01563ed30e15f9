// The layers of a loop: which it has, which are muted, one made anew, and stems on tracks of their own.
const Chosen = Object.freeze({ WORDS: 0, MIX: 1, LIT: 2 });
const CHOSEN_LABELS = ["By the words", "Full mix", "As lit"];
const UNDER_A_LOOP = "bass"; // the layer that is made to fit under a clip where no others are lit

const Layers = {
  lit(part) {
    return LAYERS.filter((layer) => this.values[`${part}_${layer}`] === 1);
  },

  // Layers, mutes and stems as settings; `material` is what the audio clip is used for.
  layerSettings(material) {
    const { layers, place } = this.store.state;
    const settings = {};
    const [lit, muted] = [this.lit("layer"), layers === Chosen.MIX ? [] : this.lit("mute")];
    if (layers === Chosen.MIX) settings.layers = "mix";
    if (layers === Chosen.LIT) {
      if (!lit.length) throw new Refused("No layer is lit. Light one under Layers, or choose By the words.");
      if (lit.every((layer) => muted.includes(layer)))
        throw new Refused("All layers are muted. Unmute one, so that there is something to hear.");
      settings.layers = lit.join(",");
    }
    if ("with" in material && layers === Chosen.MIX)
      throw new Refused("A full mix cannot be made to fit under a clip. Choose By the words or As lit under Layers.");
    if ("with" in material && layers === Chosen.WORDS) settings.layers = UNDER_A_LOOP;
    const there = settings.layers && layers !== Chosen.MIX ? settings.layers.split(",") : LAYERS;
    const left = muted.filter((layer) => there.includes(layer));
    if (left.length) settings.mute = left.join(",");
    if (place === Place.STEMS) settings.stems = 1;
    return settings;
  },

  // A layer was lit or not: from now on they count as they are lit.
  layerLit(value) {
    if (value === 1 && this.store.state.layers !== Chosen.LIT) this.chooseLayers(Chosen.LIT);
    if (this.store.state.layers === Chosen.LIT) this.redraw.edited();
  },

  chooseLayers(index) {
    this.store.change({ layers: index });
    this.face.menu("layers", CHOSEN_LABELS, index);
    this.showActive();
  },

  // One layer of the last take anew; all that is not named here is as in that take.
  again(layer) {
    if (!this.store.state.lastTake) {
      this.sayError("There is no take yet whose layer could be made anew. Press Generate first.");
      return;
    }
    this.remake({ from_take: this.store.state.lastTake, again: layer }, { redraw: true });
    this.face.status("working", `Making the ${layer} anew; the other layers stay …`);
  },

  // The same take once more, with its stems.
  askStems(take) {
    this.remake({ from_take: take.id, stems: 1 }, { redraw: false, stems: true });
    this.face.status("working", `Asking for the stems of ‘${take.name}’ …`);
  },

  // Asks for a take from a take: words, controls, tempo and length are handed on by the bridge.
  remake(settings, how) {
    if (!this.link) return;
    const id = freshName(14);
    const whole = { ...settings, slot: `device-${this.link.base}`, priority: "interactive" };
    if (this.store.state.place === Place.STEMS) whole.stems = 1;
    this.used = this.localCurve();
    this.outbox.submit(new LoopRequest(id, whole));
    this.asked(id, how);
    if (!this.link.connected) this.face.status("off", NO_ENGINE);
  },

  // A stem lies beside its take. UDP may bring it before the take, or twice.
  stem({ take_id: id, layer, path }) {
    const take = this.takes.byId(id);
    if (!take) {
      if (!this.takes.knows(id)) this.strays = [...(this.strays ?? []), { take_id: id, layer, path }].slice(-LAYERS.length * 8);
      return;
    }
    if (take.stems.some((stem) => stem.layer === layer)) return;
    const stem = Takes.stem(take, layer, path);
    take.stems.push(stem);
    this.saveTakes();
    if (take.awaits) this.landStem(stem, take.awaits);
  },

  // Stems that came before their take.
  gatherStrays(take) {
    const mine = (this.strays ?? []).filter(({ take_id: id }) => id === take.id);
    this.strays = (this.strays ?? []).filter(({ take_id: id }) => id !== take.id);
    mine.forEach((message) => this.stem(message));
  },

  landStems(take, how) {
    if (!take.stems.length) this.askStems(take);
    else for (const stem of take.stems) this.landStem(stem, how);
  },

  // Each layer has a track, made at its first stem, beside the others; all of a take have one colour.
  landStem(stem, { redraw = false, spot = this.lander.spot } = {}) {
    this.landing(stem, { redraw, spot, place: Place.STEMS, replaces: null, target: () => this.trackId("target") });
  },
};

Object.assign(Device.prototype, Layers);
for (const layer of LAYERS) {
  CHANGED[`layer_${layer}`] = function lit(value) {
    this.layerLit(value);
  };
  CHANGED[`mute_${layer}`] = function muted() {
    this.redraw.edited();
  };
  HANDLERS[`again_${layer}`] = function again() {
    this.again(layer);
  };
}
