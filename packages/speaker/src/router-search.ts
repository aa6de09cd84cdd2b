import type { Core, Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import type { HeardRouter, LinkStation } from "./router-frames.ts";

export type RouterSearchInput =
  /** From now on it can be heard and spoken on. */
  | { readonly type: "up"; readonly interface: string }
  /** It is down, gone, another one or not wanted any more: whoever was there is forgotten. */
  | { readonly type: "down"; readonly interface: string }
  | { readonly type: "heard"; readonly interface: string; readonly router: HeardRouter }
  /** Whoever was heard last does not answer: it may be somewhere else by now. */
  | { readonly type: "doubt"; readonly interface: string };

export type RouterSearchEffect =
  /** Ask whether there is a router. */
  | { readonly type: "solicit"; readonly interface: string }
  /** Tell a router that we are here. */
  | { readonly type: "answer"; readonly interface: string; readonly to: LinkStation }
  /** Somebody new was heard, or somebody after nobody was known: the last such, as that is not said too often. */
  | { readonly type: "found"; readonly interface: string; readonly address: IpAddress }
  /** Two are heard on a link where one was expected; once until there is one alone. */
  | { readonly type: "rivals"; readonly interface: string; readonly addresses: readonly IpAddress[] }
  /** Nobody was heard for longer than the router said that it can be relied on. */
  | { readonly type: "silent"; readonly interface: string; readonly address: IpAddress };

/** Who is the router of a link: it is known, was known or was not heard yet. */
export type RouterKnown = { readonly address: IpAddress } | "silent" | "unheard";

/** First pause between two questions, ms (RTR_SOLICITATION_INTERVAL of RFC 4861 §10); doubled by each (RFC 7559 §2). */
const SOLICIT_MIN_MS = 4_000;
/** Longest pause, ms. RFC 7559 has an hour for hosts that may have no router at all; here somebody configured one. */
const SOLICIT_MAX_MS = 60_000;

/** Shortest pause between two answers to a router, ms (MIN_DELAY_BETWEEN_RAS of RFC 4861 §10). */
const ANSWER_MIN_MS = 3_000;

/**
 * Shortest pause between two that are found on a link, ms, at first and at most; doubled by each. Whoever is on the link
 * can speak from ever new addresses, and each that is found is a line in the log and a call at once.
 */
const FOUND_MIN_MS = 3_000;
const FOUND_MAX_MS = 60_000;

/** Routers of a link that are told from new ones, and answered within `ANSWER_MIN_MS`. */
const ROUTERS_MAX = 8;

/**
 * How long a router counts that says that it is nobody's default router, ms: three of FRR's advertisements to BGP
 * neighbours. Such a router is as good for BGP as any other.
 */
const LASTS_MS = 30_000;

interface Heard {
  readonly due: Instant;
  readonly answeredAt: Instant;
}

interface LinkState {
  solicitedAt: Instant;
  solicitAt: Instant | undefined;
  solicitPauseMs: number;
  router: { readonly address: IpAddress; readonly due: Instant } | undefined;
  /** Whether somebody was heard at all. */
  hasHeard: boolean;
  hasRivals: boolean;
  /** By address, whoever was heard last at the end; bounded by `ROUTERS_MAX`. */
  readonly heard: Map<IpAddress, Heard>;
  /** Who was found and is still to be told of. */
  newcomer: IpAddress | undefined;
  foundAt: Instant;
  foundPauseMs: number;
}

/**
 * Finds the router at the other end of each link that a BGP peer is on, by what it says of itself (RFC 4861 §6), and
 * answers it in kind. Whoever was heard last counts.
 */
export class RouterSearch implements Core<RouterSearchInput, RouterSearchEffect> {
  /** By interface; bounded by those that are up and that peers name. */
  readonly #links = new Map<string, LinkState>();

  handle(input: RouterSearchInput, now: Instant): readonly RouterSearchEffect[] {
    switch (input.type) {
      case "up":
        return this.#up(input.interface, now);
      case "down":
        this.#links.delete(input.interface);
        return [];
      case "heard":
        return this.#heard(input.interface, input.router, now);
      case "doubt":
        return this.#doubt(input.interface, now);
    }
  }

  wake(now: Instant): readonly RouterSearchEffect[] {
    return [...this.#links].flatMap(([name, link]) => [
      ...expire(name, link, now),
      ...tellFound(name, link, now),
      ...(link.solicitAt !== undefined && link.solicitAt <= now ? solicit(name, link, now) : []),
    ]);
  }

  nextWake(): Instant | undefined {
    const dues = [...this.#links.values()]
      .flatMap((link) => [link.solicitAt, link.router?.due, foundDue(link)])
      .filter((due) => due !== undefined);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  /** @returns "unheard" also for a link that is not up. */
  on(name: string): RouterKnown {
    const { router, hasHeard } = this.#links.get(name) ?? {};
    if (router !== undefined) return { address: router.address };
    return hasHeard ? "silent" : "unheard";
  }

  /** Also where it is up already: what was heard stays true while nobody listened. */
  #up(name: string, now: Instant): readonly RouterSearchEffect[] {
    const known = this.#links.get(name);
    if (known?.router !== undefined) return [];
    const link = known ?? {
      solicitedAt: now,
      solicitAt: now,
      solicitPauseMs: SOLICIT_MIN_MS,
      router: undefined,
      hasHeard: false,
      hasRivals: false,
      heard: new Map(),
      newcomer: undefined,
      foundAt: Number.NEGATIVE_INFINITY,
      foundPauseMs: FOUND_MIN_MS,
    };
    this.#links.set(name, link);
    return solicit(name, link, now);
  }

  /** One question more, and no more of them than while nobody is known. */
  #doubt(name: string, now: Instant): readonly RouterSearchEffect[] {
    const link = this.#links.get(name);
    if (link?.router === undefined || now - link.solicitedAt < SOLICIT_MIN_MS) return [];
    link.solicitedAt = now;
    return [{ type: "solicit", interface: name }];
  }

  #heard(name: string, router: HeardRouter, now: Instant): readonly RouterSearchEffect[] {
    const link = this.#links.get(name);
    if (link === undefined) return [];
    const { address, mac, lifetimeSeconds } = router;
    const known = link.heard.get(address);
    const due = now + Math.max(lifetimeSeconds * 1_000, LASTS_MS);
    if (link.router === undefined || known === undefined || known.due <= now) link.newcomer = address;
    link.router = { address, due };
    link.hasHeard = true;
    link.solicitAt = undefined;
    const rival = rivalOf(address, link, now);
    const isCrowded = rival !== undefined && !link.hasRivals;
    link.hasRivals = rival !== undefined;
    return [
      ...(note(address, due, link, now)
        ? [{ type: "answer", interface: name, to: { address, mac } } as const]
        : []),
      ...tellFound(name, link, now),
      ...(isCrowded ? [{ type: "rivals", interface: name, addresses: [rival, address] } as const] : []),
    ];
  }
}

/** Who else counts on a link, of these whoever was heard last. */
function rivalOf(address: IpAddress, { heard }: LinkState, now: Instant): IpAddress | undefined {
  return [...heard].findLast(([other, { due }]) => other !== address && due > now)?.[0];
}

/** Notes that a router was heard, if there is room. @returns whether it is to be answered. */
function note(address: IpAddress, due: Instant, { heard }: LinkState, now: Instant): boolean {
  const known = heard.get(address);
  const isAnswered = known !== undefined && now - known.answeredAt < ANSWER_MIN_MS;
  if (known === undefined && heard.size === ROUTERS_MAX && !forgetOne(heard, now)) return false;
  heard.delete(address);
  heard.set(address, { due, answeredAt: isAnswered ? known.answeredAt : now });
  return !isAnswered;
}

/** Makes room, but not for more answers than there may be. @returns whether it could. */
function forgetOne(heard: Map<IpAddress, Heard>, now: Instant): boolean {
  for (const [address, { answeredAt }] of heard) {
    if (now - answeredAt < ANSWER_MIN_MS) continue;
    heard.delete(address);
    return true;
  }
  return false;
}

function foundDue({ newcomer, foundAt, foundPauseMs }: LinkState): Instant | undefined {
  return newcomer === undefined ? undefined : foundAt + foundPauseMs;
}

function tellFound(name: string, link: LinkState, now: Instant): readonly RouterSearchEffect[] {
  const { newcomer: address, foundAt, foundPauseMs } = link;
  if (address === undefined || now < foundAt + foundPauseMs) return [];
  const isCalm = now - foundAt > 2 * FOUND_MAX_MS;
  link.foundPauseMs = isCalm ? FOUND_MIN_MS : Math.min(2 * foundPauseMs, FOUND_MAX_MS);
  link.foundAt = now;
  link.newcomer = undefined;
  return [{ type: "found", interface: name, address }];
}

function expire(name: string, link: LinkState, now: Instant): readonly RouterSearchEffect[] {
  const { router } = link;
  if (router === undefined || router.due > now) return [];
  link.router = undefined;
  link.newcomer = undefined;
  link.foundAt = Number.NEGATIVE_INFINITY; // whoever is heard next was waited for
  link.solicitAt = now;
  link.solicitPauseMs = SOLICIT_MIN_MS;
  return [{ type: "silent", interface: name, address: router.address }];
}

function solicit(name: string, link: LinkState, now: Instant): readonly RouterSearchEffect[] {
  link.solicitedAt = now;
  link.solicitAt = now + link.solicitPauseMs;
  link.solicitPauseMs = Math.min(2 * link.solicitPauseMs, SOLICIT_MAX_MS);
  return [{ type: "solicit", interface: name }];
}
