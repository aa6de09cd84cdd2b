import type { z } from "zod";
import { suggest } from "../../closest.ts";
import { quoted } from "../../quoted.ts";
import type { BGP_PEER_ANNOTATIONS } from "../../service/annotations.ts";
import type { BgpPeerConfig, BgpRole } from "../config.ts";
import type { BgpPeerSpec } from "../crd/bgp-peer.ts";
import { parseDuration } from "../duration.ts";
import { type AnnotationMistake, annotationReader, numberFrom, type ParsedText } from "./annotation-text.ts";

type Spec = z.output<typeof BgpPeerSpec>;
type PeerAnnotation = keyof typeof BGP_PEER_ANNOTATIONS;

export interface PeerAnnotationsReading {
  readonly said: Pick<
    BgpPeerConfig,
    | "minimumTtl"
    | "longLivedSeconds"
    | "advertisementIntervalMs"
    | "delayOpenMs"
    | "sourcePort"
    | "role"
    | "strictRole"
  >;
  readonly mistakes: readonly AnnotationMistake<PeerAnnotation>[];
}

/** Reads the annotations of a BGPPeer, ours among any others. What has a mistake has no effect. */
export function readPeerAnnotations(
  spec: Spec,
  annotations: Readonly<Record<string, string>>,
): PeerAnnotationsReading {
  const reader = annotationReader<PeerAnnotation>(annotations);
  const minimumTtl = reader.read("herald.io/minimum-ttl", numberFrom(1, 255));
  const longLivedSeconds = reader.read("herald.io/long-lived-stale-time", staleTimeOf(spec));
  const advertisementIntervalMs = reader.read("herald.io/advertisement-interval", upTo("10m", 600_000));
  const delayOpenMs = reader.read("herald.io/delay-open", upTo("4m", 240_000));
  const sourcePort = reader.read("herald.io/source-port", numberFrom(1, 65_535));
  const role = reader.read("herald.io/role", roleOf(spec));
  return {
    said: {
      ...(minimumTtl !== undefined && { minimumTtl }),
      ...(longLivedSeconds !== undefined && { longLivedSeconds }),
      ...(advertisementIntervalMs !== undefined && { advertisementIntervalMs }),
      ...(delayOpenMs !== undefined && { delayOpenMs }),
      ...(sourcePort !== undefined && { sourcePort }),
      ...role,
    },
    mistakes: reader.mistakes,
  };
}

/** What the 24 bits of RFC 9494 §3 have room for. */
const MAX_STALE_TIME = 0xff_ffff;

/** RFC 9494 §4.1: who does not speak of graceful restart is not listened to when speaking of this. */
function staleTimeOf({ enableGracefulRestart }: Spec): (text: string) => ParsedText<number> {
  return enableGracefulRestart === true
    ? numberFrom(1, MAX_STALE_TIME)
    : () => ({ mistake: "means nothing without spec.enableGracefulRestart: true" });
}

/** A duration, ms. @param most the same as `mostMs`, for people. */
function upTo(most: string, mostMs: number): (text: string) => ParsedText<number> {
  return (text) => {
    const parsed = parseDuration(text);
    if ("mistake" in parsed) return parsed;
    const value = parsed.milliseconds;
    if (value >= 0 && value <= mostMs) return { value };
    return { mistake: `${quoted(text)} is out of bounds, want 0s to ${most}` };
  };
}

/** As operators write them, in routers as well. */
const ROLES: Readonly<Record<string, BgpRole>> = {
  provider: "provider",
  rs: "route-server",
  "rs-client": "route-server-client",
  customer: "customer",
  peer: "peer",
};
const STRICT = "strict";

type SaidRole = Pick<BgpPeerConfig, "role" | "strictRole">;

/** RFC 9234 §4: roles are between ASes. */
function roleOf(spec: Spec): (text: string) => ParsedText<SaidRole> {
  return (text) => {
    const [name = "", how, ...more] = text.split(/\s+/);
    const role = Object.hasOwn(ROLES, name) ? ROLES[name] : undefined;
    if (role === undefined || more.length > 0 || (how !== undefined && how !== STRICT)) {
      const want = `want one of ${Object.keys(ROLES).join(", ")}, or that and ${STRICT}`;
      return { mistake: `${quoted(text)} is no role, ${want}${suggest(name, Object.keys(ROLES))}` };
    }
    if (isInternal(spec)) {
      return { mistake: "a role is between two ASes, and this router is in ours" };
    }
    return { value: { role, ...(how === STRICT && { strictRole: true }) } };
  };
}

function isInternal({ dynamicASN, peerASN, localASN, myASN }: Spec): boolean {
  return dynamicASN === undefined ? peerASN === (localASN ?? myASN) : dynamicASN === "internal";
}
