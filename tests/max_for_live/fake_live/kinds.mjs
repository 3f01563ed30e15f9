// The Max objects that the device uses, as their reference describes them: what is on the face, and what passes
// messages on. Audio and network are in kinds_audio.mjs and kinds_wire.mjs, the scripts in kinds_script.mjs.
import { AUDIO } from "./kinds_audio.mjs";
import { SCRIPTS } from "./kinds_script.mjs";
import { WIRE } from "./kinds_wire.mjs";

const silent = () => ({ take() {} });
const isNumber = (value) => typeof value === "number";

// A control with a value: a number or `assign` moves it, `set` does so silently, `outputvalue` tells it.
function control(patch, box) {
  const initial = box.saved_attribute_attributes.valueof.parameter_initial;
  return {
    value: initial ? initial[0] : 0,
    active: 1,
    take([first, second]) {
      if (isNumber(first)) this.value = first;
      else if (first === "set") return void (this.value = second);
      else if (first === "active") return void (this.active = second);
      else if (first !== "outputvalue") return patch.problems.push(`${box.id} does not understand ${first}`);
      return patch.out(box, 0, [this.value]);
    },
  };
}

const FACE = {
  "live.dial": control,
  "live.numbox": control,
  "live.menu": control,
  "live.tab": control,
  "live.text": control,
  "live.comment": (_patch, box) => ({
    text: box.text,
    take([first, ...words]) {
      if (first === "set") this.text = words.join(" ");
    },
  }),
  "live.banks": silent,
  panel: silent,

  umenu: (patch, box) => ({
    items: [...box.items],
    index: 0,
    disabled: new Set(),
    take([first, second, third]) {
      if (isNumber(first)) {
        this.index = first;
        patch.out(box, 0, [first]);
      } else if (first === "clear") Object.assign(this, { items: [], disabled: new Set() });
      else if (first === "append") this.items.push(String(second));
      else if (first === "set") this.index = second;
      else if (first === "enableitem" && third === 0) this.disabled.add(second);
      else if (first === "textcolor") this.ink = second;
      else patch.problems.push(`umenu does not understand ${first}`);
    },
  }),

  textedit: (patch, box) => ({
    text: "",
    take([first, ...words]) {
      if (first === "set") this.text = words.join(" ");
      else if (first === "textcolor") [this.ink] = words;
      else if (first === "bang") this.report();
    },
    report() {
      patch.out(box, 0, this.text || !patch.bareText ? ["text", this.text] : ["text"]);
    },
  }),
};

const PLUMBING = {
  "live.thisdevice": silent,

  delay: (patch, box) => ({
    take([first]) {
      patch.unschedule(this.timer);
      if (first === "bang") this.timer = patch.schedule(Number(box.text.split(" ")[1]), () => patch.out(box, 0, ["bang"]));
    },
  }),

  // A bang is answered with the words and the word `bang` behind them.
  prepend: (patch, box) => ({
    take: (message) => patch.out(box, 0, [...box.text.split(" ").slice(1), ...message]),
  }),

  message: (patch, box) => ({
    take([first]) {
      const words = box.text.split(" ").map((word) => (word === "$1" ? first : isNaN(Number(word)) ? word : Number(word)));
      patch.out(box, 0, words);
    },
  }),

  route: (patch, box) => {
    const words = box.text.split(" ").slice(1);
    return {
      take([first, ...rest]) {
        const outlet = words.indexOf(first);
        if (outlet < 0) patch.out(box, words.length, [first, ...rest]);
        else patch.out(box, outlet, rest.length ? rest : ["bang"]);
      },
    };
  },

  t: (patch, box) => {
    const outlets = box.text.split(" ").slice(1);
    return {
      take() {
        for (let i = outlets.length - 1; i >= 0; i -= 1) patch.out(box, i, ["bang"]);
      },
    };
  },

  deferlow: (patch, box) => ({
    take(message) {
      patch.clock.soon(() => patch.out(box, 0, message));
    },
  }),

  // `assign` is documented for one number; anything else that is sent is stored whole, with an undo step.
  pattr: (patch, box) => ({
    value: null,
    writes: 0,
    undoSteps: 0,
    take([first, ...rest]) {
      if (first === "assign") {
        this.writes += 1;
        const numbers = rest.filter(isNumber);
        this.value = patch.assignKeeps === "all" ? rest : numbers.length ? [numbers[0]] : [0];
      } else if (first !== "bang") {
        this.writes += 1;
        this.undoSteps += 1;
        this.value = [first, ...rest];
      }
      if (this.value) patch.out(box, 0, this.value);
    },
    restore(value) {
      this.value = value;
      if (value) patch.out(box, 0, value);
    },
  }),
};

export const KINDS = { ...FACE, ...PLUMBING, ...AUDIO, ...WIRE, ...SCRIPTS };
