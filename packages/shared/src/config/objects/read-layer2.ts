import type { z } from "zod";
import type { ConfigMistake } from "../../errors.ts";
import type { L2AdvertisementConfig, Pool } from "../config.ts";
import { L2_ADVERTISEMENT, L2AdvertisementSpec } from "../crd/l2-advertisement.ts";
import type { ConfigObjects } from "./config-objects.ts";
import { type Parsed, parseObjects, toSelector } from "./parse.ts";
import { namesOf, type PoolSelection, selectPools, toSelection } from "./pool-selection.ts";

/** An advertisement before it is known which pools there are. */
export interface Layer2Wish {
  readonly selection: PoolSelection;
  readonly advertisement: Omit<L2AdvertisementConfig, "pools">;
}

export interface Layer2Reading {
  readonly wishes: readonly Layer2Wish[];
  readonly mistakes: readonly ConfigMistake[];
}

export function readLayer2({ l2Advertisements }: Pick<ConfigObjects, "l2Advertisements">): Layer2Reading {
  const { sound, mistakes } = parseObjects(L2_ADVERTISEMENT, L2AdvertisementSpec, l2Advertisements);
  return { wishes: sound.map(toWish), mistakes };
}

export function grantLayer2(
  wishes: readonly Layer2Wish[],
  pools: readonly Pool[],
): readonly L2AdvertisementConfig[] {
  return wishes.map(({ selection, advertisement }) => ({
    ...advertisement,
    pools: namesOf(selectPools(selection, pools)),
  }));
}

function toWish({ name, spec }: Parsed<z.output<typeof L2AdvertisementSpec>>): Layer2Wish {
  const { nodeSelectors = [], serviceSelectors = [], interfaces = [], preferredNodeSelectors = [] } = spec;
  return {
    selection: toSelection(spec),
    advertisement: {
      name,
      nodeSelectors: nodeSelectors.map(toSelector),
      serviceSelectors: serviceSelectors.map(toSelector),
      interfaces: [...new Set(interfaces)],
      preferredNodeSelectors: preferredNodeSelectors.map(({ weight, preference }) => ({
        weight,
        preference: toSelector(preference),
      })),
    },
  };
}
