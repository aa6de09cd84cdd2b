import { hash } from "node:crypto";
import { type ServiceKey, serviceKey } from "@herald/shared/service/view";
import { customPath } from "./served-kinds.ts";
import {
  type FoundStatus,
  hasLabels,
  type OwnerPod,
  readStatusObject,
  removeStatusObject,
  type StatusKind,
  type StatusObjectPorts,
  says,
  writeStatusObject,
} from "./status-object.ts";

/** The kinds of objects that say which nodes announce a Service, by protocol. */
export const SERVICE_STATUSES = {
  layer2: { version: "v1beta1", plural: "servicel2statuses", kind: "ServiceL2Status" },
  bgp: { version: "v1beta1", plural: "servicebgpstatuses", kind: "ServiceBGPStatus" },
} as const satisfies Readonly<Record<string, StatusKind>>;

export type AnnouncingProtocol = keyof typeof SERVICE_STATUSES;

/** Which of them. */
export interface StatusPlace {
  readonly protocol: AnnouncingProtocol;
  readonly service: ServiceKey;
  /** The node that says it announces, ours. */
  readonly node: string;
  /** Several nodes announce the Service, each with an object of its own; otherwise there is one for the Service. */
  readonly isShared: boolean;
}

/**
 * Sees to it that the object of a Service says that this node announces it. Another node's is replaced. Nothing is
 * written when it says so already.
 *
 * @param names in order: on layer 2 of interfaces, none for all; with BGP of peers.
 * @throws {ApiError} see {@link writeStatusObject}.
 */
export function writeServiceAnnouncement(
  ports: StatusObjectPorts,
  place: StatusPlace,
  names: readonly string[],
  owner: OwnerPod | undefined,
): Promise<"written" | "unchanged"> {
  const status = statusOf(place, names);
  const labels = labelsOf(place);
  const wanted = { kind: SERVICE_STATUSES[place.protocol], name: announcementName(place), labels };
  return writeStatusObject(ports, { ...wanted, status: () => status }, owner);
}

/** Deletes what this node said; what another says is left alone. @throws {ApiError} as above. */
export async function removeServiceAnnouncement(ports: StatusObjectPorts, place: StatusPlace): Promise<void> {
  const wanted = { kind: SERVICE_STATUSES[place.protocol], name: announcementName(place) };
  const found = await readStatusObject(ports, wanted);
  if (found !== undefined && hasLabels(found, labelsOf(place)))
    await removeStatusObject(ports, wanted, found);
}

/** Whether somebody else has replaced what this node said. @throws {ApiError} as above. */
export async function isAnothersAnnouncement(ports: StatusObjectPorts, place: StatusPlace): Promise<boolean> {
  const wanted = { kind: SERVICE_STATUSES[place.protocol], name: announcementName(place) };
  const found = await readStatusObject(ports, wanted);
  return found !== undefined && !hasLabels(found, labelsOf(place));
}

/** One that was found. */
export interface FoundAnnouncement extends StatusPlace {
  /** Whether it says just these, as it was written. */
  readonly saysJust: (names: readonly string[]) => boolean;
}

/** What this node has said and is there still, in names of ours. @throws {ApiError} as above. */
export async function listServiceAnnouncements(
  ports: StatusObjectPorts,
  protocol: AnnouncingProtocol,
  node: string,
): Promise<readonly FoundAnnouncement[]> {
  const { client, namespace, signal } = ports;
  const places: FoundAnnouncement[] = [];
  const path = customPath(SERVICE_STATUSES[protocol], namespace);
  const query = { labelSelector: `metallb.io/node=${labelValue(node)}` };
  let page: string | undefined;
  do {
    const options = { query, limit: PAGE_OBJECTS, continue: page, ...(signal && { signal }) };
    const { items, continue: next } = await client.listPage<FoundStatus>(path, options);
    places.push(...items.flatMap((found) => placesOf(found as FoundStatus, ports, protocol, node)));
    page = next;
  } while (page !== undefined);
  return places;
}

const PAGE_OBJECTS = 500;

/** Always the same for the same Service, so that nobody need look for it. MetalLB's end in letters by chance. */
export function announcementName({ protocol, service, node, isShared }: StatusPlace): string {
  const prefix = protocol === "layer2" ? "l2" : "bgp";
  return `${prefix}-${hash("sha256", isShared ? `${service}#${node}` : service, "hex").slice(0, 24)}`;
}

/** A label's value has room for 63 characters, a node's name for 253: what is longer ends in a part of its hash. */
export function labelValue(text: string): string {
  if (text.length <= 63) return text;
  return `${text.slice(0, 50).replace(/[^A-Za-z0-9]+$/, "")}-${hash("sha256", text, "hex").slice(0, 12)}`;
}

/** @returns none for one of another program's. */
function placesOf(
  found: FoundStatus,
  { lacking }: StatusObjectPorts,
  protocol: AnnouncingProtocol,
  node: string,
): readonly FoundAnnouncement[] {
  const { metadata, status } = found;
  const said = (field: string, label: string): string =>
    `${status?.[field] ?? metadata?.labels?.[`metallb.io/${label}`] ?? ""}`;
  const service = serviceKey(
    said("serviceNamespace", "service-namespace"),
    said("serviceName", "service-name"),
  );
  return [false, true]
    .map((isShared) => ({ protocol, service, node, isShared }))
    .filter((place) => announcementName(place) === metadata?.name)
    .map((place) => ({ ...place, saysJust: (names) => says(found, lacking.within(statusOf(place, names))) }));
}

function statusOf(
  { protocol, service, node }: StatusPlace,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  const { namespace: serviceNamespace, name: serviceName } = partsOf(service);
  const said = protocol === "layer2" ? { interfaces: names.map((name) => ({ name })) } : { peers: names };
  return { node, serviceName, serviceNamespace, ...said };
}

function labelsOf({ service, node }: StatusPlace): Readonly<Record<string, string>> {
  const { namespace, name } = partsOf(service);
  return {
    "metallb.io/node": labelValue(node),
    "metallb.io/service-name": labelValue(name),
    "metallb.io/service-namespace": labelValue(namespace),
  };
}

function partsOf(key: ServiceKey): { readonly namespace: string; readonly name: string } {
  const [namespace = "", name = ""] = key.split("/");
  return { namespace, name };
}
