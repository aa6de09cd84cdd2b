import { ApiError, type ListPage, type Query, type WatchEvent } from "./api.ts";
import { applyByForce, type Owned } from "./fake-apply.ts";
import { mergePatch } from "./merge-patch.ts";
import { metaTime } from "./meta-time.ts";

/** An object as stored: plain JSON, never changed in place. */
export interface Stored {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: StoredMetadata;
  readonly status?: unknown;
}

interface StoredMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly generateName?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A resource path taken apart. */
export interface Target {
  /** The collection over all namespaces: `/api/v1/services`. */
  readonly collection: string;
  readonly resource: string;
  readonly namespace: string | undefined;
  /** "" for a collection. */
  readonly name: string;
  readonly subresource: string;
}

/** One change, as watches see it. */
export interface Change {
  readonly version: number;
  readonly collection: string;
  readonly before: Stored | undefined;
  readonly after: Stored | undefined;
}

/** Resources whose status is written only through `/status`, and whose other fields are not written there. */
const WITH_STATUS = [
  ...["services", "nodes", "pods"],
  ...["servicel2statuses", "servicebgpstatuses", "configurationstates", "bgpsessionstates", "bgppeers"],
];

/** Objects with the rules an API server applies to them: versions, uids, status subresources, ipMode, selectors. */
export class FakeStore {
  readonly #objects = new Map<string, Map<string, Stored>>(); // by collection, then key; for tests
  readonly #epochMs: () => number;
  readonly #changed: (change: Change) => void;
  readonly #freezes: boolean;
  /** Answers to lists, until something changes: many clients ask for the same. */
  readonly #lists = new Map<string, readonly Stored[]>();
  readonly #snapshots = new Map<string, readonly Stored[]>(); // what is left of paged lists, by continue token
  readonly #owned = new Map<string, Owned>(); // by uid, of objects that somebody applied
  #history: Change[] = [];
  #version = 1;
  #compacted = 0;
  #serial = 0;

  /** @param options `freezes`: whoever changes what is stored in place gets a TypeError. */
  constructor(
    epochMs: () => number,
    changed: (change: Change) => void,
    options: { readonly freezes: boolean },
  ) {
    this.#epochMs = epochMs;
    this.#changed = changed;
    this.#freezes = options.freezes;
  }

  get version(): number {
    return this.#version;
  }

  get(path: string): Stored | undefined {
    const target = parsePath(path);
    return this.#collection(target.collection).get(keyOfTarget(target));
  }

  all(path: string, query: Query = {}): readonly Stored[] {
    const question = JSON.stringify([path, query]);
    const known = this.#lists.get(question) ?? this.#select(path, query);
    this.#lists.set(question, known);
    return known;
  }

  #select(path: string, query: Query): readonly Stored[] {
    const target = parsePath(path);
    return [...this.#collection(target.collection).entries()]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([, object]) => object)
      .filter((object) => selects(target, query, object));
  }

  page(path: string, query: Query, limit: number, token: string | undefined): ListPage<unknown> {
    const rest = token === undefined ? this.all(path, query) : this.#snapshots.get(token);
    if (rest === undefined) throw new ApiError(410, "Expired", "the provided continue parameter is too old");
    const version = token?.split("@")[1] ?? `${this.#version}`;
    const items = rest.slice(0, limit);
    if (rest.length <= limit) return { items, resourceVersion: version, continue: undefined };
    this.#serial += 1;
    const next = `${this.#serial}@${version}`;
    this.#snapshots.set(next, rest.slice(limit));
    return { items, resourceVersion: version, continue: next };
  }

  create(path: string, body: object): Stored {
    const target = parsePath(path);
    const given = structuredClone(body) as { metadata?: Partial<StoredMetadata>; status?: unknown };
    this.#serial += 1;
    const name =
      given.metadata?.name ?? `${given.metadata?.generateName ?? "x-"}${this.#serial.toString(36)}`;
    const named = { ...target, namespace: given.metadata?.namespace ?? target.namespace, name };
    if (this.#collection(target.collection).has(keyOfTarget(named))) {
      throw new ApiError(409, "AlreadyExists", `${target.resource} "${name}" already exists`);
    }
    const metadata = {
      ...given.metadata,
      name,
      ...(named.namespace !== undefined && { namespace: named.namespace }),
      uid: given.metadata?.uid ?? `uid-${this.#serial}`,
      creationTimestamp: given.metadata?.creationTimestamp ?? metaTime(this.#epochMs()),
    };
    return this.#write(named, undefined, { ...given, metadata });
  }

  /** PUT and PATCH: `change` makes the new object out of the stored one. */
  change(path: string, change: (stored: Stored) => unknown): Stored {
    const target = parsePath(path);
    const before = this.#collection(target.collection).get(keyOfTarget(target));
    if (before === undefined) throw notFound(target);
    const wanted = structuredClone(change(before)) as Stored;
    refuseConflict(before.metadata, wanted.metadata, target);
    const { uid, name, creationTimestamp } = before.metadata;
    const metadata = { ...wanted.metadata, uid, name, creationTimestamp };
    return this.#write(target, before, this.#merge(target, before, { ...wanted, metadata }));
  }

  patch(path: string, patch: object, merge = mergePatch): Stored {
    return this.change(path, (stored) => merge(stored, patch));
  }

  /** Server-side apply by force, of an object that is there. */
  apply(path: string, body: object, manager: string): Stored {
    const stored = this.get(path);
    if (stored === undefined) throw nothingToApply(parsePath(path), body);
    const { uid } = stored.metadata;
    const { object, owned } = applyByForce(stored, body, manager, this.#owned.get(uid) ?? new Map());
    const after = this.change(path, () => object);
    this.#owned.set(uid, owned);
    return after;
  }

  remove(path: string, preconditions: { uid?: string; resourceVersion?: string } = {}): void {
    const target = parsePath(path);
    const before = this.#collection(target.collection).get(keyOfTarget(target));
    if (before === undefined) throw notFound(target);
    refuseConflict(before.metadata, preconditions, target);
    this.#collection(target.collection).delete(keyOfTarget(target));
    this.#owned.delete(before.metadata.uid);
    this.#record(target.collection, before, undefined);
  }

  /** Forgets the history, and what is left of paged lists. */
  compact(): void {
    this.#compacted = this.#version;
    this.#history = [];
    this.#snapshots.clear();
  }

  /** @throws {ApiError} 410 when that far back is forgotten. */
  since(path: string, query: Query, version: number): readonly WatchEvent<unknown>[] {
    if (version < this.#compacted) {
      throw new ApiError(410, "Expired", `too old resource version: ${version} (${this.#compacted})`);
    }
    return this.#history
      .filter((change) => change.version > version)
      .flatMap((change) => eventsOf(path, query, change));
  }

  #collection(path: string): Map<string, Stored> {
    const known = this.#objects.get(path) ?? new Map<string, Stored>();
    this.#objects.set(path, known);
    return known;
  }

  /** Which of the wanted fields this path may write. */
  #merge(target: Target, before: Stored, wanted: Stored): Stored {
    if (!WITH_STATUS.includes(target.resource)) return wanted;
    if (target.subresource !== "status") return { ...wanted, status: before.status };
    return { ...before, metadata: wanted.metadata, status: wanted.status };
  }

  #write(target: Target, before: Stored | undefined, object: object): Stored {
    const version = this.#version + 1;
    const { metadata, ...rest } = object as Stored;
    const after: Stored = {
      ...(target.resource === "services" ? withDefaults(rest) : rest),
      metadata: { ...metadata, resourceVersion: `${version}` },
    };
    if (this.#freezes) freeze(after);
    // Why: the API server writes nothing when nothing changed.
    if (before !== undefined && sameBut(before, after)) return before;
    this.#collection(target.collection).set(keyOfTarget(target), after);
    this.#record(target.collection, before, after);
    return after;
  }

  #record(collection: string, before: Stored | undefined, after: Stored | undefined): void {
    this.#version += 1;
    this.#lists.clear();
    const last =
      before !== undefined && after === undefined
        ? { ...before, metadata: { ...before.metadata, resourceVersion: `${this.#version}` } }
        : before;
    const change = { version: this.#version, collection, before: last, after };
    this.#history.push(change);
    this.#changed(change);
  }
}

/** What a watch on `path` hears of a change; an object that leaves the selection is deleted for it. */
export function eventsOf(path: string, query: Query, change: Change): readonly WatchEvent<unknown>[] {
  const target = parsePath(path);
  if (target.collection !== change.collection) return [];
  const before = change.before !== undefined && selects(target, query, change.before);
  const after = change.after !== undefined && selects(target, query, change.after);
  if (after) return [{ type: before ? "modified" : "added", object: change.after }];
  if (!before) return [];
  const { before: object } = change;
  const metadata = { ...object?.metadata, resourceVersion: `${change.version}` };
  return [{ type: "deleted", object: { ...object, metadata } }];
}

/** What a version of a group serves: an object like others, here. */
const DISCOVERY = /^(\/apis\/[^/]+)(?:\/(v[0-9][0-9a-z]*))?$/;
const PATH =
  /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/;

export function parsePath(path: string): Target {
  const [, apis, version = ""] = DISCOVERY.exec(path) ?? [];
  if (apis !== undefined) {
    return { collection: apis, resource: "apis", namespace: undefined, name: version, subresource: "" };
  }
  const [, group = "", namespace, resource = "", name = "", subresource = ""] = PATH.exec(path) ?? [];
  if (resource === "") throw new ApiError(404, "NotFound", `no such path: ${path}`);
  return {
    collection: `${group}/${resource}`,
    resource,
    namespace: namespace === undefined ? undefined : decodeURIComponent(namespace),
    name: decodeURIComponent(name),
    subresource,
  };
}

function keyOfTarget({ namespace, name }: Target): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function selects(target: Target, query: Query, { metadata, ...rest }: Stored): boolean {
  if (target.namespace !== undefined && metadata.namespace !== target.namespace) return false;
  const labels = terms(query["labelSelector"]).every(({ name, value }) =>
    value === undefined ? metadata.labels?.[name] !== undefined : metadata.labels?.[name] === value,
  );
  const object: unknown = { metadata, ...rest };
  return (
    labels && terms(query["fieldSelector"]).every(({ name, value }) => `${fieldOf(object, name)}` === value)
  );
}

/** `a=b,c` → a is b, c is there. Sets and inequalities are not spoken here. */
function terms(selector = ""): readonly { name: string; value: string | undefined }[] {
  return selector
    .split(",")
    .filter((term) => term !== "")
    .map((term) => {
      const [name = "", value] = term.split(/==?/);
      return { name, value };
    });
}

function fieldOf(object: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name] ?? "", object);
}

function refuseConflict(
  stored: StoredMetadata,
  wanted: { readonly uid?: string; readonly resourceVersion?: string },
  target: Target,
): void {
  const { uid = "", resourceVersion = "" } = wanted;
  if (uid !== "" && uid !== stored.uid) {
    throw new ApiError(
      409,
      "Conflict",
      `${target.name}: the UID in the precondition (${uid}) does not match`,
    );
  }
  if (resourceVersion === "" || resourceVersion === stored.resourceVersion) return;
  throw new ApiError(409, "Conflict", `${target.name}: the object has been modified`);
}

function notFound({ resource, name }: Target): ApiError {
  return new ApiError(404, "NotFound", `${resource} "${name}" not found`);
}

/** The API server takes it for a wish to create one, and none may be made with a uid of the past. */
function nothingToApply(target: Target, body: object): ApiError {
  const { uid } = (body as { readonly metadata: { readonly uid?: string } }).metadata;
  if (uid === undefined) return notFound(target);
  return new ApiError(409, "Conflict", `uid mismatch: the object specified ${uid}, and there is none`);
}

/** The API server gives every ingress with an ip the mode it means by default, and leaves out a list of none. */
function withDefaults<T extends { readonly status?: unknown }>(service: T): T {
  const status = service.status as
    | { loadBalancer?: { ingress?: { ip?: string; ipMode?: string }[] } }
    | undefined;
  const ingress = status?.loadBalancer?.ingress;
  if (ingress === undefined) return service;
  const filled = ingress.map((entry) =>
    entry.ip === undefined || entry.ipMode !== undefined ? entry : { ...entry, ipMode: "VIP" },
  );
  const { ingress: _, ...others } = status?.loadBalancer ?? {};
  const loadBalancer = { ...others, ...(filled.length > 0 && { ingress: filled }) };
  return { ...service, status: { ...status, loadBalancer } };
}

function sameBut(left: Stored, right: Stored): boolean {
  const plain = ({ metadata, ...rest }: Stored): string =>
    JSON.stringify({ ...rest, metadata: { ...metadata, resourceVersion: "" } });
  return plain(left) === plain(right);
}

/** All of it, to the bottom. */
function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
}
