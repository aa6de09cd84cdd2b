/** What a router is set up for before it is recorded. */
export interface RecordedSetup {
  readonly asn: number;
  /** Of the peer. */
  readonly peerAsn: number;
  /** Offers several paths to one prefix (RFC 7911). */
  readonly addPath: boolean;
  /** Offers graceful restart. */
  readonly restarts: boolean;
}

/** How to have one of the routers say what there is to say. Commands are run in the router's namespace. */
export interface RecordedRouter {
  readonly name: string;
  /** Of the distribution. */
  readonly package: string;
  /** Files beside each other in a folder, by name. */
  readonly files: (setup: RecordedSetup, folder: string) => Readonly<Record<string, string>>;
  /** Its daemons, first to last. */
  readonly daemons: (folder: string, namespace: string) => readonly (readonly string[])[];
  /** After they were started, until they succeed: its routes, where the files cannot hold them. */
  readonly prepare: (folder: string, namespace: string) => readonly (readonly string[])[];
  /** What has it ask for all routes again, which one never does; take its own back; and leave with a word. */
  readonly refresh: ((folder: string, namespace: string) => readonly string[]) | undefined;
  readonly withdraw: (folder: string, namespace: string) => readonly (readonly string[])[];
  readonly leave: (folder: string, namespace: string) => readonly string[];
}

/** Of the router, and of the peer that records it. */
export const [ROUTER, PEER] = ["192.0.2.1", "192.0.2.2"];
export const ROUTER6 = "2001:db8::1";
/** The routes that each of them has. Both of IPv4 are told in one UPDATE by who packs them. */
export const PREFIXES = { ipv4: ["198.51.100.0/25", "203.0.113.0/24"], ipv6: ["2001:db8:2::/48"] } as const;
/** With each of them. */
export const SAID = {
  med: 50,
  prepended: 64_999,
  community: "64512:100",
  large: "64512:1:2",
  routeTarget: "64512:7",
} as const;
