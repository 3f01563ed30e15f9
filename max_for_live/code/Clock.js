// Time, from Max's low-priority `Task`. A Task that nothing refers to is collected before it runs, so each is
// kept until it has run.
class Clock {
  constructor(host) {
    this.host = host;
    this.tasks = new Set();
  }

  now() {
    return Date.now();
  }

  // Runs `work` once after `ms`; the result can be cancelled.
  after(ms, work) {
    const entry = { cancel: () => {} };
    const task = this.host.task(() => {
      this.tasks.delete(entry);
      work();
    });
    entry.cancel = () => {
      task.cancel();
      this.tasks.delete(entry);
    };
    this.tasks.add(entry);
    task.schedule(ms);
    return entry;
  }

  // Runs `work` again and again; `work` returns the milliseconds until the next time.
  loop(work) {
    const handle = { cancel: () => handle.next.cancel() };
    const again = () => (handle.next = this.after(work(), again));
    handle.next = this.after(0, again);
    return handle;
  }

  // Runs a generator that yields how many milliseconds to wait: long work in small turns, so that Live gets
  // the deferred turns that it needs between two changes.
  run(steps) {
    const next = () => {
      const { value, done } = steps.next();
      if (!done) this.after(value, next);
    };
    this.after(0, next);
  }

  stop() {
    for (const entry of [...this.tasks]) entry.cancel();
  }
}
