import { hash } from "node:crypto";
import type { ApiObject } from "./api.ts";
import { metaTime } from "./meta-time.ts";
import { customPath } from "./served-kinds.ts";
import { labelValue } from "./service-status.ts";
import {
  type FoundStatus,
  type OwnerPod,
  readStatusObject,
  removeStatusObject,
  type StatusKind,
  type StatusObjectPorts,
  writeStatusObject,
} from "./status-object.ts";

/** The kind of object that says how the session of a node with a router stands. */
export const BGP_SESSION_STATES = {
  version: "v1beta1",
  plural: "bgpsessionstates",
  kind: "BGPSessionState",
} as const satisfies StatusKind;

/** Which of them. */
export interface SessionPlace {
  /** The node that has the session. */
  readonly node: string;
  /** Name of the peer. */
  readonly peer: string;
}

export interface SessionStanding {
  /** `ADDRESS:PORT`, or the interface in place of the address. */
  readonly address: string;
  /** `default`: the main one. */
  readonly vrf: string;
  readonly bgp: "Established" | "Down";
  readonly bfd: "Up" | "Down" | "N/A";
  /** When `bgp` became so, milliseconds since 1970. */
  readonly sinceMs: number;
  /** What went wrong last, and when first; `undefined`: nothing did. */
  readonly error: { readonly text: string; readonly atMs: number } | undefined;
}

/** Errors quote what routers say: they have no end of their own. */
const MAX_ERROR = 1_024;
const PAGE_OBJECTS = 500;

/**
 * Sees to it that the object of the session says how it stands. Nothing is written when it says so already.
 *
 * @throws {ApiError} see {@link writeStatusObject}.
 */
export function writeSessionState(
  ports: StatusObjectPorts,
  place: SessionPlace,
  standing: SessionStanding,
  owner: OwnerPod | undefined,
): Promise<"written" | "unchanged"> {
  const status = { ...place, ...statusOf(standing) };
  const wanted = { kind: BGP_SESSION_STATES, name: sessionStateName(place), labels: labelsOf(place) };
  return writeStatusObject(ports, { ...wanted, status: () => status }, owner);
}

/** Deletes it, if it is there. @throws {ApiError} as above. */
export async function removeSessionState(ports: StatusObjectPorts, place: SessionPlace): Promise<void> {
  const wanted = { kind: BGP_SESSION_STATES, name: sessionStateName(place) };
  const found = await readStatusObject(ports, wanted);
  if (found !== undefined) await removeStatusObject(ports, wanted, found);
}

/**
 * Deletes what this node says of peers that are not, or are no more.
 *
 * @param isKept asked of each peer's object by its name, see {@link sessionStateName}.
 * @throws {ApiError} as above.
 */
export async function sweepSessionStates(
  ports: StatusObjectPorts,
  node: string,
  isKept: (name: string) => boolean,
): Promise<void> {
  const { client, namespace, signal } = ports;
  const path = customPath(BGP_SESSION_STATES, namespace);
  const query = { labelSelector: `metallb.io/node=${labelValue(node)}` };
  const found: FoundStatus[] = [];
  let page: string | undefined;
  do {
    const options = { query, limit: PAGE_OBJECTS, continue: page, ...(signal && { signal }) };
    const { items, continue: next } = await client.listPage<FoundStatus>(path, options);
    found.push(...(items as readonly FoundStatus[]));
    page = next;
  } while (page !== undefined);
  for (const each of found) {
    const name = each.metadata?.name ?? "";
    if (!isKept(name)) await removeStatusObject(ports, { kind: BGP_SESSION_STATES, name }, each);
  }
}

/** Always the same for the same session, so that nobody need look for it. */
export function sessionStateName({ node, peer }: SessionPlace): string {
  return `session-${hash("sha256", `${node}#${peer}`, "hex").slice(0, 12)}`;
}

/** A session as whoever sums them up sees it. */
export interface SessionView extends SessionPlace {
  readonly isEstablished: boolean;
  /** Empty: nothing went wrong yet. */
  readonly error: string;
  /** Whether that was before the session became as it is. */
  readonly isErrorOld: boolean;
}

/** The view of a BGPSessionState as it comes over the wire; one that says nothing yet is of no peer. */
export function sessionView({ status }: ApiObject & Pick<FoundStatus, "status">): SessionView {
  const said = (field: string): string => `${status?.[field] ?? ""}`;
  return {
    node: said("node"),
    peer: said("peer"),
    isEstablished: said("bgpStatus") === "Established",
    error: said("lastError"),
    isErrorOld: said("lastErrorTime") !== "" && said("lastErrorTime") < said("since"), // as text: all alike, in UTC
  };
}

function statusOf({ address, vrf, bgp, bfd, sinceMs, error }: SessionStanding): object {
  return {
    address,
    vrf,
    bgpStatus: bgp,
    bfdStatus: bfd,
    since: metaTime(sinceMs),
    lastError: cut(error?.text ?? ""),
    ...(error === undefined ? {} : { lastErrorTime: metaTime(error.atMs) }),
  };
}

function labelsOf({ node }: SessionPlace): Readonly<Record<string, string>> {
  return { "metallb.io/node": labelValue(node) };
}

function cut(text: string): string {
  return text.length > MAX_ERROR ? `${text.slice(0, MAX_ERROR - 1)}…` : text;
}
