// The network: real sockets, or the test's own wire.
import dgram from "node:dgram";
import { decode, encode } from "./osc.mjs";

const MAX_PACKET_BYTES = 5096; // udpsend's default

export const WIRE = {
  udpsend: (patch, box) => {
    const socket = patch.wire ? null : dgram.createSocket("udp4");
    const to = { host: box.text.split(" ")[1], port: Number(box.text.split(" ")[2]) };
    return {
      take([first, ...args]) {
        if (first === "port" || first === "host") return void (to[first] = args[0]);
        if (!String(first).startsWith("/")) return patch.problems.push(`udpsend got ${first}`);
        const datagram = encode(first, args);
        if (datagram.length > MAX_PACKET_BYTES) return patch.problems.push(`${first} has ${datagram.length} bytes`);
        patch.seen.push({ path: first, args, port: to.port });
        if (patch.lose({ path: first, args, out: true })) return undefined;
        if (patch.wire) patch.wire.take(patch, decode(datagram), to.port);
        else socket.send(datagram, to.port, to.host);
        return undefined;
      },
      close: () => socket?.close(),
    };
  },

  // Only one process may have a port: a second one fails without a word.
  udpreceive: (patch, box) => {
    let socket = null;
    return {
      ports: [],
      take([first, port]) {
        if (first !== "port") return;
        this.port = port;
        this.ports.push(port);
        if (patch.wire) return;
        socket?.close();
        const own = dgram.createSocket("udp4");
        own.on("error", () => {});
        own.on("message", (data) => {
          const { path, args } = decode(data);
          if (own === socket && !patch.lose({ path, args, out: false })) patch.out(box, 0, [path, ...args]);
        });
        own.bind({ port, address: "127.0.0.1", exclusive: true });
        socket = own;
      },
      hear: (path, args) => patch.out(box, 0, [path, ...args]),
      close: () => socket?.close(),
    };
  },
};
