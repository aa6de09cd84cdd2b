import { shortAsn } from "./as-path.ts";
import type { Capability } from "./capability.ts";
import { type Family, UNICAST } from "./family.ts";
import { AFI } from "./iana.ts";
import { type Open, VERSION } from "./open.ts";
import type { GracefulRestartOptions, SessionOptions } from "./options.ts";

/**
 * How we introduce ourselves.
 *
 * @param capable whether to say what we can do: some old routers close on anything of the kind (RFC 5492 §3).
 * @param restarting whether the peer may still have routes from before we were started (RFC 4724 §4.1).
 */
export function ourOpen(options: SessionOptions, capable: boolean, restarting: boolean): Open {
  return {
    type: "open",
    version: VERSION,
    asn: shortAsn(options.asn),
    holdTimeSeconds: options.holdTimeSeconds,
    routerId: options.routerId,
    capabilities: capable ? [...capabilities(options, restarting)] : [],
  };
}

function* capabilities(options: SessionOptions, restarting: boolean): Generator<Capability> {
  const { asn, role, gracefulRestart, addPath, extendedNextHop, extendedMessages } = options;
  const families = options.families.map((family) => UNICAST[family]);
  for (const family of families) yield { type: "multiprotocol", family };
  yield { type: "route-refresh" };
  if (extendedNextHop && options.families.includes(4)) {
    yield { type: "extended-next-hop", nextHops: [{ family: UNICAST[4], nextHopAfi: AFI.ipv6 }] };
  }
  if (extendedMessages) yield { type: "extended-message" };
  if (role !== undefined) yield { type: "role", role };
  if (gracefulRestart !== undefined) yield* restart(gracefulRestart, families, restarting);
  yield { type: "four-octet-asn", asn };
  if (addPath) yield { type: "add-path", families: families.map((family) => ({ family, mode: "send" })) };
}

function* restart(
  options: GracefulRestartOptions,
  families: readonly Family[],
  restarting: boolean,
): Generator<Capability> {
  const { restartTimeSeconds, forwarding, notifications, longLivedSeconds } = options;
  yield {
    type: "graceful-restart",
    restarting,
    notifications,
    restartTimeSeconds,
    families: families.map((family) => ({ family, forwarding })),
  };
  if (longLivedSeconds === undefined) return;
  yield {
    type: "long-lived-graceful-restart",
    families: families.map((family) => ({ family, forwarding, staleTimeSeconds: longLivedSeconds })),
  };
}
