// The line to the bridge. The session's name is the nonce; while searching, hello goes to all the ports that a
// bridge may have, each with a nonce of its own, so that the echo also says which port it was.
const SEARCH_MS = [250, 250, 250, 500, 1000, 2000];
const KEEP_UP_MS = 5000;
const LOST_MS = 12000;
const BIND_MS = 150; // a socket needs a moment after its port was set

class Link {
  constructor({ table, clock, wire, instance, nonce, heard }) {
    Object.assign(this, { table, clock, wire, instance, base: nonce, heard });
    const [low, high] = table.replyPorts;
    this.span = [low, high - low + 1];
    this.hop = 0;
    this.tries = 0;
    this.nonce = null; // of the session, once there is one
    this.bridge = "";
    this.searching = null; // since when
  }

  get connected() {
    return this.nonce !== null;
  }

  get replyPort() {
    return this.span[0] + ((hash(this.base) + this.hop) % this.span[1]);
  }

  start() {
    this.wire.listen(this.replyPort);
    this.clock.after(BIND_MS, () => this.clock.loop(() => this.beat()));
  }

  // One turn of the search or of the keep-up; returns how long until the next.
  beat() {
    if (this.connected && this.clock.now() - this.lastWelcome > LOST_MS) this.lose();
    if (this.connected) {
      this.greet();
      return KEEP_UP_MS;
    }
    this.searching ??= this.clock.now();
    if (this.tries && this.tries % 2 === 0) this.nextReplyPort();
    this.table.ports.forEach((port, i) => this.hello(port, `${this.base}-${i}`));
    this.tries += 1;
    this.heard.alone(this.clock.now() - this.searching);
    return SEARCH_MS[Math.min(this.tries, SEARCH_MS.length) - 1];
  }

  // Another program, or a copy of this device, may hold the port: try the next until a welcome comes.
  nextReplyPort() {
    this.hop += 1;
    this.wire.listen(this.replyPort);
  }

  lose() {
    this.nonce = null;
    this.tries = 0;
    this.searching = null;
    this.nextReplyPort(); // a copy of this device may hear what is meant for us
    this.heard.lost();
  }

  greet() {
    this.hello(this.port, this.nonce);
  }

  hello(port, nonce) {
    this.send("/ditto/hello", [this.table.protocol, this.instance, nonce, this.replyPort], port);
  }

  // Sends to the bridge; silently nowhere while there is none, since everything is sent again later.
  send(path, args, port = this.port) {
    if (port !== undefined) this.wire.send(port, path, this.table.outgoing(path, args));
  }

  receive(path, args) {
    const message = this.table.incoming(path, args);
    if (!message) return;
    if (path === "/ditto/welcome") this.welcome(message);
    else if (this.connected) this.heard.message(message);
  }

  welcome({ protocol, nonce, bridge_id: bridge, version }) {
    const index = this.table.ports.findIndex((_, i) => nonce === `${this.base}-${i}`);
    if (index < 0 || (this.connected && nonce !== this.nonce)) return; // meant for another copy
    const restarted = this.bridge !== "" && this.bridge !== bridge;
    const fresh = !this.connected;
    this.searching = null;
    Object.assign(this, { nonce, bridge, port: this.table.ports[index], lastWelcome: this.clock.now() });
    if (protocol !== this.table.protocol) this.heard.foreign(version);
    else if (fresh || restarted) this.heard.found(restarted);
    else this.heard.greeted();
  }
}

// FNV-1a, 32 bits. Of the nonce: copies of a device, which share all that is saved, begin at ports of their own.
function hash(text) {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 0x01000193) >>> 0;
  return value;
}

// A name that nobody else has: letters and digits only.
function freshName(length) {
  const letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  return "d" + Array.from({ length }, () => letters[Math.floor(Math.random() * letters.length)]).join("");
}
