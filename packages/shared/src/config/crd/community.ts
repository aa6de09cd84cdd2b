import { z } from "zod";
import { parseCommunity } from "../community.ts";
import { textOf } from "../text-field.ts";
import type { CrdKind } from "./crd-kind.ts";
import { EmptyStatus } from "./empty-status.ts";
import { validations } from "./rules.ts";
import { COMMUNITY, matches } from "./text-patterns.ts";

const MAX_COMMUNITIES = 4_000;
const MAX_COMMUNITY_LENGTH = 64;

const value = textOf(
  {
    description: "A community like `64512:100` or `large:64512:100:7`.",
    maxLength: MAX_COMMUNITY_LENGTH,
    ...validations([
      {
        cel: matches(COMMUNITY),
        message: "want two numbers of 0 to 65535 as in 64512:100, or three as in large:64512:100:7",
      },
    ]),
  },
  parseCommunity,
).transform(({ community }) => community);

export const CommunitySpec = z
  .object({
    communities: z
      .array(
        z
          .object({
            name: z.string().min(1).meta({ description: "Unique in all Community objects." }),
            value,
          })
          .meta({ description: "A name, and what it stands for." }),
      )
      .max(MAX_COMMUNITIES)
      .optional()
      .meta({ description: "Names to use in BGPAdvertisements." }),
  })
  .meta({ description: "Names for communities." });

export const COMMUNITY_KIND: CrdKind = {
  kind: "Community",
  plural: "communities",
  about: "Names for BGP communities, for use in BGPAdvertisements.",
  versions: [{ name: "v1beta1", isStored: true, spec: CommunitySpec, status: EmptyStatus, columns: [] }],
};
