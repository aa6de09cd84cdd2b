import type { z } from "zod";
import { suggest } from "../../closest.ts";
import type { ConfigMistake } from "../../errors.ts";
import { quoted } from "../../quoted.ts";
import type { BgpPeerConfig } from "../config.ts";
import { BGP_PEER, BgpPeerPasswordSpec, BgpPeerSpec } from "../crd/bgp-peer.ts";
import { isObjectName } from "../object-name.ts";
import { mistakeInPassword } from "../password.ts";
import { DEFAULT_HOLD_TIME_SECONDS, MAX_TIMER_SECONDS } from "../text-field.ts";
import type { ConfigObjects, SecretView } from "./config-objects.ts";
import { lackIn, mistakeIn, mistakeInAnnotation, type Parsed, parseObjects, toSelector } from "./parse.ts";
import { readPeerAnnotations } from "./peer-annotations.ts";

type Spec = z.output<typeof BgpPeerSpec>;
type PasswordSpec = z.output<typeof BgpPeerPasswordSpec>;

export interface PeerPassword {
  /** Name of the Secret it is in; "" for none. */
  readonly secret: string;
  /** `undefined` while it is not known, or is none that can be used. */
  readonly text: string | undefined;
}

export interface PeersReading {
  readonly peers: readonly BgpPeerConfig[];
  readonly mistakes: readonly ConfigMistake[];
  /** By name, those of all BGPPeers, also where something else of one is wrong. */
  readonly passwords: ReadonlyMap<string, PeerPassword>;
  /** Why some of these are not known: those peers alone can have no session. */
  readonly passwordMistakes: readonly ConfigMistake[];
}

/**
 * Reads BGPPeers of either version: the old one says nothing that the new one would understand differently.
 *
 * @param profileNames of all BFDProfiles, good or bad.
 */
export function readPeers(
  { peers, secrets }: Pick<ConfigObjects, "peers" | "secrets">,
  profileNames: ReadonlySet<string>,
): PeersReading {
  const { sound, mistakes } = parseObjects(BGP_PEER, BgpPeerSpec, peers);
  const byName = secrets === undefined ? undefined : new Map(secrets.map((secret) => [secret.name, secret]));
  const passwords = new Map(
    parseObjects(BGP_PEER, BgpPeerPasswordSpec, peers).sound.map((object) => [
      object.name,
      passwordOf(object, byName),
    ]),
  );
  const read = sound.map((object) => {
    const { said, mistakes } = readPeerAnnotations(object.spec, object.annotations);
    const written = mistakes.map((mistake) => mistakeInAnnotation(object, mistake));
    const found = [...profileMistakes(object, profileNames), ...written];
    return { peer: { ...toPeer(object, passwords.get(object.name)?.text), ...said }, found };
  });
  return {
    peers: read.map(({ peer }) => peer),
    mistakes: [...mistakes, ...read.flatMap(({ found }) => found)],
    passwords,
    passwordMistakes: [...passwords.values()].flatMap(({ mistakes }) => mistakes),
  };
}

function toPeer({ name, spec }: Parsed<Spec>, password: string | undefined): BgpPeerConfig {
  return {
    name,
    myAsn: spec.myASN,
    peerAsn: spec.dynamicASN ?? spec.peerASN ?? 0, // one of them is there: a rule of the schema
    localAsn: spec.localASN,
    remote: remoteOf(spec),
    sourceAddress: spec.sourceAddress,
    peerPort: spec.peerPort || 179,
    ...timersOf(spec),
    connectTimeSeconds: spec.connectTime,
    routerId: spec.routerID,
    nodeSelectors: (spec.nodeSelectors ?? []).map(toSelector),
    password,
    bfdProfile: spec.bfdProfile || undefined,
    gracefulRestart: spec.enableGracefulRestart ?? false,
    ebgpMultihop: spec.ebgpMultiHop ?? false,
    vrf: spec.vrf || undefined,
    dualStackAddressFamily: spec.dualStackAddressFamily,
  };
}

/** One of the two is there, or both: a rule of the schema. */
function remoteOf({ peerAddress: address, interface: link = "" }: Spec): BgpPeerConfig["remote"] {
  if (address === undefined) return { interface: link };
  return link === "" ? { address } : { address, interface: link };
}

/** One of the two follows from the other, three to one; that a time is left out is no word on keepalives. */
function timersOf({
  holdTime,
  keepaliveTime,
}: Spec): Pick<BgpPeerConfig, "holdTimeSeconds" | "keepaliveTimeSeconds"> {
  const fromKeepalive = keepaliveTime === undefined ? DEFAULT_HOLD_TIME_SECONDS : keepaliveTime * 3;
  const holdTimeSeconds = holdTime ?? Math.min(fromKeepalive, MAX_TIMER_SECONDS);
  return { holdTimeSeconds, keepaliveTimeSeconds: keepaliveTime ?? Math.trunc(holdTimeSeconds / 3) };
}

/** What the API server makes of a Secret with a user's name and password. */
const SECRET_TYPE = "kubernetes.io/basic-auth";

interface Password extends PeerPassword {
  readonly mistakes: readonly ConfigMistake[];
}

function passwordOf(
  object: Parsed<PasswordSpec>,
  secrets: ReadonlyMap<string, SecretView> | undefined,
): Password {
  const { password = "", passwordSecret } = object.spec;
  const secret = passwordSecret?.name ?? "";
  if (secret !== "") return { secret, ...passwordIn(secret, object, secrets) };
  const mistake = mistakeInPassword(password);
  if (mistake === undefined) return { secret, text: password, mistakes: [] };
  return { secret, text: undefined, mistakes: [mistakeIn(object, ["password"], mistake)] };
}

/** @param name of the Secret that an object names. */
function passwordIn(
  name: string,
  object: Parsed<PasswordSpec>,
  secrets: ReadonlyMap<string, SecretView> | undefined,
): Omit<Password, "secret"> {
  const path = ["passwordSecret", "name"];
  const lacks = (message: string) => ({ text: undefined, mistakes: [lackIn(object, path, message)] });
  const refuse = (message: string) => ({ text: undefined, mistakes: [mistakeIn(object, path, message)] });
  // Why not in the schema: MetalLB takes such objects, and only the session with this router is lost.
  if (!isObjectName(name)) return refuse(`no Secret can be called ${quoted(name)}`);
  if (secrets === undefined) return { text: undefined, mistakes: [] };
  const secret = secrets.get(name);
  if (secret === undefined) return lacks(`there is no Secret "${name}" yet`);
  if (secret.unread === "") return { text: undefined, mistakes: [] };
  if (secret.unread !== undefined) return lacks(`Secret "${name}" cannot be read: ${secret.unread}`);
  if (secret.type !== SECRET_TYPE) {
    return refuse(`Secret "${name}" is of type ${secret.type || "Opaque"}, want ${SECRET_TYPE}`);
  }
  if (secret.password === undefined) return refuse(`Secret "${name}" has no key password`);
  const mistake = mistakeInPassword(secret.password);
  if (mistake !== undefined) return refuse(`the password in Secret "${name}" ${mistake}`);
  return { text: secret.password, mistakes: [] };
}

function profileMistakes(object: Parsed<Spec>, profileNames: ReadonlySet<string>): readonly ConfigMistake[] {
  const profile = object.spec.bfdProfile ?? "";
  if (profile === "" || profileNames.has(profile)) return [];
  const message = `there is no BFDProfile "${profile}" yet${suggest(profile, profileNames)}`;
  return [lackIn(object, ["bfdProfile"], message)];
}
