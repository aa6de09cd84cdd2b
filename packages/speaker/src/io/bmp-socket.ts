import { connect, type Socket } from "node:net";
import type { StationConnection, StationListeners } from "../bmp-port.ts";
import type { BmpStation } from "../bmp-station.ts";

/** How long a station may be away without a word before the kernel asks, ms. */
const KEEPALIVE_MS = 30_000;

/** How long a connection that is closed may take to get rid of what was sent, ms. */
const LINGER_MS = 2_000;

/** Connects to a monitoring station; what it says is not read by anyone (RFC 7854 §3.2). */
export function dialStation(station: BmpStation, listeners: StationListeners): StationConnection {
  return new Connection(station, listeners);
}

class Connection implements StationConnection {
  readonly #socket: Socket;
  readonly #listeners: StationListeners;
  #over = false;

  constructor({ address, port }: BmpStation, listeners: StationListeners) {
    this.#listeners = listeners;
    this.#socket = connect({ host: address, port, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS });
    this.#socket.on("connect", () => {
      if (!this.#over) listeners.onConnected();
    });
    this.#socket.on("error", ({ message }) => this.#end(message));
    this.#socket.on("close", () => this.#end(""));
    this.#socket.resume();
  }

  send(bytes: Uint8Array): void {
    if (this.#over) return;
    this.#socket.write(bytes, (error) => {
      if (!this.#over && !error) this.#listeners.onSent();
    });
  }

  close(): void {
    this.#over = true;
    if (this.#socket.connecting) {
      this.#socket.destroy();
      return;
    }
    this.#socket.end();
    const late = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    this.#socket.once("close", () => clearTimeout(late));
  }

  #end(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.destroy();
    this.#listeners.onClosed(why);
  }
}
