import { BFD_DOWN_REASONS, BFD_DROP_REASONS } from "../../packages/bfd/src/reasons.ts";
import { BMP_DOWN_REASONS } from "../../packages/bgp/src/bmp-effect.ts";
import { BGP_NOTICES, DOWN_REASONS } from "../../packages/bgp/src/reasons.ts";
import { SWIM_NOTICES } from "../../packages/gossip/src/notices.ts";
import { CONFLICT_KINDS } from "../../packages/layer2/src/conflict-messages.ts";
import { DROP_REASONS } from "../../packages/layer2/src/drop-reasons.ts";
import { ALLOCATED_REASONS } from "../../packages/shared/src/allocator/allocated-condition.ts";
import { ALLOCATION_REASONS } from "../../packages/shared/src/errors.ts";
import { ANNOUNCED_REASONS } from "../../packages/speaker/src/announced-condition.ts";
import { INCOMING_REFUSALS } from "../../packages/speaker/src/bgp-incoming.ts";
import { BGP_DISAGREEMENTS } from "../../packages/speaker/src/bgp-routes.ts";
import { UNFIT_REASONS } from "../../packages/speaker/src/interface-rules.ts";
import { WITHDRAW_REASONS } from "../../packages/speaker/src/plan.ts";
import { SPREAD_REFUSALS } from "../../packages/speaker/src/plan-spread.ts";
import { ROUTER_DROP_REASONS } from "../../packages/speaker/src/router-frames.ts";
import { page, table } from "./markdown.ts";

export function reasonsPage(): string {
  return page(
    "Reasons",
    "Each is a member of a closed set in the source, a label of a metric, and in the log.",
    [
      section(
        "Why a Service has no address",
        "Source: `packages/shared/src/errors.ts`. In `herald_controller_services`, and spelt out in the Service's Events.",
        ALLOCATION_REASONS,
      ),
      section(
        "Why a node does not answer for a Service",
        "Source: `packages/speaker/src/plan.ts`. In the speaker's log at level debug; where MetalLB has a word for it, that word.",
        Object.fromEntries(
          Object.entries(WITHDRAW_REASONS).map(([reason, { sentence }]) => [reason, sentence]),
        ),
      ),
      section(
        "Why one node answers for a Service that asks to be spread",
        "Source: `packages/speaker/src/plan-spread.ts`. A Warning Event on the Service, and in the log of the node that answers; see [spread.md](../spread.md).",
        SPREAD_REFUSALS,
      ),
      section(
        "Whether a Service is announced",
        "Source: `packages/speaker/src/announced-condition.ts`. Reason of the condition `herald.io/Announced` in the status of the Service, written by the node that announces it; where none does, by one speaker for all, with what keeps each node and what to change. See [conflicts.md](../conflicts.md).",
        ANNOUNCED_REASONS,
      ),
      section(
        "Who else has an address of ours",
        "Source: `packages/layer2/src/conflict-messages.ts`. In `herald_speaker_conflicts_total` and in the log; see [conflicts.md](../conflicts.md).",
        CONFLICT_KINDS,
      ),
      section(
        "Why a frame is not answered",
        "Source: `packages/layer2/src/drop-reasons.ts`. In `herald_speaker_frames_dropped_total`; a frame counts under the first that applies.",
        DROP_REASONS,
      ),
      section(
        "Why nothing is announced on an interface",
        "Source: `packages/speaker/src/interface-rules.ts`. In `herald_speaker_interfaces`.",
        UNFIT_REASONS,
      ),
      section(
        "Whether a Service has addresses",
        "Source: `packages/shared/src/allocator/allocated-condition.ts`. Reason of the condition `herald.io/Allocated` in the status of the Service, written by the controller together with the addresses.",
        ALLOCATED_REASONS,
      ),
      section(
        "What gossip noticed",
        "Source: `packages/gossip/src/notices.ts`. In `herald_speaker_gossip_notices_total`.",
        SWIM_NOTICES,
      ),
      ...bgpSections(),
    ],
  );
}

function bgpSections(): readonly string[] {
  return [
    section(
      "Why there is no BGP session",
      "Source: `packages/bgp/src/reasons.ts`. In `herald_speaker_bgp_downs_total` and, with the whole story, in the log.",
      DOWN_REASONS,
    ),
    section(
      "What a BGP session noticed",
      "Source: `packages/bgp/src/reasons.ts`. In `herald_speaker_bgp_notices_total` and in the log.",
      BGP_NOTICES,
    ),
    section(
      "Why a BGP connection that a router began is reset",
      "Source: `packages/speaker/src/bgp-incoming.ts`. In `herald_speaker_bgp_incoming_refused_total`, and in the log at level debug; only with `--bgp-listen`, see [bgp.md](../bgp.md).",
      INCOMING_REFUSALS,
    ),
    section(
      "What BGP advertisements disagree on",
      "Source: `packages/speaker/src/bgp-routes.ts`. In `herald_speaker_bgp_withheld`, beside the reasons why a node does not answer for a Service, and in the log.",
      BGP_DISAGREEMENTS,
    ),
    section(
      "Why a router advertisement counts for nothing",
      "Source: `packages/speaker/src/router-frames.ts`. In `herald_speaker_bgp_router_advertisements_dropped_total`; on interfaces that BGP peers name instead of an address, see [bgp.md](../bgp.md#unnumbered).",
      ROUTER_DROP_REASONS,
    ),
    section(
      "Why a monitoring station is told nothing",
      "Source: `packages/bgp/src/bmp-effect.ts`. In `herald_speaker_bmp_downs_total` and, with the whole story, in the log. See [bgp.md](../bgp.md#monitoring).",
      BMP_DOWN_REASONS,
    ),
    section(
      "Why a BFD session is not up any more",
      "Source: `packages/bfd/src/reasons.ts`. In `herald_speaker_bfd_downs_total`, in the log and, with the whole story, in Events of the Node. See [bfd.md](../bfd.md).",
      BFD_DOWN_REASONS,
    ),
    section(
      "Why a BFD packet counts for nothing",
      "Source: `packages/bfd/src/reasons.ts`. In `herald_speaker_bfd_dropped_total`; a packet counts under the first that applies.",
      BFD_DROP_REASONS,
    ),
  ];
}

function section(title: string, source: string, reasons: Readonly<Record<string, string>>): string {
  const rows = Object.entries(reasons).map(([reason, sentence]) => [`\`${reason}\``, sentence]);
  return `## ${title}\n\n${source}\n\n${table(["reason", "meaning"], rows)}`;
}
