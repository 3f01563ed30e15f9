// Time, from Max's low-priority `Task`. A Task that nothing refers to is collected before it runs, so each is kept,
// and used again: making one costs more than setting it anew. While Live's audio is off no Task runs at all.
const STALLED_MS = 1500;

class Clock {
  constructor(host) {
    this.host = host;
    this.idle = [];
    this.busy = new Set();
    this.ranAt = null;
    this.read = 0;
    this.behind = 0;
  }

  // Milliseconds that never go back, as the computer's clock does when it is set.
  now() {
    const read = Date.now();
    this.behind += Math.max(0, this.read - read);
    this.read = read;
    return read + this.behind;
  }

  // Whether Tasks have stopped running, which they do while Live's audio is off.
  get stalled() {
    return this.ranAt === null || this.now() - this.ranAt > STALLED_MS;
  }

  // Runs `work` once after `ms`; the result can be cancelled.
  after(ms, work) {
    const slot = this.idle.pop() || this.slot();
    const ticket = { cancel: () => slot.ticket === ticket && this.cancel(slot) };
    Object.assign(slot, { work, ticket });
    this.busy.add(slot);
    slot.task.schedule(ms);
    return ticket;
  }

  slot() {
    const slot = { work: null, ticket: null };
    slot.task = this.host.task(() => {
      if (!slot.ticket) return;
      const { work } = slot;
      this.ranAt = this.now();
      this.release(slot);
      work();
    });
    return slot;
  }

  cancel(slot) {
    slot.task.cancel();
    this.release(slot);
  }

  release(slot) {
    slot.ticket = null;
    this.busy.delete(slot);
    this.idle.push(slot);
  }

  // Runs `work` again and again; `work` returns the milliseconds until the next time.
  loop(work) {
    const handle = { cancel: () => handle.next.cancel() };
    const again = () => {
      const ms = work();
      if (!handle.over) handle.next = this.after(ms, again);
    };
    handle.cancel = () => {
      handle.over = true;
      handle.next.cancel();
    };
    handle.next = this.after(0, again);
    return handle;
  }

  // Runs a generator that yields how many milliseconds to wait: long work in small turns, so that Live gets
  // the deferred turns that it needs between two changes. Cancelling runs its `finally`.
  run(steps) {
    const handle = {};
    const next = () => {
      const { value, done } = steps.next();
      if (!done) handle.next = this.after(value, next);
    };
    handle.next = this.after(0, next);
    handle.cancel = () => {
      handle.next.cancel();
      steps.return();
    };
    return handle;
  }

  stop() {
    for (const slot of [...this.busy]) this.cancel(slot);
  }
}
