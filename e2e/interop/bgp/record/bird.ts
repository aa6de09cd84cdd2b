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

const tell = (folder: string, ...words: readonly string[]): readonly string[] => [
  "birdc",
  "-s",
  join(folder, "bird.ctl"),
  ...words,
];

export const BIRD: RecordedRouter = {
  name: "BIRD",
  package: "bird2",
  files: (setup) => ({ "bird.conf": configOf(setup) }),
  daemons: (folder) => [["bird", "-c", join(folder, "bird.conf"), "-s", join(folder, "bird.ctl")]],
  prepare: (folder) => [tell(folder, "show", "status")],
  refresh: (folder) => tell(folder, "reload", "in", "peer"),
  withdraw: (folder) => [tell(folder, "disable", "own4"), tell(folder, "disable", "own6")],
  leave: (folder) => tell(folder, "disable", "peer", '"back at noon"'),
};

const commas = (text: string): string => text.replaceAll(":", ",");
const routes = (prefixes: readonly string[]): string =>
  prefixes.map((prefix) => `route ${prefix} blackhole;`).join(" ");

function configOf({ asn, peerAsn, addPath, restarts }: RecordedSetup): string {
  const channel = (family: 4 | 6): string =>
    `ipv${family} { import all; export filter said; ${addPath ? "add paths tx;" : ""} ${
      family === 6 ? `next hop address ${ROUTER6};` : ""
    } };`;
  return `router id ${ROUTER};
protocol device {}
protocol direct { ipv4; ipv6; }
protocol static own4 { ipv4; ${routes(PREFIXES.ipv4)} }
protocol static own6 { ipv6; ${routes(PREFIXES.ipv6)} }
filter said {
  if source != RTS_STATIC then reject;
  bgp_med = ${SAID.med};
  bgp_path.prepend(${SAID.prepended});
  bgp_community.add((${commas(SAID.community)}));
  bgp_community.add((65535,65281));
  bgp_large_community.add((${commas(SAID.large)}));
  bgp_ext_community.add((rt,${commas(SAID.routeTarget)}));
  accept;
}
protocol bgp peer {
  local ${ROUTER} as ${asn};
  neighbor ${PEER} as ${peerAsn};
  direct;
  passive on;
  graceful restart ${restarts ? "on" : "off"};
  ${channel(4)}
  ${channel(6)}
}
`;
}
