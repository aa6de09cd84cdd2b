import { idleReservations } from "@herald/shared/allocator/idle-reservations";
import { suggest } from "@herald/shared/closest";
import type { ConfigObject } from "@herald/shared/config/objects/config-objects";
import { mistakeInAnnotation } from "@herald/shared/config/objects/parse";
import { readPools } from "@herald/shared/config/objects/read-pools";
import type { ConfigMistake } from "@herald/shared/errors";
import { quoted } from "@herald/shared/quoted";
import { idleAnnotations } from "@herald/shared/service/idle-annotations";
import { type Change, KINDS, type Plural, type World } from "./change.ts";
import type { Finding } from "./mistakes.ts";

/** What is no mistake, and yet hardly meant: names that nothing has, and fields that do nothing. */
export function remarksOn({ objects }: World): readonly Finding[] {
  const pools = namesIn(objects.pools);
  const peers = namesIn(objects.peers);
  return [
    ...dangling("l2advertisements", objects.l2Advertisements, "ipAddressPools", "IPAddressPool", pools),
    ...dangling("bgpadvertisements", objects.bgpAdvertisements, "ipAddressPools", "IPAddressPool", pools),
    ...dangling("bgpadvertisements", objects.bgpAdvertisements, "peers", "BGPPeer", peers),
    ...objects.peers
      .filter(({ spec }) => field(spec, "disableMP") === true)
      .map((peer) =>
        remark("bgppeers", peer, "disableMP", "does nothing any more, use dualStackAddressFamily"),
      ),
  ];
}

/**
 * Annotations of ours on the changed object that do nothing: misspelt ones, and reservations of what is never given out.
 *
 * @param after the world with the change.
 */
export function annotationRemarksOn(
  { plural, object: { metadata } }: Change,
  { objects }: World,
): readonly ConfigMistake[] {
  const { name, annotations = {} } = metadata;
  const { kind } = KINDS[plural];
  const pools =
    plural === "ipaddresspools" && "herald.io/reserve" in annotations ? readPools(objects).pools : [];
  const reserving = pools.filter((pool) => pool.name === name);
  return [...idleAnnotations(kind, annotations), ...reserving.flatMap(idleReservations)].map((each) =>
    mistakeInAnnotation({ kind, name }, each),
  );
}

/** Names of objects, in a list of names, that there are not. */
function dangling(
  plural: Plural,
  objects: readonly ConfigObject[],
  list: string,
  wanted: string,
  known: ReadonlySet<string>,
): readonly Finding[] {
  return objects.flatMap((object) =>
    textsIn(field(object.spec, list)).flatMap(({ text, index }) => {
      if (known.has(text)) return [];
      const message = `there is no ${wanted} ${quoted(text)}${suggest(text, known)}`;
      return [
        {
          ...remark(plural, object, `${list}[${index}]`, message),
          transient: true,
          isDangling: true,
        } as const,
      ];
    }),
  );
}

function remark(plural: Plural, { metadata }: ConfigObject, path: string, message: string): ConfigMistake {
  return { path: `${KINDS[plural].kind} ${metadata.name}: spec.${path}`, line: 0, message };
}

function namesIn(objects: readonly ConfigObject[]): ReadonlySet<string> {
  return new Set(objects.map(({ metadata }) => metadata.name));
}

/** Of whatever somebody wrote: what stands where texts are wanted is the parser's to refuse. */
function textsIn(list: unknown): readonly { readonly text: string; readonly index: number }[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((text: unknown, index) => (typeof text === "string" ? [{ text, index }] : []));
}

function field(spec: unknown, name: string): unknown {
  return typeof spec === "object" && spec !== null ? Reflect.get(spec, name) : undefined;
}
