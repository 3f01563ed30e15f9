// Requests on their way. UDP may lose, double or reorder anything: a commit is repeated until the bridge
// answers, missing parts are sent again, and after a silence the commit asks where the request stands.
const UNANSWERED_MS = 250;
const SILENT_MS = 4000;
const STOP_AGAIN_MS = 1000;

class Outbox {
  constructor(link, clock) {
    this.link = link;
    this.clock = clock;
    this.open = new Map();
  }

  submit(request) {
    this.open.set(request.id, { request, heard: 0, asked: 0, takes: new Set(), left: false, stopping: false });
    this.send(request.id);
  }

  // Sends everything, or the parts that are missing, and the commit after them.
  send(id, part = "", control = "", indices = []) {
    const entry = this.open.get(id);
    if (!entry || !this.link.connected) return;
    if (entry.stopping) {
      this.sayStop(entry);
      return;
    }
    entry.left = true;
    for (const row of entry.request.select(part, control, indices))
      this.link.send(row.path, row.args.map((value) => (value === NONCE ? this.link.nonce : value)));
    this.commit(entry);
  }

  commit(entry) {
    entry.asked = this.clock.now();
    this.link.send("/ditto/loop/commit", entry.request.commitArgs(this.link.nonce));
  }

  // Stops a request, which is said until it has an end; returns false for one that had not left yet, and is over.
  cancel(id) {
    const entry = this.open.get(id);
    if (!entry?.left) {
      this.open.delete(id);
      return false;
    }
    entry.stopping = true;
    this.sayStop(entry);
    return true;
  }

  sayStop(entry) {
    entry.asked = this.clock.now();
    if (this.link.connected) this.link.send("/ditto/loop/cancel", [entry.request.id, this.link.nonce]);
  }

  isStopping(id) {
    return this.open.get(id)?.stopping ?? false;
  }

  // A new bridge knows nothing of what the old one had not yet taken in.
  resendAll() {
    for (const id of this.open.keys()) this.send(id);
  }

  // Any word about a request counts as an answer. Returns false for a request that is not ours.
  hear(id) {
    const entry = this.open.get(id);
    if (entry) entry.heard = this.clock.now();
    return Boolean(entry);
  }

  // Counts a take; returns false when it had come before.
  take(id, takeId) {
    const takes = this.open.get(id).takes;
    return takes.has(takeId) ? false : Boolean(takes.add(takeId));
  }

  // The end of a request: acknowledged only when all its takes are here, else the commit asks for them.
  end(id, takes) {
    const entry = this.open.get(id);
    if (entry.takes.size < takes) {
      this.commit(entry);
      return false;
    }
    this.open.delete(id);
    this.acknowledge(id);
    return true;
  }

  acknowledge(id) {
    this.link.send("/ditto/seen", [id, this.link.nonce]);
  }

  // Called a few times a second. The hello is for a bridge that was started anew and does not know us yet.
  tick() {
    if (!this.link.connected) return;
    const now = this.clock.now();
    for (const entry of this.open.values()) {
      if (entry.stopping) {
        if (now - entry.asked >= STOP_AGAIN_MS) this.sayStop(entry);
        continue;
      }
      const wait = entry.heard ? SILENT_MS : UNANSWERED_MS;
      if (now - Math.max(entry.asked, entry.heard) < wait) continue;
      this.link.greet();
      this.commit(entry);
    }
  }
}
