import { suggest } from "../../closest.ts";
import type { ConfigMistake } from "../../errors.ts";
import { quoted } from "../../quoted.ts";
import { parseCommunity } from "../community.ts";
import { COMMUNITY_KIND, CommunitySpec } from "../crd/community.ts";
import type { ConfigObjects } from "./config-objects.ts";
import { lackIn, mistakeIn, type Parsed, parseObjects, placeOf } from "./parse.ts";

export interface CommunitiesReading {
  /** By alias, canonical. */
  readonly communities: ReadonlyMap<string, string>;
  /** Aliases that have several meanings; `communities` has the first. */
  readonly disputed: ReadonlySet<string>;
  readonly mistakes: readonly ConfigMistake[];
}

export function readCommunities({ communities }: Pick<ConfigObjects, "communities">): CommunitiesReading {
  const { sound, mistakes } = parseObjects(COMMUNITY_KIND, CommunitySpec, communities);
  const aliases = new Map<string, string>();
  const places = new Map<string, string>();
  const disputed = new Set<string>();
  const repeated = sound.flatMap((object) =>
    (object.spec.communities ?? []).flatMap(({ name, value }, index) => {
      const path = ["communities", index, "name"];
      const earlier = places.get(name);
      if (earlier !== undefined) {
        disputed.add(name);
        return [mistakeIn(object, path, `${quoted(name)} has a meaning already (${earlier})`)];
      }
      aliases.set(name, value);
      places.set(name, placeOf(object, path));
      return [];
    }),
  );
  return { communities: aliases, disputed, mistakes: [...mistakes, ...repeated] };
}

/** What is wrong with communities that an advertisement names. */
export function communityMistakes(
  object: Parsed<{ readonly communities?: readonly string[] | undefined }>,
  aliases: ReadonlyMap<string, string>,
): readonly ConfigMistake[] {
  return (object.spec.communities ?? []).flatMap((text, index) => {
    const parsed = parseCommunity(text);
    if (aliases.has(text) || "community" in parsed) return [];
    const path = ["communities", index];
    // Why: with a colon it was meant to be numbers; without, it is a name that may still be given.
    if (text.includes(":")) return [mistakeIn(object, path, parsed.mistake)];
    return [
      lackIn(object, path, `no Community object has ${quoted(text)} yet${suggest(text, aliases.keys())}`),
    ];
  });
}
