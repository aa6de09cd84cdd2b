import { isDeepStrictEqual } from "node:util";
import type { Random } from "@herald/shared/core";
import { type ApiClient, type ApiObject, unlessMissing } from "./api.ts";
import type { LackingFields } from "./lacking-fields.ts";
import { objectPath } from "./paths.ts";
import { type CustomKind, customPath } from "./served-kinds.ts";

/** A kind of object that has nothing but a status, in which a program says something of itself. */
export interface StatusKind extends CustomKind {
  readonly kind: string;
}

/** What an object of such a kind ought to be. */
export interface StatusObject {
  readonly kind: StatusKind;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** @param before what it says now; `undefined`: there is none yet. */
  readonly status: (
    before: Readonly<Record<string, unknown>> | undefined,
  ) => Readonly<Record<string, unknown>>;
}

/** A pod: what is its own goes with it, and the API server sees to that. */
export interface OwnerPod {
  readonly name: string;
  readonly uid: string;
}

export interface StatusObjectPorts {
  readonly client: ApiClient;
  readonly namespace: string;
  /** Owner of the fields in the eyes of the API server. */
  readonly fieldManager: string;
  /** What the definition of the kind lacks, as far as it is known; not written. One for each kind. */
  readonly lacking: LackingFields;
  /** Asked right before every request that writes; once it says no, nothing more is written. */
  readonly mayWrite?: () => boolean;
  readonly signal?: AbortSignal;
}

export interface FoundStatus extends ApiObject {
  readonly metadata?: ApiObject["metadata"] & {
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly uid: string }[];
  };
  readonly status?: Readonly<Record<string, unknown>>;
}

/** After this long it is looked whether what was written is there still, ms; less half of it by chance. */
const LOOK_AGAIN_MS = 300_000;

/** Nobody watches these objects: one that somebody deleted or edited comes back with the next look, this many ms away. */
export function lookAgainMs(random: Random): number {
  return LOOK_AGAIN_MS * (0.5 + random.next() / 2);
}

/**
 * Sees to it that the object is there, is ours and says what it should, by server-side apply of its status, as far as the
 * definition of the kind has room for it. Another's is replaced: whose it is may not be changed. Nothing is written when
 * it says so already.
 *
 * @param owner `undefined`: it belongs to no pod and stays until somebody deletes it.
 * @throws {ApiError} when the API server refuses, has no such kind, cannot be reached, or somebody else was faster: retry
 *   later.
 */
export async function writeStatusObject(
  ports: StatusObjectPorts,
  wanted: StatusObject,
  owner: OwnerPod | undefined,
): Promise<"written" | "unchanged"> {
  const found = await readStatusObject(ports, wanted);
  const stays = found !== undefined && hasLabels(found, wanted.labels) && isOwnedBy(found, owner);
  const status = wanted.status(stays ? found.status : undefined);
  if (stays && says(found, ports.lacking.within(status))) return "unchanged";
  const steps = [
    ...(stays || found === undefined ? [] : [() => removeStatusObject(ports, wanted, found)]),
    ...(stays ? [] : [() => create(ports, wanted, owner)]),
    () => apply(ports, wanted, status),
  ];
  for (const step of steps) {
    if (ports.mayWrite?.() === false) return "unchanged";
    await step();
  }
  return "written";
}

/** @throws {ApiError} as above. */
export async function readStatusObject(
  ports: StatusObjectPorts,
  wanted: Pick<StatusObject, "kind" | "name">,
): Promise<FoundStatus | undefined> {
  return await unlessMissing(ports.client.get<FoundStatus>(pathOf(ports, wanted), abortable(ports)));
}

/** Only the one that was found. @throws {ApiError} as above. */
export async function removeStatusObject(
  ports: StatusObjectPorts,
  wanted: Pick<StatusObject, "kind" | "name">,
  { metadata }: FoundStatus,
): Promise<void> {
  const preconditions = metadata?.uid === undefined ? {} : { uid: metadata.uid };
  await unlessMissing(ports.client.delete(pathOf(ports, wanted), { preconditions, ...abortable(ports) }));
}

export function hasLabels({ metadata }: FoundStatus, labels: StatusObject["labels"]): boolean {
  return Object.entries(labels).every(([name, value]) => metadata?.labels?.[name] === value);
}

/** One of a pod that is gone goes with that pod, sooner or later. */
function isOwnedBy({ metadata }: FoundStatus, owner: OwnerPod | undefined): boolean {
  const owners = metadata?.ownerReferences ?? [];
  return owner === undefined ? owners.length === 0 : owners.some(({ uid }) => uid === owner.uid);
}

/** Whether every field is as wanted; one that is missing is an empty list. */
export function says({ status = {} }: FoundStatus, wanted: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(wanted).every(([name, value]) => isDeepStrictEqual(status[name] ?? [], value));
}

async function create(
  ports: StatusObjectPorts,
  wanted: StatusObject,
  owner: OwnerPod | undefined,
): Promise<void> {
  const head = headOf(ports, wanted);
  const owned = owner === undefined ? {} : { ownerReferences: [{ apiVersion: "v1", kind: "Pod", ...owner }] };
  const body = { ...head, metadata: { ...head.metadata, labels: wanted.labels, ...owned } };
  const { fieldManager } = ports;
  await ports.client.create(collectionOf(ports, wanted), body, { fieldManager, ...abortable(ports) });
}

/** What the definition has no room for is left out, by what the API server says of it. */
async function apply(
  ports: StatusObjectPorts,
  wanted: StatusObject,
  status: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { client, fieldManager, lacking } = ports;
  const said = lacking.within(status);
  const how = { fieldManager, force: true, ...abortable(ports) };
  try {
    const body = { ...headOf(ports, wanted), status: said };
    await client.patch(`${pathOf(ports, wanted)}/status`, "apply", body, how);
  } catch (error) {
    if (!lacking.learn(error, said)) throw error;
    if (ports.mayWrite?.() !== false) await apply(ports, wanted, status); // with less of it each time
  }
}

function headOf({ namespace }: StatusObjectPorts, { kind, name }: StatusObject) {
  return { apiVersion: `metallb.io/${kind.version}`, kind: kind.kind, metadata: { name, namespace } };
}

function collectionOf({ namespace }: StatusObjectPorts, { kind }: Pick<StatusObject, "kind">): string {
  return customPath(kind, namespace);
}

function pathOf(ports: StatusObjectPorts, wanted: Pick<StatusObject, "kind" | "name">): string {
  return objectPath(collectionOf(ports, wanted), wanted.name);
}

function abortable({ signal }: StatusObjectPorts): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
