// When an edit makes a new take by itself. Armed by a button; playing the device's own lane back never counts as
// an edit, and there is at most one render in each pass of the loop.
const EDIT_MS = 150;
const AUDIBLE_DB = 1;

class Redraw {
  constructor(clock, make) {
    this.clock = clock;
    this.make = make; // makes a take from the last one
    this.armed = false;
    this.due = null;
    this.usedPass = null;
    this.pass = null;
  }

  arm(on) {
    this.armed = on;
    this.due = null;
  }

  // A hand has changed the intensity: wait until it rests.
  edited() {
    if (this.armed) this.due = this.clock.now() + EDIT_MS;
  }

  // A whole pass was learned: it counts when it can be heard.
  learned(curve, usedCurve, beats) {
    if (usedCurve && Curve.difference(curve, usedCurve, beats) > AUDIBLE_DB) this.edited();
  }

  // `pass` is the number of the loop's pass while Live plays, else null.
  tick(pass) {
    this.pass = pass;
    if (!this.armed || this.due === null || this.clock.now() < this.due) return;
    if (pass !== null && pass === this.usedPass) return; // waits for the next pass
    this.due = null;
    this.usedPass = pass;
    this.make();
  }
}
