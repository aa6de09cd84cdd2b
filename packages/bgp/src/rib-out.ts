import type { Instant } from "@herald/shared/core";
import type { IpFamily } from "@herald/shared/ip/address";
import { encodeAttributes } from "./encode-attributes.ts";
import { type ExportView, exportRoute } from "./export.ts";
import type { Nlri } from "./nlri.ts";
import { Pace } from "./pace.ts";
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
  /** What cannot be announced, by reason and family; each at most once. */
  readonly notices: readonly { readonly reason: BgpNotice; readonly detail: string }[];
}

/** A group by its contents: equal ones have the same key. */
interface Group extends RouteGroup {
  readonly key: string;
  readonly room: number;
}

interface Told extends Nlri {
  readonly group: Group;
}

type Unfit = Extract<BgpNotice, "no-next-hop" | "attributes-too-long">;

interface LeftOut {
  readonly route: Route;
  readonly reason: Unfit;
}

const NOTHING: readonly Told[] = [];

/**
 * Adj-RIB-Out: what the peer at the other end of one connection was told (RFC 4271 §3.2). A table that is as it was but for
 * a few prefixes costs what those cost.
 */
export class RibOut {
  /** By prefix, each path of it. Bounded by the wanted table. */
  readonly #told = new Map<string, readonly Told[]>();
  readonly #counts: Record<IpFamily, number> = { 4: 0, 6: 0 };
  /** By prefix, what cannot be announced. Bounded by the wanted table. */
  readonly #leftOut = new Map<string, readonly LeftOut[]>();
  readonly #pace: Pace;
  #look: Look | undefined;
  /** What was found and is being put into messages. */
  #packing: Generator<number, void> | undefined;
  #unsaid: { messages: Uint8Array[]; announced: number; withdrawn: number } = {
    messages: [],
    announced: 0,
    withdrawn: 0,
  };

  /** @param pace of a peer that was not told anything yet. */
  constructor(pace = new Pace(0)) {
    this.#pace = pace;
  }

  /** When something may be said that had to wait, and `tell` is to be called again; `undefined` while nothing waits. */
  get due(): Instant | undefined {
    return this.#pace.due;
  }

  /** How many routes the peer has of a family. */
  count(family: IpFamily): number {
    return this.#counts[family];
  }

  /**
   * Announces first and withdraws last, and never withdraws what is announced anew: no address is without a route in
   * between, also when one prefix takes the place of another. What came too soon after its last announcement waits until it is
   * due, and is told as it is then; withdrawals never wait, nor does what a new view makes of routes: a next hop that is gone,
   * or that we are about to go.
   *
   * @param view the same object as long as nothing in it is different: for another one every route is looked at.
   * @param atMost how many routes to look at before a break.
   * @returns `undefined` for a break: nothing is said until all was looked at. To be called again, with whatever is wanted
   *   and seen by then.
   */
  tell(
    wanted: RouteTable,
    view: ExportView,
    now: Instant,
    atMost = Number.POSITIVE_INFINITY,
  ): Difference | undefined {
    this.#lookAt(wanted, view).again(this.#pace.release(now));
    for (let left = atMost; left > 0; ) {
      if (this.#packing === undefined) {
        const look = this.#lookAt(wanted, view);
        const prefix = look.next(this.#told, this.#leftOut);
        left -= 1;
        if (prefix !== undefined) {
          this.#compare(prefix, look);
          continue;
        }
        const found = look.found();
        if (found.size === 0) return this.#finish();
        this.#packing = this.#pack(found, view, now);
      }
      const { value, done } = this.#packing.next();
      if (done) this.#packing = undefined;
      else left -= value;
    }
    return undefined;
  }

  /** All of a family once more, as it was told (RFC 2918 §4). */
  again(family: IpFamily): readonly Uint8Array[] {
    return [...this.everything([family])];
  }

  /** What the peer was told of these families, all of it as it is now: what is told later does not show in it. */
  everything(families: readonly IpFamily[]): Generator<Uint8Array, void> {
    const all = new Map<string, Told[]>();
    for (const paths of this.#told.values()) {
      for (const told of paths) if (families.includes(told.group.family)) push(all, told.group.key, told);
    }
    return announcementsOf([...all.values()]);
  }

  #lookAt(table: RouteTable, view: ExportView): Look {
    const before = this.#look;
    if (before?.table === table && before.groups.view === view) return before;
    const isUrgent = before !== undefined && (before.groups.view !== view || before.isUrgent);
    const look = new Look(table, new Groups(view), isUrgent);
    this.#look = look;
    return look;
  }

  /** Notes what the peer should have of a prefix; and what it cannot have. */
  #compare(prefix: string, look: Look): void {
    const { table, groups } = look;
    const wanted: Told[] = [];
    const leftOut: LeftOut[] = [];
    for (const route of groups.choice(table.get(prefix))) {
      const group = groups.of(route);
      if (typeof group === "string") leftOut.push({ route, reason: group });
      else wanted.push({ prefix: route.prefix, pathId: groups.pathIdOf(route), group });
    }
    if (leftOut.length > 0) this.#leftOut.set(prefix, leftOut);
    else this.#leftOut.delete(prefix);
    const before = this.#told.get(prefix) ?? NOTHING;
    const after = this.#inTime(prefix, before, wanted, look.isUrgent);
    look.note(prefix, isSame(before, after) ? undefined : after);
  }

  /** @returns as much of what is wanted as may be told now. */
  #inTime(
    prefix: string,
    before: readonly Told[],
    wanted: readonly Told[],
    isUrgent: boolean,
  ): readonly Told[] {
    if (!this.#pace.isTooSoon(prefix)) return wanted;
    const isHeld = !isUrgent && missing(wanted, before, isEqual).length > 0;
    this.#pace.hold(prefix, isHeld);
    if (!isHeld) return wanted;
    return before.filter((told) => wanted.some((each) => isSamePath(told, each)));
  }

  /** What was begun is done to its end, whatever is wanted meanwhile. Yields how many routes it has dealt with. */
  *#pack(
    found: ReadonlyMap<string, readonly Told[]>,
    { maxOctets }: ExportView,
    now: Instant,
  ): Generator<number, void> {
    const fresh = new Map<string, Told[]>();
    const gone = new Map<IpFamily, Told[]>();
    for (const [prefix, after] of found) {
      const before = this.#told.get(prefix) ?? NOTHING;
      const news = missing(after, before, isEqual);
      for (const told of news) push(fresh, told.group.key, told);
      if (news.length > 0) this.#pace.announced(prefix, now);
      for (const told of missing(before, after, isSamePath)) push(gone, told.group.family, told);
      this.#take(prefix, before, after);
      yield 1;
    }
    for (const told of fresh.values()) yield* this.#say(announcements(told));
    for (const [family, told] of gone) yield* this.#say(packWithdrawn(family, told, maxOctets));
    for (const told of fresh.values()) this.#unsaid.announced += told.length;
    for (const told of gone.values()) this.#unsaid.withdrawn += told.length;
  }

  /** From here on the peer is taken to know. */
  #take(prefix: string, before: readonly Told[], after: readonly Told[]): void {
    const { group } = (after[0] ?? before[0]) as Told; // else nothing would be different
    this.#counts[group.family] += after.length - before.length;
    if (after.length === 0) this.#told.delete(prefix);
    else this.#told.set(prefix, after);
  }

  *#say(messages: Iterable<Uint8Array>): Generator<number, void> {
    for (const message of messages) {
      this.#unsaid.messages.push(message);
      yield message.length >>> 3; // about as many as there are prefixes in it
    }
  }

  #finish(): Difference {
    const said = this.#unsaid;
    this.#unsaid = { messages: [], announced: 0, withdrawn: 0 };
    return { ...said, notices: this.#notices() };
  }

  #notices(): Difference["notices"] {
    const found = new Map<string, { readonly reason: Unfit; readonly first: Route; count: number }>();
    for (const { reason, route } of [...this.#leftOut.values()].flat()) {
      const key = `${reason} ${route.prefix.family}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { reason, first: route, count: 1 });
      else known.count += 1;
    }
    return [...found.values()].map(({ reason, first: { prefix }, count }) => {
      const others = count > 1 ? ` and ${count - 1} more` : "";
      return { reason, detail: `IPv${prefix.family}: ${formatPrefix(prefix)}${others}` };
    });
  }
}

/** How far one session has gone through a table: once through all of it, from then on through what is different. */
class Look {
  readonly table: RouteTable;
  readonly groups: Groups;
  /** Whether nothing waits: while it goes through all of a table because the view is another one. */
  isUrgent: boolean;
  /** What the peer should have of a prefix, where that is not what it was told. */
  #found = new Map<string, readonly Told[]>();
  #rest: Iterator<string> | undefined;
  #version = 0;
  /** What is to be looked at once more. Bounded by the prefixes that waited. */
  #again: string[] = [];
  constructor(table: RouteTable, groups: Groups, isUrgent: boolean) {
    this.table = table;
    this.groups = groups;
    this.isUrgent = isUrgent;
  }

  again(prefixes: readonly string[]): void {
    if (prefixes.length > 0) this.#again = [...this.#again, ...prefixes];
  }

  /**
   * @param known what is known by prefix of tables before.
   * @returns `undefined` when there is none left.
   */
  next(...known: readonly ReadonlyMap<string, unknown>[]): string | undefined {
    for (;;) {
      const { value, done } = this.#rest?.next() ?? { done: true };
      if (!done) return value;
      if (this.#rest !== undefined) this.isUrgent = false;
      const { version } = this.table;
      if (this.#rest !== undefined && version === this.#version) return this.#again.pop();
      const changed = this.#rest && this.table.changedSince(this.#version);
      this.#rest = changed?.values() ?? all(this.table, known);
      this.#version = version;
    }
  }

  note(prefix: string, found: readonly Told[] | undefined): void {
    if (found === undefined) this.#found.delete(prefix);
    else this.#found.set(prefix, found);
  }

  /** Since it was asked last. */
  found(): ReadonlyMap<string, readonly Told[]> {
    const found = this.#found;
    this.#found = new Map();
    return found;
  }
}

/** What is to be told, and what is known of others: that they were told, or could not be. */
function* all(table: RouteTable, known: readonly ReadonlyMap<string, unknown>[]): Generator<string, void> {
  yield* table.prefixes();
  for (const each of known) {
    for (const prefix of each.keys()) if (table.get(prefix).length === 0) yield prefix;
  }
}

/** Groups of routes by what they say, found out once for each object of attributes. */
class Groups {
  readonly view: ExportView;
  readonly #known: Readonly<Record<IpFamily, WeakMap<RouteAttributes, Group | Unfit>>> = {
    4: new WeakMap(),
    6: new WeakMap(),
  };
  constructor(view: ExportView) {
    this.view = view;
  }

  /** Those of a prefix that the peer takes. */
  choice(routes: readonly Route[]): readonly Route[] {
    const family = routes[0]?.prefix.family;
    if (family === undefined || !this.view.families.includes(family)) return [];
    return routes.length === 1 || this.view.addPath.includes(family) ? routes : routes.slice(0, 1);
  }

  /** As the peer is told it. */
  pathIdOf({ prefix, pathId }: Route): number | undefined {
    return this.view.addPath.includes(prefix.family) ? pathId : undefined;
  }

  /** @returns why not, for one that cannot be announced. */
  of({ prefix: { family }, attributes }: Route): Group | Unfit {
    const known = this.#known[family].get(attributes);
    if (known !== undefined) return known;
    const found = this.#find(attributes, family);
    this.#known[family].set(attributes, found);
    return found;
  }

  #find(attributes: RouteAttributes, family: IpFamily): Group | Unfit {
    const exported = exportRoute(attributes, family, this.view);
    if (exported === undefined) return "no-next-hop";
    const octets = encodeAttributes(exported.attributes, this.view.asnOctets);
    const { reach } = exported;
    const group = { family, attributes: octets, reach };
    const room = roomFor(group, this.view.maxOctets);
    if (room < MAX_NLRI_OCTETS) return "attributes-too-long";
    const key = `${family} ${reach?.address} ${reach?.linkLocal} ${String.fromCharCode(...octets)}`;
    return { ...group, key, room };
  }
}

type Alike = (one: Told, other: Told) => boolean;

const isSamePath: Alike = (one, other) => one.pathId === other.pathId;
const isEqual: Alike = (one, other) => isSamePath(one, other) && one.group.key === other.group.key;

function isSame(before: readonly Told[], after: readonly Told[]): boolean {
  return before.length === after.length && missing(after, before, isEqual).length === 0;
}

/** Those that none of the others is like. */
function missing(all: readonly Told[], others: readonly Told[], isAlike: Alike): readonly Told[] {
  if (all.length === 0 || others.length === 0) return all;
  return all.filter((each) => !others.some((other) => isAlike(each, other)));
}

/** @param told all of one group, at least one. */
function announcements(told: readonly Told[]): Generator<Uint8Array, void> {
  const { group } = told[0] as Told;
  return packAnnounced(group, told, group.room);
}

function* announcementsOf(groups: readonly (readonly Told[])[]): Generator<Uint8Array, void> {
  for (const told of groups) yield* announcements(told);
}

function push<K, V>(all: Map<K, V[]>, key: K, value: V): void {
  const found = all.get(key);
  if (found === undefined) all.set(key, [value]);
  else found.push(value);
}
