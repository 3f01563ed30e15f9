// Audio objects: nothing sounds here, but what they are told is kept.
const silent = () => ({ take() {} });

export const AUDIO = {
  "plugin~": silent,
  "plugout~": silent,
  "line~": (_patch) => ({ take([value]) { this.value = value; } }),
  "*~": silent,
  "wave~": silent,
  "phasor~": () => ({ said: [], take(message) { this.said.push(message); } }),

  "buffer~": (patch, box) => ({
    take([first, path]) {
      if (first !== "replace") return patch.problems.push(`buffer~ does not understand ${first}`);
      this.path = path;
      if (patch.live.factsOf(path)) patch.clock.after(5, () => patch.out(box, 1, ["bang"])); // else only the console hears of it
      return undefined;
    },
  }),

  "dspstate~": (patch, box) => ({
    take() {
      patch.out(box, 1, [patch.sampleRate]);
      patch.out(box, 0, [patch.audio ? 1 : 0]);
    },
  }),
};
