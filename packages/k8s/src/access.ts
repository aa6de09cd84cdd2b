/** Where the API server is and how to prove who we are. */
export interface Access {
  readonly server: Server;
  /** Asked before every request; remembers what need not be read again. @throws {ApiError} when unreadable. */
  credentials(): Promise<Credentials>;
}

/** One of `https://host:port/base`, `http://host:port/base` and `unix:/path/of/socket`. */
export interface Server {
  readonly secure: boolean;
  /** Without brackets; "localhost" for a socket. */
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  /** Put before every path: "" or "/something" without a slash at the end. */
  readonly basePath: string;
}

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsCredentials;
}

/** Of node:tls; all optional there. */
export interface TlsCredentials {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly passphrase?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** @throws {Error} naming the text when it is none of the three forms. */
export function parseServer(text: string): Server {
  if (text.startsWith("unix:")) {
    const socketPath = text.slice("unix:".length).replace(/^\/{2,}/, "/");
    return { secure: false, host: "localhost", port: 80, socketPath, basePath: "" };
  }
  if (!URL.canParse(text)) throw new Error(`not the URL of an API server: ${text}`);
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new Error(`not the URL of an API server: ${text} (want https:, http: or unix:)`);
  }
  const secure = url.protocol === "https:";
  return {
    secure,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    socketPath: undefined,
    basePath: url.pathname.replace(/\/+$/, ""),
  };
}
