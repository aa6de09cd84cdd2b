import type { Instant } from "@herald/shared/core";
import type { IpFamily } from "@herald/shared/ip/address";
import type { BgpEffect } from "./effect.ts";
import type { ExportView } from "./export.ts";
import { frame } from "./header.ts";
import { MESSAGE_TYPE } from "./iana.ts";
import type { Machine } from "./machine.ts";
import type { SessionOptions } from "./options.ts";
import { Pace } from "./pace.ts";
import { RibOut } from "./rib-out.ts";
import type { RouteTable } from "./route.ts";
import { encodeUpdate, endOfRib } from "./update.ts";

/** Routes that are looked at before anything else may happen: half a millisecond, as there may be many peers. */
const ROUTES_AT_ONCE = 512;

/** Sees to it that the peer knows what it should, as long as there is a session. */
export class Telling {
  #options: SessionOptions;
  readonly #emit: (effect: BgpEffect) => void;
  /** The connection of the session; `undefined` without one. */
  #machine: Machine | undefined;
  #pace: Pace;
  #rib: RibOut;
  /** How the session looks at routes; found out anew when that is another way. */
  #view: ExportView | undefined;
  /** Since when there is more to look at than was done in one go. */
  #unfinished: Instant | undefined;
  /** `undefined` until first given. */
  #routes: RouteTable | undefined;
  #draining = false;
  #endOfRibOwed = false;
  /** When a family was last told again, and when it will be because the peer asked too soon. */
  readonly #told = new Map<IpFamily, Instant>();
  readonly #owed = new Map<IpFamily, Instant>();
  /** What was reported when the peer was told last. */
  #noticed: ReadonlySet<string> = new Set();
  constructor(options: SessionOptions, emit: (effect: BgpEffect) => void) {
    this.#options = options;
    this.#emit = emit;
    this.#pace = new Pace(options.advertisementIntervalMs);
    this.#rib = new RibOut(this.#pace);
  }

  /** What may change while there is a session: how soon something is told anew. */
  retime(options: SessionOptions): void {
    this.#options = options;
    this.#pace.retime(options.advertisementIntervalMs);
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** How many routes the peer has of a family. */
  count(family: IpFamily): number {
    return this.#rib.count(family);
  }

  /** What the peer has of us, as UPDATEs. */
  told(): Generator<Uint8Array, void> {
    return this.#rib.everything(this.#options.families);
  }

  /** There is a session, and the peer knows nothing. */
  begin(machine: Machine, now: Instant): void {
    this.end();
    this.#machine = machine;
    this.#view = this.#viewOf(machine);
    this.#endOfRibOwed = machine.negotiated?.endOfRib ?? false;
    this.#tell(now);
  }

  /** The session is over; what is wanted stays so. */
  end(): void {
    this.#machine = undefined;
    this.#view = undefined;
    this.#unfinished = undefined;
    this.#pace = new Pace(this.#options.advertisementIntervalMs);
    this.#rib = new RibOut(this.#pace);
    this.#told.clear();
    this.#owed.clear();
    this.#noticed = new Set();
  }

  want(routes: RouteTable, now: Instant): void {
    this.#routes = routes;
    this.#tell(now);
  }

  drain(draining: boolean, now: Instant): void {
    if (draining === this.#draining) return;
    this.#draining = draining;
    if (this.#machine !== undefined) this.#view = this.#viewOf(this.#machine);
    this.#tell(now);
  }

  /** Other addresses of ours may stand as next hop on a connection. */
  readdressed(machine: Machine, now: Instant): void {
    if (machine !== this.#machine) return;
    this.#view = this.#viewOf(machine);
    this.#tell(now);
  }

  /** The peer asks, perhaps too often. */
  again(family: IpFamily, now: Instant): void {
    if (this.#machine === undefined) return;
    const due = (this.#told.get(family) ?? Number.NEGATIVE_INFINITY) + this.#options.refreshIntervalMs;
    if (due > now) this.#owed.set(family, due);
    else this.#repeat(family, now);
  }

  wake(now: Instant): void {
    const due = this.#unfinished ?? this.#rib.due;
    if (due !== undefined && due <= now) this.#tell(now);
    for (const [family, due] of this.#owed) if (due <= now) this.#repeat(family, now);
  }

  nextWake(): Instant | undefined {
    if (this.#unfinished !== undefined) return this.#unfinished; // as soon as others had their turn
    const due = [this.#rib.due, ...this.#owed.values()].filter((each) => each !== undefined);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  #tell(now: Instant): void {
    const machine = this.#machine;
    const view = this.#view;
    if (machine === undefined || view === undefined || this.#routes === undefined) return;
    // To take all of it back is what comes before good-bye, so that must not be left for later.
    const atOnce = this.#routes.size === 0 ? Number.POSITIVE_INFINITY : ROUTES_AT_ONCE;
    const difference = this.#rib.tell(this.#routes, view, now, atOnce);
    this.#unfinished = difference === undefined ? now : undefined;
    if (difference === undefined) return;
    const { messages, announced, withdrawn, notices } = difference;
    machine.send("update", messages, now);
    if (messages.length > 0) this.#emit({ type: "told", announced, withdrawn, updates: messages.length });
    const before = this.#noticed;
    this.#noticed = new Set(notices.map(({ reason, detail }) => `${reason} ${detail}`));
    for (const { reason, detail } of notices) {
      if (!before.has(`${reason} ${detail}`)) this.#emit({ type: "notice", reason, detail });
    }
    if (!this.#endOfRibOwed) return;
    this.#endOfRibOwed = false;
    const ends = view.families.map((family) => frame(MESSAGE_TYPE.update, encodeUpdate(endOfRib(family), 4)));
    machine.send("update", ends, now);
  }

  #repeat(family: IpFamily, now: Instant): void {
    this.#owed.delete(family);
    this.#told.set(family, now);
    const messages = this.#rib.again(family);
    if (messages.length === 0) return;
    this.#machine?.send("update", messages, now);
    this.#emit({ type: "told", announced: this.count(family), withdrawn: 0, updates: messages.length });
  }

  #viewOf({ negotiated, local }: Machine): ExportView | undefined {
    if (negotiated === undefined || local === undefined) return undefined;
    const { asn, role } = this.#options;
    const { external, asnOctets, families, addPath, extendedNextHop, sendMaxOctets } = negotiated;
    const agreed = { external, asnOctets, families, addPath, extendedNextHop, maxOctets: sendMaxOctets };
    return { ...agreed, asn, role, local, draining: this.#draining };
  }
}
