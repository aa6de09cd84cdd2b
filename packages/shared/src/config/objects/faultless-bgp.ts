import type { ConfigMistake } from "../../errors.ts";
import { BFD_PROFILE } from "../crd/bfd-profile.ts";
import { BGP_ADVERTISEMENT } from "../crd/bgp-advertisement.ts";
import { BGP_PEER } from "../crd/bgp-peer.ts";
import type { BgpPart, BgpReading } from "./read-bgp.ts";

/**
 * What can be gone by while something else is wrong: objects that no mistake names, without peers that want one of the
 * BFDProfiles that are left out, and without advertisements of which nobody knows what communities they mean.
 */
export function faultlessBgp(
  { part, ambiguous }: Pick<BgpReading, "part" | "ambiguous">,
  mistakes: readonly ConfigMistake[],
): BgpPart {
  const owners = new Set(mistakes.map(({ path }) => path.split(":", 1)[0]));
  const isSound = (kind: string, name: string) => !owners.has(`${kind} ${name}`);
  const bfdProfiles = part.bfdProfiles.filter(({ name }) => isSound(BFD_PROFILE.kind, name));
  const profiles = new Set(bfdProfiles.map(({ name }) => name));
  return {
    ...part,
    bfdProfiles,
    peers: part.peers
      .filter(({ name }) => isSound(BGP_PEER.kind, name))
      .filter(({ bfdProfile }) => bfdProfile === undefined || profiles.has(bfdProfile)),
    wishes: part.wishes
      .filter(({ advertisement: { name } }) => isSound(BGP_ADVERTISEMENT.kind, name))
      .filter(({ advertisement: { name } }) => !ambiguous.has(name)),
  };
}
