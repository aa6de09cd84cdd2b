import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { StartError } from "./start-error.ts";

export interface ListenOptions {
  /** Address to listen on; "" is every address, of both families. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

/** As much of a server as is needed to start it. */
export interface Listener {
  listen(options: ListenOptions): Promise<unknown>;
  readonly server: { address(): AddressInfo | string | null };
}

/**
 * Starts a server and tells the port that was taken.
 *
 * @param portFlag that the port comes from, for messages: `--port`.
 * @throws {StartError} when the address cannot be listened on, naming the flag.
 */
export async function listen(
  listener: Listener,
  { host, port }: ListenOptions,
  portFlag: string,
): Promise<number> {
  try {
    await listener.listen({ host: host === "" ? everyAddress() : host, port });
  } catch (error) {
    throw new StartError(describe(codeOf(error), host, port, portFlag), { cause: error });
  }
  const address = listener.server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

/** IPv6's takes IPv4, too, but a kernel may be without IPv6. */
function everyAddress(): string {
  return existsSync("/proc/net/if_inet6") ? "::" : "0.0.0.0";
}

function describe(code: string, host: string, port: number, portFlag: string): string {
  switch (code) {
    case "EADDRINUSE":
      return `port ${port} is in use (${portFlag})`;
    case "EACCES":
      return `port ${port} needs privileges that this process lacks (${portFlag})`;
    case "EADDRNOTAVAIL":
      return `this machine has no address ${host} (--host)`;
    case "ENOTFOUND":
      return `${host} is no address and no known name (--host)`;
    default:
      return `cannot listen on ${host} port ${port}: ${code} (--host, ${portFlag})`;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
