import { join } from "node:path";
import { PEER, PREFIXES, type RecordedRouter, type RecordedSetup, ROUTER, SAID } from "./recorded-router.ts";

const show = (namespace: string, ...lines: readonly string[]): readonly string[] => [
  "vtysh",
  ...["-N", namespace],
  ...lines.flatMap((line) => ["-c", line]),
];

export const FRR: RecordedRouter = {
  name: "FRR",
  package: "frr",
  files: (setup) => ({ "bgpd.conf": configOf(setup) }),
  daemons: (folder, namespace) => [
    ["install", "-d", "-o", "frr", "-g", "frr", join("/var/run/frr", namespace)],
    ["/usr/lib/frr/zebra", "-N", namespace, "-d", "-f", "/dev/null"],
    ["/usr/lib/frr/bgpd", "-N", namespace, "-d", "-f", join(folder, "bgpd.conf")],
  ],
  prepare: (_, namespace) => [show(namespace, "show bgp summary json")],
  refresh: (_, namespace) => show(namespace, `clear bgp ${PEER} soft in`),
  withdraw: (_, namespace) => [
    show(namespace, "configure", "router bgp", "address-family ipv4 unicast", ...no(PREFIXES.ipv4)),
    show(namespace, "configure", "router bgp", "address-family ipv6 unicast", ...no(PREFIXES.ipv6)),
  ],
  leave: (_, namespace) =>
    show(namespace, "configure", "router bgp", `neighbor ${PEER} shutdown message back at noon`),
};

const no = (prefixes: readonly string[]): readonly string[] =>
  prefixes.map((prefix) => `no network ${prefix}`);

function configOf({ asn, peerAsn, addPath, restarts }: RecordedSetup): string {
  const family = (name: string, prefixes: readonly string[]): string => ` address-family ${name} unicast
  ${prefixes.map((prefix) => `network ${prefix}`).join("\n  ")}
  neighbor ${PEER} activate
  neighbor ${PEER} route-map said out
  ${addPath ? `neighbor ${PEER} addpath-tx-all-paths` : ""}
 exit-address-family
`;
  return `router bgp ${asn}
 bgp router-id ${ROUTER}
 bgp graceful-restart${restarts ? "" : "-disable"}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 no bgp network import-check
 neighbor ${PEER} remote-as ${peerAsn}
 neighbor ${PEER} passive
 neighbor ${PEER} update-source ${ROUTER}
${family("ipv4", PREFIXES.ipv4)}${family("ipv6", PREFIXES.ipv6)}
route-map said permit 10
 set metric ${SAID.med}
 set as-path prepend ${SAID.prepended}
 set community ${SAID.community} no-export
 set large-community ${SAID.large}
 set extcommunity rt ${SAID.routeTarget}
 set aggregator as 64512 ${ROUTER}
 set atomic-aggregate
`;
}
