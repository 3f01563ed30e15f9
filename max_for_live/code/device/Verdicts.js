// How closely a take follows what was asked, in the words that the bridge says of it: "melody: nearly followed, 91 % of
// its time sounds as asked.", "intensity: missed by 3.1 dB in bar 2."
const VERDICT = /([a-z][a-z -]*): (followed|nearly followed|missed)\b(?: by ([\d.]+ [a-zA-Z]+))?/g;
const Grade = Object.freeze({ GOOD: "good", NEAR: "near", MISS: "miss" });
const GRADES = { followed: [Grade.GOOD, "followed"], "nearly followed": [Grade.NEAR, "nearly"], missed: [Grade.MISS, "missed"] };

const Verdicts = {
  // Rows [control, grade, words], the worst first.
  of(notes) {
    const rows = [...notes.matchAll(VERDICT)].map(([, control, said, amount]) => {
      const [grade, words] = GRADES[said];
      return [control, grade, amount ? `${words} by ${amount}` : words];
    });
    const order = [Grade.MISS, Grade.NEAR, Grade.GOOD];
    return rows.sort((a, b) => order.indexOf(a[1]) - order.indexOf(b[1]));
  },

  // One word for all, or of the one that is worst.
  short([[control, grade, words]]) {
    return grade === Grade.GOOD ? words.split(" ")[0] : `${control} ${words.split(" ")[0]}`;
  },
};
