// Requests on their way. UDP may lose, double or reorder anything: a commit is repeated until the bridge
// answers, missing parts are sent again, and after a silence the commit asks where the request stands.
const UNANSWERED_MS = 250;
const SILENT_MS = 4000;

class Outbox {
  constructor(link, clock) {
    this.link = link;
    this.clock = clock;
    this.open = new Map();
  }

  submit(request) {
    this.open.set(request.id, { request, heard: 0, asked: 0, takes: new Set(), ending: null });
    this.send(request.id);
  }

  // Sends everything, or the parts that are missing, and the commit after them.
  send(id, part = "", control = "", indices = []) {
    const entry = this.open.get(id);
    if (!entry || !this.link.connected) return;
    for (const row of entry.request.select(part, control, indices))
      this.link.send(row.path, row.args.map((value) => (value === NONCE ? this.link.nonce : value)));
    this.commit(entry);
  }

  commit(entry) {
    entry.asked = this.clock.now();
    this.link.send("/ditto/loop/commit", entry.request.commitArgs(this.link.nonce));
  }

  cancel(id) {
    if (this.open.has(id)) this.link.send("/ditto/loop/cancel", [id, this.link.nonce || "none"]);
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
      const wait = entry.heard ? SILENT_MS : UNANSWERED_MS;
      if (now - Math.max(entry.asked, entry.heard) < wait) continue;
      this.link.greet();
      this.commit(entry);
    }
  }
}
