import type { IpFamily } from "@herald/shared/ip/address";
import { encodeAttributes } from "./encode-attributes.ts";
import { type ExportView, exportRoute } from "./export.ts";
import { nlriOctets } from "./nlri.ts";
import { MAX_NLRI_OCTETS, packAnnounced, packWithdrawn, type RouteGroup, roomFor } from "./pack.ts";
import { formatPrefix } from "./prefix.ts";
import type { BgpNotice } from "./reasons.ts";
import type { Route, RouteAttributes, RouteTable } from "./route.ts";

/** What it takes to bring a peer from what it was told to what it should know. */
export interface Difference {
  /** Whole UPDATEs, in the order in which they must be sent. */
  readonly messages: readonly Uint8Array[];
  readonly announced: number;
  readonly withdrawn: number;
  /** What could not be announced, by reason and family; each at most once. */
  readonly notices: readonly { readonly reason: BgpNotice; readonly detail: string }[];
}

/** A group by its contents, so that equal ones are one. */
interface Group extends RouteGroup {
  readonly key: string;
  readonly room: number;
}

interface Told {
  readonly nlri: Uint8Array;
  group: Group;
  /** Of the last `tell` that wanted it. */
  turn: number;
}

type Fresh = Map<Group, Uint8Array[]>;
type Unfit = Extract<BgpNotice, "no-next-hop" | "attributes-too-long">;

/** Adj-RIB-Out: what the peer at the other end of one connection was told (RFC 4271 §3.2). */
export class RibOut {
  /** By prefix, and path id where the peer takes several. Bounded by the wanted table. */
  readonly #told = new Map<string, Told>();
  readonly #counts: Record<IpFamily, number> = { 4: 0, 6: 0 };
  #turn = 0;

  /** How many routes the peer has of a family. */
  count(family: IpFamily): number {
    return this.#counts[family];
  }

  /**
   * Announces first and withdraws last, and never withdraws what is announced anew: no address is without a route in
   * between, also when one prefix takes the place of another.
   */
  tell(wanted: RouteTable, view: ExportView): Difference {
    this.#turn += 1;
    const groups = new Groups(view);
    const fresh: Fresh = new Map();
    for (const family of view.families) {
      const several = view.addPath.includes(family);
      for (const [key, route] of several ? wanted.paths : wanted.best) {
        const group = route.prefix.family === family ? groups.of(route) : undefined;
        if (group !== undefined) this.#note(key, route, group, several, fresh);
      }
    }
    const gone = this.#forget();
    const messages = [
      ...[...fresh].flatMap(([group, nlri]) => packAnnounced(group, nlri, group.room)),
      ...[...gone].flatMap(([family, nlri]) => packWithdrawn(family, nlri, view.maxOctets)),
    ];
    return { messages, announced: sum(fresh), withdrawn: sum(gone), notices: groups.notices() };
  }

  /** All of a family once more, as it was told (RFC 2918 §4). */
  again(family: IpFamily): readonly Uint8Array[] {
    const all = new Map<string, { group: Group; nlri: Uint8Array[] }>();
    for (const { nlri, group } of this.#told.values()) {
      if (group.family !== family) continue;
      const found = all.get(group.key);
      if (found === undefined) all.set(group.key, { group, nlri: [nlri] });
      else found.nlri.push(nlri);
    }
    return [...all.values()].flatMap(({ group, nlri }) => packAnnounced(group, nlri, group.room));
  }

  /** Adds to `fresh` what the peer must hear of it. */
  #note(key: string, { prefix, pathId }: Route, group: Group, several: boolean, fresh: Fresh): void {
    const told = this.#told.get(key);
    if (told === undefined) {
      const nlri = nlriOctets(prefix, several ? pathId : undefined);
      this.#told.set(key, { nlri, group, turn: this.#turn });
      this.#counts[prefix.family] += 1;
      push(fresh, group, nlri);
      return;
    }
    told.turn = this.#turn;
    if (told.group.key === group.key) return;
    told.group = group;
    push(fresh, group, told.nlri);
  }

  #forget(): ReadonlyMap<IpFamily, Uint8Array[]> {
    const gone = new Map<IpFamily, Uint8Array[]>();
    for (const [key, { nlri, group, turn }] of this.#told) {
      if (turn === this.#turn) continue;
      this.#told.delete(key);
      this.#counts[group.family] -= 1;
      push(gone, group.family, nlri);
    }
    return gone;
  }
}

/** Groups of routes by what they say, found out once for each object of attributes. */
class Groups {
  readonly #view: ExportView;
  readonly #byObject = new Map<RouteAttributes, Map<IpFamily, Group | Unfit>>();
  readonly #byContent = new Map<string, Group>();
  readonly #unfit = new Map<string, { reason: Unfit; family: IpFamily; first: Route; count: number }>();
  constructor(view: ExportView) {
    this.#view = view;
  }

  /** @returns `undefined` for one that cannot be announced. */
  of(route: Route): Group | undefined {
    const { family } = route.prefix;
    let families = this.#byObject.get(route.attributes);
    if (families === undefined) {
      families = new Map();
      this.#byObject.set(route.attributes, families);
    }
    const known = families.get(family) ?? this.#find(route.attributes, family);
    families.set(family, known);
    if (typeof known !== "string") return known;
    this.#leaveOut(known, family, route);
    return undefined;
  }

  notices(): Difference["notices"] {
    return [...this.#unfit.values()].map(({ reason, family, first, count }) => {
      const others = count > 1 ? ` and ${count - 1} more` : "";
      return { reason, detail: `IPv${family}: ${formatPrefix(first.prefix)}${others}` };
    });
  }

  #find(attributes: RouteAttributes, family: IpFamily): Group | Unfit {
    const exported = exportRoute(attributes, family, this.#view);
    if (exported === undefined) return "no-next-hop";
    const octets = encodeAttributes(exported.attributes, this.#view.asnOctets);
    const { reach } = exported;
    const group = { family, attributes: octets, reach };
    const room = roomFor(group, this.#view.maxOctets);
    if (room < MAX_NLRI_OCTETS) return "attributes-too-long";
    const key = `${family} ${reach?.address} ${reach?.linkLocal} ${String.fromCharCode(...octets)}`;
    const known = this.#byContent.get(key);
    if (known !== undefined) return known;
    const found = { ...group, key, room };
    this.#byContent.set(key, found);
    return found;
  }

  #leaveOut(reason: Unfit, family: IpFamily, first: Route): void {
    const key = `${reason} ${family}`;
    const found = this.#unfit.get(key);
    if (found === undefined) this.#unfit.set(key, { reason, family, first, count: 1 });
    else found.count += 1;
  }
}

function push<K>(all: Map<K, Uint8Array[]>, key: K, octets: Uint8Array): void {
  const found = all.get(key);
  if (found === undefined) all.set(key, [octets]);
  else found.push(octets);
}

function sum(all: ReadonlyMap<unknown, readonly Uint8Array[]>): number {
  let count = 0;
  for (const nlri of all.values()) count += nlri.length;
  return count;
}
