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

/** Through the pipe that its helper passes on. */
const tell = (folder: string, ...lines: readonly string[]): readonly string[] => [
  "sh",
  "-c",
  `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(" ")} > ${join(folder, "commands")}`,
];

export const EXABGP: RecordedRouter = {
  name: "ExaBGP",
  package: "python3-exabgp",
  files: (setup, folder) => ({
    "exabgp.conf": configOf(setup, folder),
    helper: `#!/bin/sh\nwhile cat ${join(folder, "commands")}; do :; done\n`,
  }),
  daemons: (folder) => [
    ["mkfifo", join(folder, "commands")],
    ["chmod", "+x", join(folder, "helper")],
    [
      "sh",
      "-c",
      `env exabgp.daemon.user=root exabgp.api.cli=false exabgp.api.ack=false \
        /usr/bin/python3 -m exabgp ${join(folder, "exabgp.conf")} > ${join(folder, "log")} 2>&1 &`,
    ],
  ],
  prepare: () => [["sh", "-c", "ss -Hltn 'sport = :179' | grep -q ."]],
  refresh: (folder) =>
    tell(folder, "announce route-refresh ipv4 unicast", "announce route-refresh ipv6 unicast"),
  withdraw: (folder) => [
    tell(
      folder,
      ...PREFIXES.ipv4.map((prefix) => `withdraw route ${prefix} next-hop ${ROUTER}`),
      ...PREFIXES.ipv6.map((prefix) => `withdraw route ${prefix} next-hop ${ROUTER6}`),
    ),
  ],
  leave: (folder) => tell(folder, `neighbor ${PEER} teardown 2`),
};

function configOf({ asn, peerAsn, addPath, restarts }: RecordedSetup, folder: string): string {
  const path = asn === peerAsn ? [SAID.prepended] : [asn, SAID.prepended];
  // In one line: it reads no route over several.
  const said = [
    `med ${SAID.med} as-path [ ${path.join(" ")} ] community [ ${SAID.community} no-export ]`,
    `large-community [ ${SAID.large} ] extended-community [ target:${SAID.routeTarget} ]`,
    `aggregator ( 64512:${ROUTER} ) atomic-aggregate`,
  ].join(" ");
  const routes = (prefixes: readonly string[], hop: string): string =>
    prefixes.map((prefix) => `unicast ${prefix} next-hop ${hop} ${said};`).join("\n    ");
  return `process helper { run ${join(folder, "helper")}; encoder json; }
neighbor ${PEER} {
  router-id ${ROUTER};
  local-address ${ROUTER};
  local-as ${asn};
  peer-as ${peerAsn};
  passive true;
  listen 179;
  capability { route-refresh enable; ${restarts ? "graceful-restart 120;" : ""} ${addPath ? "add-path send;" : ""} }
  family { ipv4 unicast; ipv6 unicast; }
  ${addPath ? "add-path { ipv4 unicast; ipv6 unicast; }" : ""}
  api { processes [ helper ]; }
  announce {
    ipv4 { ${routes(PREFIXES.ipv4, ROUTER)} }
    ipv6 { ${routes(PREFIXES.ipv6, ROUTER6)} }
  }
}
`;
}
