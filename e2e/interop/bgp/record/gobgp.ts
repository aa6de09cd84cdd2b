import { join } from "node:path";
import {
  PEER,
  PREFIXES,
  type RecordedRouter,
  type RecordedSetup,
  ROUTER,
  ROUTER6,
  SAID,
} from "./recorded-router.ts";

const rib = (verb: "add" | "del", family: "ipv4" | "ipv6"): readonly (readonly string[])[] =>
  PREFIXES[family].map((prefix) => [
    ...["gobgp", "global", "rib", verb, "-a", family, prefix],
    ...["nexthop", family === "ipv4" ? ROUTER : ROUTER6, "med", `${SAID.med}`, "aspath", `${SAID.prepended}`],
    ...["community", `${SAID.community},no-export`, "large-community", SAID.large, "rt", SAID.routeTarget],
    ...["aggregator", `64512:${ROUTER}`],
  ]);

export const GOBGP: RecordedRouter = {
  name: "GoBGP",
  package: "gobgpd",
  files: (setup) => ({ "gobgpd.toml": configOf(setup) }),
  daemons: (folder) => [
    ["sh", "-c", `gobgpd -f ${join(folder, "gobgpd.toml")} > ${join(folder, "log")} 2>&1 &`],
  ],
  prepare: () => [...rib("add", "ipv4"), ...rib("add", "ipv6")],
  // It keeps what it heard, and asks nobody to say it again.
  refresh: undefined,
  withdraw: () => [...rib("del", "ipv4"), ...rib("del", "ipv6")],
  leave: () => ["gobgp", "neighbor", PEER, "shutdown", "--reason", "back at noon"],
};

function configOf({ asn, peerAsn, addPath, restarts }: RecordedSetup): string {
  const family = (name: string): string => `[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "${name}-unicast"
[neighbors.afi-safis.mp-graceful-restart.config]
enabled = ${restarts}
${addPath ? "[neighbors.afi-safis.add-paths.config]\nsend-max = 8" : ""}
`;
  return `[global.config]
as = ${asn}
router-id = "${ROUTER}"
[[neighbors]]
[neighbors.config]
neighbor-address = "${PEER}"
peer-as = ${peerAsn}
[neighbors.transport.config]
local-address = "${ROUTER}"
passive-mode = true
[neighbors.graceful-restart.config]
enabled = ${restarts}
restart-time = 120
${family("ipv4")}${family("ipv6")}`;
}
