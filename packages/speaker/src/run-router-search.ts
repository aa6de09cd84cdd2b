import type { Log } from "@herald/daemon/log";
import type { Clock } from "@herald/shared/core";
import { type Driven, drive } from "@herald/shared/driver";
import type { IpAddress } from "@herald/shared/ip/address";
import type { MacAddress } from "@herald/wire/mac";
import type { BgpMetrics } from "./bgp-metrics.ts";
import { Captures, type CapturesEffect, type CapturesInput } from "./captures.ts";
import type { FitInterface, Link } from "./interface-rules.ts";
import type { Capture, PacketPort } from "./packet-port.ts";
import { advertisementFrame, readRouter, routerFilter, solicitationFrame } from "./router-frames.ts";
import { RouterSearch, type RouterSearchEffect, type RouterSearchInput } from "./router-search.ts";

export interface RouterWatchPorts {
  readonly clock: Clock;
  readonly packets: PacketPort;
  /** This node's link-local address on an interface; `undefined` while it has none. */
  readonly linkLocalOf: (name: string) => IpAddress | undefined;
  readonly log: Log;
  readonly metrics: Pick<BgpMetrics, "routerDrops">;
  /** There is a router on an interface, or another one. */
  readonly onFound: (name: string) => void;
  /** The link to whatever router there was is gone. */
  readonly onCut: (name: string, why: string) => void;
}

/** Why no router is known, as a clause for logs and status. */
export interface NoRouter {
  readonly why: string;
  /** Whether one may be heard any moment. */
  readonly isSought: boolean;
}

/** An advertisement is some 100 octets long; with many prefixes in it up to what a link carries. */
const SNAP_OCTETS = 1_518;

/** How long a router may take to know us by our answer, ms: it hangs up on who calls before that. */
const TAKEN_IN_MS = 200;

/** An interface that peers name, as it is now. */
interface Watched {
  /** `undefined`: it is not there. */
  readonly link: Link | undefined;
  /** What keeps it from being used. */
  readonly trouble: string | undefined;
}

/** Routers on interfaces that BGP peers name instead of an address. Captures nothing where there are none. */
export class RouterWatch {
  readonly #ports: RouterWatchPorts;
  readonly #core = new RouterSearch();
  readonly #search: Driven<RouterSearchInput>;
  readonly #captures: Driven<CapturesInput>;
  /** By interface; these three are bounded by the configuration. */
  readonly #open = new Map<string, Capture>();
  readonly #deaf = new Map<string, string>();
  #watched: ReadonlyMap<string, Watched> = new Map();
  #wanted: readonly string[] = [];
  /** `undefined` until told. */
  #links: ReadonlyMap<string, Link> | undefined;

  constructor(ports: RouterWatchPorts) {
    this.#ports = ports;
    this.#search = drive(this.#core, ports.clock, (effect) => this.#perform(effect));
    const pauses = { retryMinMs: 100, retryMaxMs: 10_000 };
    this.#captures = drive(new Captures(pauses), ports.clock, (effect) => this.#capture(effect));
  }

  /** The interfaces to find routers on, from now on. */
  want(names: readonly string[]): void {
    this.#wanted = [...new Set(names)];
    this.#compare();
  }

  setLinks(links: readonly Link[]): void {
    this.#links = new Map(links.map((link) => [link.name, link]));
    if (this.#wanted.length > 0) this.#compare();
  }

  /** The router on an interface. */
  on(name: string): IpAddress | NoRouter {
    const known = this.#core.on(name);
    if (typeof known === "object") return known.address;
    const trouble = this.#watched.get(name)?.trouble;
    if (trouble !== undefined) return { why: trouble, isSought: false };
    const deaf = this.#deaf.get(name);
    if (deaf !== undefined) return { why: `nothing can be heard on ${name}: ${deaf}`, isSought: false };
    if (this.#links !== undefined && this.#ports.linkLocalOf(name) === undefined) {
      return { why: `${name} has no link-local address`, isSought: false };
    }
    const when = known === "silent" ? "any more" : "yet";
    return { why: `no router advertisement heard on ${name} ${when}`, isSought: true };
  }

  /** The router there does not answer. */
  doubt(name: string): void {
    this.#search.feed({ type: "doubt", interface: name });
  }

  stop(): void {
    this.#captures.stop();
    this.#search.stop();
    for (const capture of this.#open.values()) capture.close();
    this.#open.clear();
  }

  #compare(): void {
    if (this.#links === undefined) return;
    const before = this.#watched;
    const after = new Map(this.#wanted.map((name) => [name, watched(name, this.#links?.get(name))]));
    this.#watched = after;
    for (const [name, was] of before) {
      const is = after.get(name);
      if (is !== undefined && (was.trouble !== undefined || isSame(was, is))) continue;
      this.#search.feed({ type: "down", interface: name });
      this.#deaf.delete(name);
      if (is !== undefined) this.#ports.onCut(name, is.trouble ?? `${name} is another interface now`);
    }
    this.#captures.feed({ type: "interfaces", interfaces: [...after.values()].flatMap(fit) });
  }

  #capture(effect: CapturesEffect): void {
    switch (effect.type) {
      case "open":
        this.#openCapture(effect.interface.name, effect.interface.mac);
        return;
      case "close":
        this.#open.get(effect.interface)?.close();
        this.#open.delete(effect.interface);
        return;
      case "interface-up":
        this.#deaf.delete(effect.interface.name);
        this.#search.feed({ type: "up", interface: effect.interface.name });
        return;
      case "interface-down":
        return; // what was heard stays true while its link is there
    }
  }

  #openCapture(name: string, mac: MacAddress): void {
    const { log, metrics, packets } = this.#ports;
    const capture = packets.open({
      interfaceName: name,
      filter: routerFilter(mac),
      snapOctets: SNAP_OCTETS,
      onOpen: () => this.#captures.feed({ type: "opened", interface: name }),
      onFrame: (bytes) => {
        const router = readRouter(bytes, mac);
        if (typeof router === "string") metrics.routerDrops.inc({ reason: router });
        else this.#search.feed({ type: "heard", interface: name, router });
      },
      onFailure: (message) => {
        this.#open.delete(name);
        if (this.#deaf.get(name) !== message) {
          log.warn("routers cannot be heard", { interface: name, reason: message });
        }
        this.#deaf.set(name, message);
        this.#captures.feed({ type: "failed", interface: name });
      },
    });
    this.#open.set(name, capture);
  }

  #perform(effect: RouterSearchEffect): void {
    const { clock, log, onFound } = this.#ports;
    const { interface: name } = effect;
    switch (effect.type) {
      case "solicit":
        this.#send(name, (own) => solicitationFrame(own));
        return;
      case "answer":
        this.#send(name, (own) => advertisementFrame(own, effect.to));
        return;
      case "found":
        log.info("router heard", { interface: name, router: effect.address });
        clock.at(clock.now() + TAKEN_IN_MS, () => onFound(name));
        return;
      case "rivals":
        log.warn("router heard elsewhere, or another one: the BGP peer is whoever was heard last", {
          interface: name,
          routers: effect.addresses,
        });
        return;
      case "silent":
        log.info("router not heard any more", { interface: name, router: effect.address });
        return;
    }
  }

  /** What cannot be sent is not missed for long: routers are asked, and answered, again and again. */
  #send(
    name: string,
    frame: (own: { readonly mac: MacAddress; readonly address: IpAddress }) => Uint8Array,
  ): void {
    const mac = this.#watched.get(name)?.link?.mac;
    const address = this.#ports.linkLocalOf(name);
    if (mac !== undefined && address !== undefined) this.#open.get(name)?.send(frame({ mac, address }));
  }
}

function watched(name: string, link: Link | undefined): Watched {
  return { link, trouble: troubleWith(name, link) };
}

function troubleWith(name: string, link: Link | undefined): string | undefined {
  if (link === undefined) return `this node has no interface ${name}`;
  if (!link.up) return `interface ${name} is down`;
  if (link.mac === undefined) return `interface ${name} is no Ethernet`;
  return link.operational ? undefined : `interface ${name} has no carrier`;
}

function isSame(a: Watched, b: Watched): boolean {
  return a.link?.index === b.link?.index && a.link?.mac === b.link?.mac && a.trouble === b.trouble;
}

function fit({ link, trouble }: Watched): readonly FitInterface[] {
  if (link?.mac === undefined || trouble !== undefined) return [];
  const { name, index, mac, operational } = link;
  return [{ name, index, mac, operational }];
}
