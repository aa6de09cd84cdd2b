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
  readonly group: Group;
}

type Unfit = Extract<BgpNotice, "no-next-hop" | "attributes-too-long">;

/** Adj-RIB-Out: what the peer at the other end of one connection was told (RFC 4271 §3.2). */
export class RibOut {
  /** By prefix, and path id where the peer takes several. Bounded by the wanted table. */
  readonly #told = new Map<string, Told>();

  /** How many routes the peer has of a family. */
  count(family: IpFamily): number {
    let count = 0;
    for (const { group } of this.#told.values()) if (group.family === family) count += 1;
    return count;
  }

  /**
   * Announces first and withdraws last, and never withdraws what is announced anew: no address is without a route in
   * between, also when one prefix takes the place of another.
   */
  tell(wanted: RouteTable, view: ExportView): Difference {
    const groups = new Groups(view);
    const fresh = new Map<Group, Uint8Array[]>();
    const kept = new Set<string>();
    let announced = 0;
    for (const [key, route] of pathsFor(wanted, view)) {
      const group = groups.of(route);
      if (group === undefined) continue;
      kept.add(key);
      const before = this.#told.get(key);
      if (before?.group.key === group.key) continue;
      const pathId = view.addPath.includes(route.prefix.family) ? route.pathId : undefined;
      const nlri = before?.nlri ?? nlriOctets(route.prefix, pathId);
      this.#told.set(key, { nlri, group });
      push(fresh, group, nlri);
      announced += 1;
    }
    const gone = this.#forget(kept);
    const withdrawn = [...gone.values()].reduce((sum, all) => sum + all.length, 0);
    const messages = [
      ...[...fresh].flatMap(([group, nlri]) => packAnnounced(group, nlri, group.room)),
      ...[...gone].flatMap(([family, nlri]) => packWithdrawn(family, nlri, view.maxOctets)),
    ];
    return { messages, announced, withdrawn, notices: groups.notices() };
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

  #forget(kept: ReadonlySet<string>): ReadonlyMap<IpFamily, Uint8Array[]> {
    const gone = new Map<IpFamily, Uint8Array[]>();
    for (const [key, { nlri, group }] of this.#told) {
      if (kept.has(key)) continue;
      this.#told.delete(key);
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

/** Those that the peer can take: of families that were negotiated, one path to a prefix unless it takes more. */
function pathsFor(wanted: RouteTable, { families, addPath }: ExportView): ReadonlyMap<string, Route> {
  const taken = new Map<string, Route>();
  for (const [key, route] of wanted) {
    const { family } = route.prefix;
    if (!families.includes(family)) continue;
    if (addPath.includes(family)) {
      taken.set(key, route);
      continue;
    }
    const prefix = formatPrefix(route.prefix);
    const other = taken.get(prefix);
    if (other === undefined || route.pathId < other.pathId) taken.set(prefix, route);
  }
  return taken;
}

function push<K>(all: Map<K, Uint8Array[]>, key: K, octets: Uint8Array): void {
  const found = all.get(key);
  if (found === undefined) all.set(key, [octets]);
  else found.push(octets);
}
