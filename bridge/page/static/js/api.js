// The page's line to its server: one WebSocket for requests and events, fetch for takes and files.

const AGAIN_MS = [300, 700, 1500, 3000]; // pauses before the socket is tried again

/** Takes the token out of the address bar and keeps it for this tab's reloads. */
export function tokenOfAddress() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found) {
    sessionStorage.setItem("ditto-token", found);
    history.replaceState(null, "", location.pathname);
  }
  return found ?? sessionStorage.getItem("ditto-token") ?? "";
}

/** An answer that says why something cannot be done. */
export class Refused extends Error {
  constructor({ sentence, remedy = "" }) {
    super(sentence);
    this.remedy = remedy;
  }
}

/** Emits each message of the server as an event of its type, and `open` and `closed`. */
export class Api extends EventTarget {
  #token;
  #socket = null;
  #tries = 0;
  #waiting = [];

  constructor(token) {
    super();
    this.#token = token;
  }

  connect() {
    const socket = new WebSocket(`ws://${location.host}/talk`);
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", token: this.#token }));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "hello") {
        this.#tries = 0;
        this.#waiting.splice(0).forEach((text) => socket.send(text));
      }
      this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
    };
    socket.onclose = ({ code, reason }) => {
      this.dispatchEvent(new CustomEvent("closed", { detail: { code, reason } }));
      if (code !== 1008) setTimeout(() => this.connect(), AGAIN_MS[Math.min(this.#tries++, AGAIN_MS.length - 1)]);
    };
  }

  /** Sends a message now, or as soon as the server answers again. */
  say(message) {
    const text = JSON.stringify(message);
    if (this.#socket?.readyState === WebSocket.OPEN && this.#tries === 0) this.#socket.send(text);
    else if (message.type === "make") this.#waiting.push(text);
  }

  async #fetch(path, options = {}) {
    const answer = await fetch(path, { ...options, headers: { authorization: `Bearer ${this.#token}` } });
    if (answer.ok) return answer;
    const said = await answer.json().catch(() => ({ sentence: `The server answered ${answer.status}.` }));
    throw new Refused(said);
  }

  async json(path, options) {
    return (await this.#fetch(path, options)).json();
  }

  async blob(path) {
    return (await this.#fetch(path)).blob();
  }

  async audio(take) {
    return (await this.#fetch(`/takes/${take}/audio`)).arrayBuffer();
  }

  upload(file) {
    return this.json(`/uploads?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
  }

  change(take, wish) {
    return this.json(`/takes/${take}?do=${wish}`, { method: "POST" });
  }
}
