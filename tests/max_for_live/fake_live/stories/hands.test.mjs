// What a producer's hands do to the set meanwhile: nothing of theirs is lost, and what cannot be done is said.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Studio } from "../studio.mjs";

test("a prompt that is too long for a datagram is said, and nothing is asked; a shorter one is made", () => {
  for (const letter of ["x", "あ", "🎹", "%"]) {
    const room = new Studio();
    for (let length = 1; length < 5300; length = Math.ceil(length * 1.5)) {
      const before = room.bridge.done.length;
      room.type(letter.repeat(length));
      room.press("generate");
      room.advance(3000);
      assert.deepEqual(room.patch.problems, []);
      const said = /^The prompt is too long to be sent. Shorten it to (\d+) % of its length/.exec(room.status);
      assert.equal(room.bridge.done.length, before + (said ? 0 : 1), `${letter} ${length}: ${room.status}`);
      if (!said) continue;
      assert.equal(room.patch.find("prompt").text.length, letter.length * length);
      room.type(letter.repeat(Math.floor((length * Number(said[1])) / 100)));
      room.press("generate");
      room.advance(3000);
      assert.equal(room.bridge.done.length, before + 1);
    }
    assert.match(room.status, /^Landed/);
  }
});
