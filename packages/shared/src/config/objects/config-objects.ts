/** An object of the API as far as a configuration needs it. */
export interface ConfigObject {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  /** Whatever somebody wrote. */
  readonly spec?: unknown;
}

/** What passwords are taken from. */
export interface SecretView {
  readonly name: string;
  readonly type: string;
  /** Decoded; `undefined`: it has no such key. */
  readonly password: string | undefined;
  /** Why nothing is known of it; "": that is to be known soon. Absent where it was read. */
  readonly unread?: string;
}

export interface Labelled {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** All objects of one namespace that make up a configuration, of either version, and what they speak of. */
export interface ConfigObjects {
  readonly pools: readonly ConfigObject[];
  readonly l2Advertisements: readonly ConfigObject[];
  readonly bgpAdvertisements: readonly ConfigObject[];
  readonly peers: readonly ConfigObject[];
  readonly bfdProfiles: readonly ConfigObject[];
  readonly communities: readonly ConfigObject[];
  /** `undefined` for whoever has no business with passwords: peers then have none. */
  readonly secrets: readonly SecretView[] | undefined;
  /** `undefined`: not known yet, so that pools which select some cannot be judged. */
  readonly namespaces: readonly Labelled[] | undefined;
  /** `undefined`: not known, then advertisements for different nodes are taken at their word. */
  readonly nodes: readonly Labelled[] | undefined;
}

export const NO_OBJECTS: ConfigObjects = {
  pools: [],
  l2Advertisements: [],
  bgpAdvertisements: [],
  peers: [],
  bfdProfiles: [],
  communities: [],
  secrets: undefined,
  namespaces: [],
  nodes: undefined,
};
