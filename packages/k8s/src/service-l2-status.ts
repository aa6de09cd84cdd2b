import { hash } from "node:crypto";
import type { ServiceKey } from "@herald/shared/service/view";
import { type ApiClient, ApiError, type ApiObject } from "./api.ts";
import { objectPath } from "./paths.ts";
import { type CustomKind, customPath } from "./served-kinds.ts";

/** The kind of object that says which node announces a Service on the local network. */
export const SERVICE_L2_STATUSES = {
  version: "v1beta1",
  plural: "servicel2statuses",
} as const satisfies CustomKind;

/** Which of them. */
export interface L2StatusPlace {
  readonly service: ServiceKey;
  /** The node that says it announces, ours. */
  readonly node: string;
  /** Several nodes announce the Service, each with an object of its own; otherwise there is one for the Service. */
  readonly isShared: boolean;
}

/** The pod of the speaker: what it says goes with it. */
export interface L2StatusOwner {
  readonly name: string;
  readonly uid: string;
}

export interface L2StatusPorts {
  readonly client: ApiClient;
  readonly namespace: string;
  /** Owner of the fields in the eyes of the API server. */
  readonly fieldManager: string;
  readonly signal?: AbortSignal;
}

interface ServiceL2Status extends ApiObject {
  readonly metadata?: ApiObject["metadata"] & {
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly uid: string }[];
  };
  readonly status?: { readonly node?: string; readonly interfaces?: readonly { readonly name?: string }[] };
}

/**
 * Sees to it that the object of a Service says that this node announces it. Another node's is replaced: whose it is may
 * not be changed. Nothing is written when it says so already.
 *
 * @param interfaces in order; none: all.
 * @param owner `undefined`: it stays until somebody deletes it.
 * @throws {ApiError} when the API server refuses, cannot be reached, or somebody else was faster: retry later.
 */
export async function writeL2Status(
  ports: L2StatusPorts,
  place: L2StatusPlace,
  interfaces: readonly string[],
  owner: L2StatusOwner | undefined,
): Promise<"written" | "unchanged"> {
  const found = await read(ports, place);
  if (found !== undefined && isOurs(found, place) && isOwnedBy(found, owner)) {
    const said = found.status?.interfaces?.map(({ name }) => name).join() ?? "";
    if (found.status?.node === place.node && said === interfaces.join()) return "unchanged";
  } else {
    if (found !== undefined) await remove(ports, place, found);
    await create(ports, place, owner);
  }
  await writeStatus(ports, place, interfaces);
  return "written";
}

/** Deletes what this node said; what another says is left alone. @throws {ApiError} as above. */
export async function removeL2Status(ports: L2StatusPorts, place: L2StatusPlace): Promise<void> {
  const found = await read(ports, place);
  if (found !== undefined && isOurs(found, place)) await remove(ports, place, found);
}

/** Always the same for the same Service, so that nobody need look for it. MetalLB's end in letters by chance. */
export function l2StatusName({ service, node, isShared }: L2StatusPlace): string {
  return `l2-${hash("sha256", isShared ? `${service}#${node}` : service, "hex").slice(0, 24)}`;
}

/** A label's value has room for 63 characters, a node's name for 253: what is longer ends in a part of its hash. */
export function labelValue(text: string): string {
  if (text.length <= 63) return text;
  return `${text.slice(0, 50).replace(/[^A-Za-z0-9]+$/, "")}-${hash("sha256", text, "hex").slice(0, 12)}`;
}

function isOurs({ metadata, status }: ServiceL2Status, { node }: L2StatusPlace): boolean {
  const said = status?.node ?? metadata?.labels?.["metallb.io/node"];
  return said === node || said === labelValue(node);
}

/** One of a pod that is gone goes with that pod, sooner or later. */
function isOwnedBy({ metadata }: ServiceL2Status, owner: L2StatusOwner | undefined): boolean {
  const owners = metadata?.ownerReferences ?? [];
  return owner === undefined ? owners.length === 0 : owners.some(({ uid }) => uid === owner.uid);
}

function pathOf({ namespace }: L2StatusPorts, place: L2StatusPlace): string {
  return objectPath(customPath(SERVICE_L2_STATUSES, namespace), l2StatusName(place));
}

async function read(ports: L2StatusPorts, place: L2StatusPlace): Promise<ServiceL2Status | undefined> {
  try {
    return await ports.client.get<ServiceL2Status>(pathOf(ports, place), abortable(ports));
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

async function remove(ports: L2StatusPorts, place: L2StatusPlace, found: ServiceL2Status): Promise<void> {
  const uid = found.metadata?.uid;
  const preconditions = uid === undefined ? {} : { uid };
  try {
    await ports.client.delete(pathOf(ports, place), { preconditions, ...abortable(ports) });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return;
    throw error;
  }
}

async function create(
  ports: L2StatusPorts,
  place: L2StatusPlace,
  owner: L2StatusOwner | undefined,
): Promise<void> {
  const { namespace: serviceNamespace, name: serviceName } = partsOf(place.service);
  const body = {
    ...headOf(ports, place),
    metadata: {
      ...headOf(ports, place).metadata,
      labels: {
        "metallb.io/node": labelValue(place.node),
        "metallb.io/service-name": labelValue(serviceName),
        "metallb.io/service-namespace": labelValue(serviceNamespace),
      },
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: owner.name, uid: owner.uid }] }),
    },
  };
  await ports.client.create(customPath(SERVICE_L2_STATUSES, ports.namespace), body, abortable(ports));
}

async function writeStatus(
  ports: L2StatusPorts,
  place: L2StatusPlace,
  interfaces: readonly string[],
): Promise<void> {
  const { namespace: serviceNamespace, name: serviceName } = partsOf(place.service);
  const status = {
    node: place.node,
    serviceName,
    serviceNamespace,
    interfaces: interfaces.map((name) => ({ name })),
  };
  const { fieldManager } = ports;
  const how = { fieldManager, force: true, ...abortable(ports) };
  await ports.client.patch(
    `${pathOf(ports, place)}/status`,
    "apply",
    { ...headOf(ports, place), status },
    how,
  );
}

function headOf({ namespace }: L2StatusPorts, place: L2StatusPlace) {
  return {
    apiVersion: "metallb.io/v1beta1",
    kind: "ServiceL2Status",
    metadata: { name: l2StatusName(place), namespace },
  };
}

function abortable({ signal }: L2StatusPorts): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function partsOf(key: ServiceKey): { readonly namespace: string; readonly name: string } {
  const [namespace = "", name = ""] = key.split("/");
  return { namespace, name };
}
