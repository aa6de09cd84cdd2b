import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Registry } from "prom-client";
import { createSpeakerMetrics } from "./metrics.ts";

const OF_PEER = "peer, vrf";

/**
 * MetalLB's names, with what alerts and dashboards go by. Those of BGP and BFD are the ones of its FRR mode; what only its
 * native mode has, which knows no VRF, has the same labels here.
 */
const WANTED: Readonly<Record<string, string>> = {
  metallb_k8s_client_updates_total: "counter",
  metallb_k8s_client_update_errors_total: "counter",
  metallb_k8s_client_config_loaded_bool: "gauge",
  metallb_k8s_client_config_stale_bool: "gauge",
  metallb_speaker_announced: "gauge of service, protocol, node, ip",
  metallb_layer2_requests_received: "counter of ip",
  metallb_layer2_responses_sent: "counter of ip",
  metallb_layer2_gratuitous_sent: "counter of ip",
  metallb_bgp_session_up: `gauge of ${OF_PEER}`,
  metallb_bgp_announced_prefixes_total: `gauge of ${OF_PEER}`,
  metallb_bgp_pending_prefixes_total: `gauge of ${OF_PEER}`,
  metallb_bgp_updates_total: `counter of ${OF_PEER}`,
  metallb_bgp_updates_total_received: `counter of ${OF_PEER}`,
  metallb_bgp_opens_sent: `counter of ${OF_PEER}`,
  metallb_bgp_opens_received: `counter of ${OF_PEER}`,
  metallb_bgp_notifications_sent: `counter of ${OF_PEER}`,
  metallb_bgp_keepalives_sent: `counter of ${OF_PEER}`,
  metallb_bgp_keepalives_received: `counter of ${OF_PEER}`,
  metallb_bgp_route_refresh_sent: `counter of ${OF_PEER}`,
  metallb_bgp_total_sent: `counter of ${OF_PEER}`,
  metallb_bgp_total_received: `counter of ${OF_PEER}`,
  metallb_bfd_session_up: `gauge of ${OF_PEER}`,
  metallb_bfd_control_packet_input: `counter of ${OF_PEER}`,
  metallb_bfd_control_packet_output: `counter of ${OF_PEER}`,
  metallb_bfd_echo_packet_input: `counter of ${OF_PEER}`,
  metallb_bfd_echo_packet_output: `counter of ${OF_PEER}`,
  metallb_bfd_session_up_events: `counter of ${OF_PEER}`,
  metallb_bfd_session_down_events: `counter of ${OF_PEER}`,
  metallb_bfd_zebra_notifications: `counter of ${OF_PEER}`,
};

describe("the speaker's metrics under MetalLB's names", () => {
  it("are all there, with its types and labels, whoever speaks BGP (MetalLB defect 25)", () => {
    const registry = new Registry();
    createSpeakerMetrics(registry);
    assert.deepEqual(theirs(registry), WANTED);
  });
});

function theirs(registry: Registry): Readonly<Record<string, string>> {
  const all = registry.getMetricsAsArray() as unknown as readonly {
    readonly name: string;
    readonly type: string;
    readonly labelNames?: readonly string[];
  }[];
  return Object.fromEntries(
    all
      .filter(({ name }) => name.startsWith("metallb_"))
      .map(({ name, type, labelNames = [] }) => [name, [type, ...labelNames].join(", ").replace(",", " of")]),
  );
}
