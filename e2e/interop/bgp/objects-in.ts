import { readDocument } from "@herald/shared/config/document";
import {
  type ConfigObject,
  type ConfigObjects,
  NO_OBJECTS,
} from "@herald/shared/config/objects/config-objects";

interface Written extends ConfigObject {
  readonly kind: string;
}

type Place = "pools" | "bgpAdvertisements" | "peers" | "bfdProfiles";

const PLACES: Readonly<Record<string, Place>> = {
  IPAddressPool: "pools",
  BGPAdvertisement: "bgpAdvertisements",
  BGPPeer: "peers",
  BFDProfile: "bfdProfiles",
};

/** What somebody applies with kubectl, as a speaker reads it. */
export function objectsIn(yaml: string): ConfigObjects {
  const found: Record<Place, ConfigObject[]> = {
    pools: [],
    bgpAdvertisements: [],
    peers: [],
    bfdProfiles: [],
  };
  for (const text of yaml.split(/^---$/m)) {
    const document = readDocument(text).value as Written;
    const place = PLACES[document.kind];
    if (place === undefined) throw new Error(`a ${document.kind} is not looked for here`);
    found[place].push(document);
  }
  return { ...NO_OBJECTS, ...found };
}
