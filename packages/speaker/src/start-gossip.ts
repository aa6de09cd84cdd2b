import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "@herald/daemon/log";
import { StartError } from "@herald/daemon/start-error";
import { deriveKey, metallbKey } from "@herald/gossip/derive-key";
import { type Framing, framing } from "@herald/gossip/framing";
import { keyRing } from "@herald/gossip/key-ring";
import { FULL_VERSIONS } from "@herald/gossip/message";
import { PROFILES, type ProfileName } from "@herald/gossip/options";
import { CountedNonces } from "@herald/gossip/sealer";
import type { Random } from "@herald/shared/core";
import { type IpAddress, toOctets } from "@herald/shared/ip/address";
import type { GossipListeners, GossipSockets } from "./gossip-port.ts";
import type { GossipSocketOptions } from "./io/gossip-sockets.ts";
import { hmacSha256, sealer, systemOctets } from "./io/sealer.ts";
import type { GossipMetrics } from "./metrics.ts";
import { Roster, type RosterPorts } from "./roster.ts";
import { type Gossip, runGossip } from "./run-gossip.ts";

export interface StartGossipOptions {
  readonly node: string;
  readonly address: IpAddress;
  readonly port: number;
  readonly profile: ProfileName;
  /** Folder of the file `secretkey`; "" for gossip in the clear. */
  readonly secretFolder: string;
  /** How long to wait for others before this speaker takes itself for the only one, ms. */
  readonly joinWaitMs: number;
}

export interface StartGossipPorts extends RosterPorts {
  readonly random: Random;
  readonly log: Log;
  readonly metrics: GossipMetrics;
  /** Seconds since 1970: what outranks news of an earlier life of this speaker. */
  readonly epochSeconds: () => number;
  /** The kernel's in production, virtual ones in a simulation; rejects when they cannot be opened. */
  readonly openSockets: (options: GossipSocketOptions, listeners: GossipListeners) => Promise<GossipSockets>;
}

/** Streams that others may have open at once, as memberlist. */
const STREAMS_MAX = 128;

/**
 * Joins the gossip of the speakers. Whoever is in it serves: call this once this speaker can.
 *
 * @param meta what this speaker says of itself, to begin with.
 * @throws {StartError} when the sockets cannot be opened or the key cannot be read.
 */
export async function startGossip(
  options: StartGossipOptions,
  ports: StartGossipPorts,
  meta: Uint8Array,
): Promise<Gossip> {
  const { node, address, port, profile } = options;
  const { clock, random, log, metrics } = ports;
  const swim = PROFILES[profile];
  const roster = new Roster(node, ports);
  const around = makeFraming(options.secretFolder);
  try {
    const gossip = await runGossip(
      {
        swim,
        framing: around,
        self: {
          name: node,
          endpoint: { address: toOctets(address), port },
          meta,
          versions: FULL_VERSIONS,
          incarnation: ports.epochSeconds(),
        },
      },
      {
        clock,
        random,
        open: (listeners) =>
          ports.openSockets(
            { address, port, streamTimeoutMs: swim.streamTimeoutMs, streamsMax: STREAMS_MAX },
            listeners,
          ),
        onMember: (change, member) => {
          metrics.changes[change].inc();
          log.info("member", { node: member.name, change });
          roster.hear(change, member);
        },
        onJoined: () => roster.joined(),
        onTold: (payload) => roster.hearClaims((claims) => claims.told(payload)),
        onAcked: (from, payload) => roster.hearClaims((claims) => claims.acked(from, payload)),
        onState: (state) => roster.hearClaims((claims) => claims.state(state)),
        userState: () => ports.claims().userState(),
        onNotice: (reason, about, detail) => {
          metrics.notices[reason].inc();
          log.debug("gossip notice", { reason, node: about, detail });
        },
        onRefused: ({ reason, message }, from) => {
          metrics.refused.inc({ from, reason });
          log.debug("gossip refused", { from, reason, message });
        },
      },
    );
    clock.at(clock.now() + options.joinWaitMs, () => roster.waited());
    log.info("gossiping", { address, port, profile, encrypted: around.encryption !== undefined });
    return gossip;
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    throw new StartError(
      `cannot gossip on ${address} port ${port} (--ml-bindaddr, --ml-bindport): ${error.message}`,
      {
        cause: error,
      },
    );
  }
}

/** MetalLB's key encrypts, so that its speakers understand; a key made properly is understood as well. */
function makeFraming(secretFolder: string): Framing {
  if (secretFolder === "") return framing({ label: "", encryption: undefined, compress: false });
  const secret = new Uint8Array(readSecret(join(secretFolder, "secretkey")));
  return framing({
    label: "",
    compress: false,
    encryption: {
      ring: keyRing(metallbKey(secret), deriveKey(secret, hmacSha256)),
      sealer,
      nonces: new CountedNonces(systemOctets),
      version: 1,
      verifyIncoming: true,
      verifyOutgoing: true,
    },
  });
}

function readSecret(path: string): Buffer {
  try {
    const secret = readFileSync(path);
    if (secret.length === 0) throw new StartError(`${path} is empty (--ml-secret-key-path)`);
    return secret;
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    throw new StartError(`cannot read the key of the gossip: ${error.message} (--ml-secret-key-path)`, {
      cause: error,
    });
  }
}
