// Landing as the sound of a Simpler, also within racks, or of the Drum Rack pad that is selected.
const SIMPLER_VERSION = [12, 4];
const NO_CLIP = -1; // landed, but not as a clip that could be removed

class Samplers {
  constructor(live) {
    this.live = live;
  }

  land(track, take, place, version) {
    if (!atLeast(version, SIMPLER_VERSION))
      throw new Refused("Simpler takes files from Live 12.4 on. Choose Selected scene.");
    const name = `‘${LiveSet.text(track, "name")}’`;
    const { simpler, words } = place === Place.PAD ? this.onPad(track, name) : this.anywhere(track, name);
    simpler.call("replace_sample", take.path);
    return { clip: null, words };
  }

  anywhere(track, name) {
    const simpler = this.simplerIn(track);
    if (!simpler) throw new Refused(`There is no Simpler on ${name}. Choose its track under Lands in.`);
    return { simpler, words: `Landed in the Simpler on ${name}.` };
  }

  onPad(track, name) {
    const rack = this.live.devices(track).find((device) => LiveSet.flag(device, "can_have_drum_pads"));
    if (!rack) throw new Refused(`There is no Drum Rack on ${name}. Choose its track under Lands in.`);
    const pad = this.live.child(this.live.child(rack, "view"), "selected_drum_pad");
    const chain = pad && this.live.child(pad, "chains");
    const simpler = chain && this.simplerIn(chain);
    if (!simpler) throw new Refused(`The selected pad on ${name} has no Simpler. Drop a sample on the pad, then press Land.`);
    return { simpler, words: `Landed on the pad ${LiveSet.text(pad, "name")} of ${name}.` };
  }

  // The first Simpler in a track or a chain, through racks.
  simplerIn(holder) {
    return this.live.devices(holder).find((device) => LiveSet.text(device, "class_name") === "OriginalSimpler") ?? null;
  }
}
