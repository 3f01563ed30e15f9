// Makes a fresh clip the loop that it is. Live wants several turns: it defers `warping`, warps by itself after that,
// and may do so seconds later; so a landed clip is watched for a while, and put right again.
const TURN_MS = 30;
const WARPING_TURNS = 270; // Live may first have to analyse the file
const SETTLE_TURNS = 60;
const CLOSE = 1e-3; // beats
const FIT_ROUNDS = 3;
const WATCH_MS = [300, 700, 1000, 2000, 2000, 2000, 2000, 5000]; // between two looks after landing

const TAKEN_AWAY = "The clip was taken away while it landed. Press Land to put the take back.";

const fileName = (path) => path.split(/[\\/]/).pop().normalize("NFC"); // a Mac may spell letters in pieces

class Refused extends Error {}

// What of a clip only a hand changes, and what Live's own warping may move, too; warp markers count as straight or not.
const BY_HAND = ["name", "color", "gain", "pitch_coarse", "pitch_fine", "warp_mode", "warping", "muted", "has_envelopes", "looping"];
const BY_WARPING = ["loop_start", "loop_end", "start_marker", "end_marker"];

const Clipwork = {
  *create(live, holder, take, ...where) {
    holder.call("create_audio_clip", take.path, ...where);
    yield TURN_MS;
    const clip = live.child(holder, where.length ? "arrangement_clips" : "clip");
    if (!clip) throw new Refused(`Live could not open ${take.path}. Is the file still there?`);
    if (!Clipwork.isOf(clip, take)) throw new Refused(TAKEN_AWAY); // a hand was quicker, and this clip is theirs
    return clip;
  },

  // Whether a clip plays the file of a take; Collect All and Save moves the file but keeps its name.
  isOf: (clip, { path }) => fileName(LiveSet.text(clip, "file_path")) === fileName(path),

  // Notes which clip a take became, and how it looks as we leave it.
  note(clip, take) {
    take.clipId = clip.id;
    take.look = Clipwork.look(clip, take);
  },

  // Whether a clip is the one that a take became, as we have left it.
  isUntouched: (clip, take) => clip.id === take.clipId && Clipwork.look(clip, take) === take.look,

  look: (clip, { seconds, beats }) =>
    JSON.stringify([Clipwork.all(clip, BY_HAND), Clipwork.all(clip, BY_WARPING), Warp.straight(clip, seconds, beats)]),

  all: (clip, names) => JSON.stringify(names.map((name) => LiveSet.raw(clip, name))),

  *dress(clip, { take, warpMode }) {
    clip.set("name", take.name);
    clip.set("color", take.color);
    clip.set("signature_numerator", take.signature[0]);
    clip.set("signature_denominator", take.signature[1]);
    clip.set("warping", 1); // deferred by Live: everything that depends on it waits
    yield* Clipwork.until(clip, "warping");
    clip.set("warp_mode", warpMode);
    yield* Clipwork.settle(clip);
  },

  // Straight markers and the loop's ends, again if Live warps the file meanwhile. A clip on a take lane does not loop.
  *fit(clip, take, looped) {
    for (let round = 1; ; round += 1) {
      try {
        if (!(yield* Warp.straighten(clip, take.seconds, take.beats))) throw new Refused(clip.type ? CROOKED : TAKEN_AWAY);
        yield* looped ? Clipwork.setLoop(clip, take.beats) : Clipwork.setEnds(clip, take.beats);
        if (Warp.straight(clip, take.seconds, take.beats)) return;
        throw new Refused(CROOKED);
      } catch (error) {
        if (!(error instanceof Refused) || round === FIT_ROUNDS || !clip.type) throw error;
      }
    }
  },

  // Waits until Live's own warping has left the markers alone for two turns.
  *settle(clip) {
    let before = "";
    for (let turn = 0; turn < SETTLE_TURNS; turn += 1) {
      yield TURN_MS;
      const now = JSON.stringify(Warp.markers(clip));
      if (now === before) return;
      before = now;
    }
  },

  *until(clip, property) {
    for (let turn = 0; turn < WARPING_TURNS; turn += 1) {
      yield TURN_MS;
      if (!clip.type) throw new Refused(TAKEN_AWAY);
      if (LiveSet.flag(clip, property)) return;
    }
    throw new Refused("Live did not turn warping on. Open the clip, press Warp, and set the clip's tempo to the set's.");
  },

  // Looping first, since the loop points mean the clip's own markers while it is off; ends before starts, since
  // a start may never pass its end.
  *setLoop(clip, beats) {
    clip.set("looping", 1);
    yield* Clipwork.until(clip, "looping");
    yield* Clipwork.setEnds(clip, beats);
  },

  *setEnds(clip, beats) {
    for (const [property, value] of [["loop_end", beats], ["end_marker", beats], ["loop_start", 0], ["start_marker", 0]])
      clip.set(property, value);
    yield TURN_MS;
    if (!clip.type) throw new Refused(TAKEN_AWAY);
    const wrong = Clipwork.wrongEnd(clip, beats);
    if (wrong) throw new Refused(`Live set the clip's ${wrong.replace("_", " ")} to ${LiveSet.number(clip, wrong)}. Set it to ${
      wrong.endsWith("start") || wrong.startsWith("start") ? 0 : beats} beats by hand.`);
  },

  wrongEnd(clip, beats) {
    const wanted = { loop_start: 0, loop_end: beats, start_marker: 0, end_marker: beats };
    return Object.keys(wanted).find((property) => Math.abs(LiveSet.number(clip, property) - wanted[property]) > CLOSE);
  },

  // Looks at a clip for 15 s, unless a hand works on it: Live's own warping may come late. `wrong` says that it did not land as it should;
  // `said` gets words when it cannot be mended, and `mended` is called when it was wrong and is right at last.
  *watch(clip, take, { looped, wrong, said, mended }) {
    let bad = wrong;
    const before = Clipwork.all(clip, BY_HAND);
    for (const ms of WATCH_MS) {
      yield ms;
      if (!clip.type || Clipwork.all(clip, BY_HAND) !== before) return; // it is gone, or the producer's
      if (!bad && Warp.straight(clip, take.seconds, take.beats)) continue;
      try {
        yield* Clipwork.fit(clip, take, looped);
        if (bad) mended();
        bad = false;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (clip.type && !bad) said(`‘${take.name}’: ${error.message}`);
        bad = true;
      }
    }
  },
};

const CROOKED = "Live warped the loop in its own way. Open the clip and set its tempo to the set's by hand.";
