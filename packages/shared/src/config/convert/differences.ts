import type { ParsedConfig } from "../schema.ts";
import type { ObjectNames } from "./convert.ts";
import { peerName, secretName } from "./to-objects.ts";

/** What is not the same once the objects are in force, a sentence each. */
export function differencesOf(parsed: ParsedConfig, names: ObjectNames): readonly string[] {
  return [
    ...renamed(names.pools).map(
      ([old, name]) =>
        `Pool "${old}" is called "${name}" from now on: Services that ask for it in the annotation address-pool must ask for "${name}".`,
    ),
    ...renamed(names.profiles).map(([old, name]) => `BFD profile "${old}" is called "${name}" from now on.`),
    ...orderDifference(parsed, names),
    ...parsed.peers.flatMap(({ password }, index) =>
      password === ""
        ? []
        : [
            `The password of ${peerName(index)} is in Secret "${secretName(index)}" from now on: speakers must be allowed to read it.`,
          ],
    ),
  ];
}

function renamed(names: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return [...names].filter(([old, name]) => old !== name);
}

/** Services that ask for no pool get an address of the first that has one; objects stand in the order of their names. */
function orderDifference(parsed: ParsedConfig, { pools }: ObjectNames): readonly string[] {
  const before = parsed["address-pools"]
    .filter((pool) => pool["auto-assign"])
    .map(({ name }) => pools.get(name) ?? name);
  const after = [...before].sort();
  if (before.join() === after.join()) return [];
  return [
    `New Services that ask for no pool are served from ${after.join(", ")} in this order, not from ${before.join(", ")} any more. To keep the order, give the pools a serviceAllocation.priority.`,
  ];
}
