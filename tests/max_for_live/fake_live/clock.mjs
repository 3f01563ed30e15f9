// Time for the fakes: the computer's, or a clock that a test moves on by hand, which makes 15 s a matter of nothing.
export class RealClock {
  now() {
    return Date.now();
  }

  after(ms, work) {
    return setTimeout(work, ms);
  }

  soon(work) {
    setImmediate(work);
  }

  cancel(handle) {
    clearTimeout(handle);
  }
}

export class VirtualClock {
  constructor() {
    this.time = 1_000_000;
    this.queue = [];
    this.count = 0;
  }

  now() {
    return this.time;
  }

  after(ms, work) {
    const entry = { at: this.time + Math.max(0, Number(ms) || 0), order: this.count++, work };
    this.queue.push(entry);
    return entry;
  }

  soon(work) {
    this.after(0, work);
  }

  cancel(entry) {
    this.queue = this.queue.filter((other) => other !== entry);
  }

  // Does everything that is due within the next `ms`.
  advance(ms) {
    const end = this.time + ms;
    for (;;) {
      const due = this.queue.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!due) break;
      this.cancel(due);
      this.time = Math.max(this.time, due.at);
      due.work();
      this.afterEach?.();
    }
    this.time = end;
  }

  // Moves on until something holds; throws after `seconds` of virtual time.
  until(ready, what, seconds = 30) {
    const end = this.time + seconds * 1000;
    while (!ready()) {
      if (this.time > end) throw new Error(`waited in vain for ${typeof what === "function" ? what() : what}`);
      this.advance(10);
    }
  }
}
