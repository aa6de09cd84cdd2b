import type { SpreadOver } from "@herald/layer2/spread-nodes";
import { L2_SPREAD, L2_SPREAD_VALUES } from "@herald/shared/service/annotations";
import type { ServiceView } from "@herald/shared/service/view";

/** Why a Service that asks for it is announced by one node nevertheless. */
export const SPREAD_REFUSALS = {
  spreadUnknown: `The value of \`${L2_SPREAD}\` is none that is known (${L2_SPREAD_VALUES.join(", ")}).`,
  spreadNotShared: `Another Service that shares an address with it, directly or through others, does not ask for \`${L2_SPREAD}\`.`,
  spreadForeign:
    "A speaker takes part that knows nothing of it, as MetalLB's: beside one, a single node answers for an address.",
} as const;

export type SpreadRefusal = keyof typeof SPREAD_REFUSALS;

/** Whether several nodes announce the addresses of a Service. */
export type SpreadPlan =
  | { readonly type: "spread" }
  /** `refusal`: it was asked for. */
  | { readonly type: "alone"; readonly refusal: SpreadRefusal | undefined };

type Wish = "spread" | "alone" | "unknown";

/** @param groupOf the Service itself and all that share addresses with it; asked of those that are to be spread. */
export function planSpread(
  service: ServiceView,
  groupOf: () => readonly ServiceView[],
  isForeign: boolean,
): SpreadPlan {
  const own = wishOf(service);
  if (own === "alone") return { type: "alone", refusal: undefined };
  if (own === "unknown") return { type: "alone", refusal: "spreadUnknown" };
  const isAgreed = groupOf().every((member) => wishOf(member) === "spread");
  if (!isAgreed) return { type: "alone", refusal: "spreadNotShared" };
  return isForeign ? { type: "alone", refusal: "spreadForeign" } : { type: "spread" };
}

function wishOf({ annotations }: ServiceView): Wish {
  const value = annotations[L2_SPREAD];
  if (value === undefined) return "alone";
  return L2_SPREAD_VALUES.some((known) => known === value) ? "spread" : "unknown";
}

/** Made once for all Services that are spread over the same nodes: they are told from others by what they are. */
export class SpreadTeams {
  readonly #self: string;
  /** By the set they were made of, which is gone with the nodes. */
  readonly #made = new WeakMap<ReadonlySet<string>, SpreadOver>();
  constructor(self: string) {
    this.#self = self;
  }

  over(nodes: ReadonlySet<string>): SpreadOver {
    const before = this.#made.get(nodes);
    if (before !== undefined) return before;
    const made: SpreadOver = { self: this.#self, nodes: [...nodes].sort() };
    this.#made.set(nodes, made);
    return made;
  }
}
