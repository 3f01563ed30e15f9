// An object as a row of texts for a `pattr`. Max remembers each text that it has seen for good, so each field, and each
// element of a list, has pieces of its own, which stay as they are when others change:
//
//     @prompt "warm%20pad" @history @+ "warm%20pad" @+ "dusty ..." @takes ...
const PIECE = 400; // characters of one symbol; Max's are limited
const FIELD = "@"; // never in an encoded text
const ELEMENT = "@+";

const Pieces = {
  of(state) {
    const cut = (value) => encodeURIComponent(JSON.stringify(value)).match(new RegExp(`.{1,${PIECE}}`, "g"));
    const field = (value) => (Array.isArray(value) ? value.flatMap((element) => [ELEMENT, ...cut(element)]) : cut(value));
    return Object.entries(state).flatMap(([name, value]) => [FIELD + name, ...field(value)]);
  },

  read(pieces) {
    const whole = (texts) => JSON.parse(decodeURIComponent(texts.join("")));
    const groups = [];
    for (const piece of pieces) {
      if (piece.startsWith(FIELD)) groups.push({ name: piece, texts: [] });
      else groups[groups.length - 1].texts.push(piece);
    }
    const state = {};
    let list = "";
    for (const { name, texts } of groups) {
      if (name === ELEMENT) state[list].push(whole(texts));
      else {
        list = name.slice(FIELD.length);
        state[list] = texts.length ? whole(texts) : [];
      }
    }
    return state;
  },
};
