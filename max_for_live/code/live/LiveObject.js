// An object of the set, named by its id. All of them share one `LiveAPI` that is moved from id to id: each new
// LiveAPI costs Live memory that it keeps until it quits, and moving one by number costs nothing.
class LiveObject {
  constructor(live, id) {
    this.live = live;
    this.id = id;
  }

  get type() {
    return this.live.reach(this.id)?.type ?? "";
  }

  get(property) {
    return this.live.reach(this.id)?.get(property) ?? [];
  }

  set(property, value) {
    this.live.reach(this.id)?.set(property, value);
  }

  call(name, ...args) {
    return this.live.reach(this.id)?.call(name, ...args);
  }
}
