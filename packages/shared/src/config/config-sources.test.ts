import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeMistake } from "../errors.ts";
import { ConfigSources, type Sources, shortened, type UnreadSource } from "./config-sources.ts";
import type { ConfigObjects } from "./objects/config-objects.ts";
import { object, objects } from "./objects/samples.ts";

const pool = (name: string, ...addresses: string[]) => object(name, { addresses });
const router = (name: string, peerAddress: string) => object(name, { myASN: 1, peerASN: 2, peerAddress });
const map = (config: string) => ({ config });
const OLD = map("address-pools: [{name: old, protocol: layer2, addresses: [1.0.0.0/24]}]");

/** A config and what is refused, in short. */
function told(sources: ConfigSources, given: Partial<Sources>): object {
  const { config, refused } = sources.offer({ configMap: undefined, objects: undefined, ...given });
  return {
    pools: config?.pools.map(({ name }) => name),
    ...(config?.unjudged === undefined ? {} : { unjudged: config.unjudged.map(({ name }) => name) }),
    ...nameAll("layer2", config?.l2Advertisements),
    ...nameAll("bgp", config?.bgpAdvertisements),
    ...(config === undefined || config.peers.length === 0
      ? {}
      : { peers: config.peers.map(({ name }) => name) }),
    ...Object.fromEntries(
      [...refused].map(([scope, mistakes]) => [`no ${scope}`, mistakes.map(describeMistake)]),
    ),
  };
}

type Named = readonly { readonly name: string; readonly pools: readonly string[] }[];

function nameAll(key: string, advertisements: Named = []): object {
  if (advertisements.length === 0) return {};
  return { [key]: advertisements.map(({ name, pools }) => `${name} for ${pools.join(" ") || "nothing"}`) };
}

function tell(...steps: readonly Partial<Sources>[]): object {
  const sources = new ConfigSources();
  return steps.map((step) => told(sources, step)).at(-1) ?? {};
}

const kinds = (some: Partial<ConfigObjects>): Partial<Sources> => ({ objects: objects(some) });

describe("ConfigSources", () => {
  it("has no configuration while nothing was ever written", () => {
    assert.deepEqual(tell({}), { pools: undefined });
    assert.deepEqual(tell(kinds({})), { pools: undefined });
    assert.deepEqual(tell(kinds({ l2Advertisements: [object("l2")] })), { pools: undefined });
  });

  it("takes a router without pools for a configuration, unless pools may be there that cannot be read", () => {
    const peers = kinds({ peers: [router("tor", "10.0.0.1")] });
    assert.deepEqual(tell(peers), { pools: [], peers: ["tor"] });
    const unread: UnreadSource = { scope: "pools", what: "ipaddresspools", why: "forbidden" };
    assert.deepEqual(tell({ ...peers, unread: [unread] }), {
      pools: undefined,
      "no pools": ["ipaddresspools: cannot be read: forbidden"],
    });
    assert.deepEqual(Object.keys(tell({ ...peers, configMap: map("nonsense: 1") })), [
      "pools",
      "no configmap",
    ]);
  });

  it("takes an empty ConfigMap for a configuration without pools", () => {
    assert.deepEqual(tell({ configMap: map("") }), { pools: [] });
  });

  it("reads both sources, whose advertisements are each for their own pools", () => {
    const config = `
address-pools:
- {name: old, protocol: layer2, addresses: [1.0.0.0/24]}
- {name: routed, protocol: bgp, addresses: [2.0.0.0/24]}
peers: [{my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1}]
`;
    const given = {
      pools: [pool("new", "3.0.0.0/24")],
      l2Advertisements: [object("all"), object("named", { ipAddressPools: ["old"] })],
      bgpAdvertisements: [object("all")],
      peers: [router("tor", "10.0.0.2")],
    };
    assert.deepEqual(tell({ configMap: map(config), ...kinds(given) }), {
      pools: ["old", "routed", "new"],
      layer2: ["configmap/old for old", "all for new", "named for nothing"],
      bgp: ["configmap/routed/1 for routed", "all for new"],
      peers: ["configmap/peer1", "tor"],
    });
  });

  it("takes a password that is too long from its own peer alone, wherever that is", () => {
    const written = ["b".repeat(81), "b".repeat(80)];
    const given = written.map(
      (password, at) => `{my-asn: 1, peer-asn: 2, peer-address: 10.0.0.${at}, password: ${password}}`,
    );
    const sources: Sources = {
      configMap: map(`peers: [${given.join()}]`),
      objects: objects({
        peers: written.map((password, at) =>
          object(`tor${at}`, { ...(router("", `10.0.1.${at}`).spec as object), password }),
        ),
      }),
    };
    const { config, refused } = new ConfigSources().offer(sources);
    assert.deepEqual(
      config?.peers.map(({ password }) => password),
      [undefined, written[1], undefined, written[1]],
    );
    assert.deepEqual(
      [...refused].map(([scope, mistakes]) => [scope, mistakes.map(describeMistake)]),
      [
        [
          "passwords",
          [
            "peers[0].password: the password is too long, want at most 80 octets",
            "BGPPeer tor0: spec.password: has 81 octets, want at most 80",
          ],
        ],
      ],
    );
  });

  it("takes each password as it is now, also while all else of BGP is refused, and never the last good one", () => {
    const [spec, passwordSecret] = [router("", "10.0.0.2").spec as object, { name: "s" }];
    const tor = object("tor", { ...spec, passwordSecret });
    const secret = (password: string, name = "s") => [{ name, type: "kubernetes.io/basic-auth", password }];
    const sources = new ConfigSources();
    const passwords = (given: Partial<ConfigObjects>, communities: string[] = []) => {
      const bgpAdvertisements = [object("far", { communities })];
      const { config, refused } = sources.offer({
        configMap: undefined,
        objects: objects({ pools: [pool("a", "1.0.0.0/24")], peers: [tor], bgpAdvertisements, ...given }),
      });
      return [...(config?.peers.map(({ password }) => password ?? "-") ?? []), ...refused.keys()].join(" ");
    };
    assert.equal(passwords({ secrets: secret("old") }), "old");
    const wrong = ["nosuch"];
    assert.equal(passwords({ secrets: secret("old") }, wrong), "old bgp");
    assert.equal(passwords({ secrets: secret("new") }, wrong), "new bgp");
    assert.equal(passwords({ secrets: [] }, wrong), "- passwords bgp");
    const nowhere = object("tor", { ...spec, peerAddress: "nowhere", passwordSecret });
    assert.equal(passwords({ peers: [nowhere], secrets: secret("newer") }), "newer bgp");
    assert.equal(passwords({ peers: [nowhere], secrets: [] }), "- passwords bgp");
    assert.equal(passwords({ secrets: secret("newest") }, wrong), "newest bgp");
    const elsewhere = object("tor", { ...spec, passwordSecret: { name: "other" } });
    assert.equal(passwords({ peers: [elsewhere], secrets: secret("x", "other") }, wrong), "newest bgp");
    assert.equal(passwords({ peers: [], secrets: [] }, wrong), "newest bgp");
    assert.equal(passwords({ peers: [elsewhere], secrets: secret("x", "other") }), "x");
    assert.equal(passwords({ peers: [object("tor", { ...spec, password: "plain" })] }), "plain");
    assert.equal(
      passwords({ peers: [object("tor", { ...spec, password: "plainer" })] }, wrong),
      "plainer bgp",
    );
  });

  it("refuses what stands in both, naming both places", () => {
    const config = `
address-pools: [{name: old, protocol: bgp, addresses: [1.0.0.0/24]}]
peers: [{my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1}]
bfd-profiles: [{name: fast}]
bgp-communities: {here: "1:1"}
`;
    const given = {
      pools: [pool("old", "3.0.0.0/24"), pool("new", "1.0.0.128/25")],
      peers: [router("tor", "10.0.0.1")],
      bfdProfiles: [object("fast")],
      communities: [object("c", { communities: [{ name: "here", value: "1:1" }] })],
    };
    assert.deepEqual(tell({ configMap: map(config) }, { configMap: map(config), ...kinds(given) }), {
      pools: ["old"],
      bgp: ["configmap/old/1 for old"],
      peers: ["configmap/peer1"],
      "no pools": [
        'IPAddressPool old: the ConfigMap has a pool "old" in its address-pools, too',
        'IPAddressPool new: spec.addresses[0]: "1.0.0.128/25" overlaps "1.0.0.0/24" of pool "old" in the ConfigMap\'s address-pools',
      ],
      "no bgp": [
        'BFDProfile fast: the ConfigMap has a profile "fast" in its bfd-profiles, too',
        'Community: the ConfigMap gives "here" a meaning in its bgp-communities, too',
        "BGPPeer tor: the ConfigMap has the same router among its peers, as configmap/peer1",
      ],
    });
  });

  const good = {
    pools: [pool("a", "1.0.0.0/24")],
    l2Advertisements: [object("near")],
    bgpAdvertisements: [object("far")],
    peers: [router("tor", "10.0.0.2")],
  };
  const grown = [...good.pools, pool("b", "2.0.0.0/24")];
  const inForce = { pools: ["a"], layer2: ["near for a"], bgp: ["far for a"], peers: ["tor"] };

  it("lets a bad router or advertisement of BGP stop nothing else, and keeps the last good", () => {
    const peers = [router("tor", "nowhere"), router("other", "10.0.0.3")];
    assert.deepEqual(tell(kinds(good), kinds({ ...good, pools: grown, peers })), {
      pools: ["a", "b"],
      layer2: ["near for a b"],
      bgp: ["far for a b"],
      peers: ["tor"],
      "no bgp": ['BGPPeer tor: spec.peerAddress: "nowhere" is no IPv4 or IPv6 address'],
    });
  });

  it("lets a bad advertisement of layer 2 stop nothing else, and keeps the last good", () => {
    const l2Advertisements = [object("near", { nodeSelectors: 1 })];
    assert.deepEqual(tell(kinds(good), kinds({ ...good, pools: grown, l2Advertisements, peers: [] })), {
      pools: ["a", "b"],
      layer2: ["near for a b"],
      bgp: ["far for a b"],
      "no layer2": ["L2Advertisement near: spec.nodeSelectors: 1 is not a list"],
    });
  });

  it("lets a bad pool stop no advertisement, and keeps the last good pools", () => {
    const pools = [...grown, pool("c", "2.0.0.0/25")];
    assert.deepEqual(tell(kinds(good), kinds({ ...good, pools, l2Advertisements: [object("anew")] })), {
      ...inForce,
      layer2: ["anew for a"],
      "no pools": [
        'IPAddressPool c: spec.addresses[0]: "2.0.0.0/25" overlaps "2.0.0.0/24" (IPAddressPool b: spec.addresses[0])',
      ],
    });
  });

  it("has all else from the start although a router never was good", () => {
    assert.deepEqual(tell(kinds({ ...good, peers: [router("tor", "nowhere")] })), {
      pools: ["a"],
      layer2: ["near for a"],
      bgp: ["far for a"],
      "no bgp": ['BGPPeer tor: spec.peerAddress: "nowhere" is no IPv4 or IPv6 address'],
    });
  });

  it("tells nobody of addresses that a pool has lost, whatever the last good advertisement says (MetalLB defect 13)", () => {
    const bgpAdvertisements = [object("far", { aggregationLength: 24 })];
    const smaller = { ...good, bgpAdvertisements, pools: [pool("a", "1.0.0.0/25")] };
    assert.deepEqual(tell(kinds({ ...good, bgpAdvertisements }), kinds(smaller)), {
      ...inForce,
      bgp: ["far for nothing"],
      "no bgp": [
        'BGPAdvertisement far: spec.aggregationLength: 24 is wider than "1.0.0.0/25" of pool "a", want at least 25',
      ],
    });
  });

  it("is well again after going back to what was good before (MetalLB defect 11)", () => {
    assert.deepEqual(tell(kinds(good), kinds({ ...good, pools: [pool("a", "x")] }), kinds(good)), inForce);
  });

  it("goes on refusing what is offered again, and never takes it for what is in force (MetalLB defect 12)", () => {
    const bad = kinds({ ...good, peers: [router("tor", "nowhere")] });
    const want = {
      ...inForce,
      "no bgp": ['BGPPeer tor: spec.peerAddress: "nowhere" is no IPv4 or IPv6 address'],
    };
    for (const times of [1, 2, 3]) {
      assert.deepEqual(tell(kinds(good), ...Array.from({ length: times }, () => bad)), want);
    }
  });

  it("keeps a bad ConfigMap's predecessor, whole", () => {
    const objectsToo = kinds({ pools: [pool("b", "2.0.0.0/24")], l2Advertisements: [object("near")] });
    const bad = map("bgp-communities: {a: x}");
    assert.deepEqual(tell({ configMap: OLD, ...objectsToo }, { configMap: bad, ...objectsToo }), {
      pools: ["old", "b"],
      layer2: ["configmap/old for old", "near for b"],
      "no configmap": [
        'line 1: bgp-communities.a: "x" is no community, want numbers as in "64512:100" or "large:64512:100:7"',
      ],
    });
  });

  it("goes by the ConfigMap when it starts while the same stands in objects, too", () => {
    const same = { pools: [pool("old", "1.0.0.0/24")], l2Advertisements: [object("near")] };
    assert.deepEqual(tell({ configMap: OLD, ...kinds(same) }), {
      pools: ["old"],
      unjudged: [],
      layer2: ["configmap/old for old", "near for nothing"],
      "no pools": [
        'IPAddressPool old: the ConfigMap has a pool "old" in its address-pools, too',
        'IPAddressPool old: spec.addresses[0]: "1.0.0.0/24" overlaps "1.0.0.0/24" of pool "old" in the ConfigMap\'s address-pools',
      ],
    });
  });

  const BAD = map("bgp-communities: {a: x}");
  const NO_CONFIGMAP = [
    'line 1: bgp-communities.a: "x" is no community, want numbers as in "64512:100" or "large:64512:100:7"',
  ];

  it("decides nothing when it starts beside a bad ConfigMap alone", () => {
    assert.deepEqual(tell({ configMap: BAD }), { pools: undefined, "no configmap": NO_CONFIGMAP });
  });

  it("goes by the objects when it starts beside a bad ConfigMap, and judges no other address until that is good or gone", () => {
    const start = { configMap: BAD, ...kinds(good) };
    assert.deepEqual(tell(start), { ...inForce, unjudged: [], "no configmap": NO_CONFIGMAP });
    const mended = { configMap: map("address-pools: []"), ...kinds(good) };
    assert.deepEqual(tell(start, mended), inForce);
    assert.deepEqual(tell(start, kinds(good)), inForce);
  });

  it("goes on with objects when a bad ConfigMap comes later", () => {
    const want = { ...inForce, "no configmap": NO_CONFIGMAP };
    assert.deepEqual(tell(kinds(good), { configMap: BAD, ...kinds(good) }), want);
  });

  it("keeps the good pools of objects when it starts beside bad ones and clashing ones", () => {
    const { metadata, spec } = pool("badly-ruled", "3.0.0.0/24");
    const annotations = { "herald.io/quota-per-namespace": "x" };
    const some = [
      pool("a", "1.0.1.0/24"),
      pool("bad", "x"),
      { metadata: { ...metadata, annotations }, spec },
      pool("wide", "4.0.0.0/16"),
      pool("narrow", "4.0.1.0/24"),
      pool("old", "5.0.0.0/24"),
      pool("as-old", "1.0.0.0/25"),
    ];
    const given = { configMap: OLD, ...kinds({ pools: some, l2Advertisements: [object("near")] }) };
    const { config, refused } = new ConfigSources().offer(given as Sources);
    assert.deepEqual(
      [config?.pools.map(({ name }) => name), refused.get("pools")?.length],
      [["old", "a"], 5],
    );
  });

  it("goes by the good pools when it starts beside bad ones without a ConfigMap, and lets all be advertised", () => {
    const { metadata } = pool("labelled");
    const bad = { metadata: { ...metadata, labels: { tier: "edge" } }, spec: { addresses: ["x"] } };
    const some = [pool("a", "1.0.0.0/24"), bad, pool("one", "3.0.0.0/24"), pool("two", "3.0.0.0/25")];
    const near = object("near", { ipAddressPoolSelectors: [{ matchLabels: { tier: "edge" } }] });
    const start = kinds({ pools: some, l2Advertisements: [near], bgpAdvertisements: [object("far")] });
    const { "no pools": mistakes, ...rest } = tell(start) as { "no pools": readonly string[] };
    assert.equal(mistakes.length, 2);
    assert.deepEqual(rest, {
      pools: ["a"],
      unjudged: ["labelled", "one", "two"],
      layer2: ["near for labelled"],
      bgp: ["far for a labelled one two"],
    });
    const whole = kinds({ ...start.objects, pools: [pool("a", "1.0.0.0/24")] });
    assert.deepEqual(tell(start, whole), { pools: ["a"], layer2: ["near for nothing"], bgp: ["far for a"] });
    const { pools, unjudged } = tell(whole, start) as { pools: string[]; unjudged?: string[] };
    assert.deepEqual([pools, unjudged], [["a"], undefined], "what was good before stays, and all is judged");
  });

  it("goes by the good advertisements of layer 2 when it starts beside a bad one", () => {
    const l2Advertisements = [object("bad", { nodeSelectors: 1 }), object("near")];
    const start = kinds({ ...good, l2Advertisements });
    const { layer2 } = tell(start) as { layer2: unknown };
    assert.deepEqual(layer2, ["near for a"]);
    const { layer2: later } = tell(start, kinds({ ...good, l2Advertisements: [object("new")] })) as {
      layer2: unknown;
    };
    assert.deepEqual(later, ["new for a"]);
    const { layer2: kept } = tell(kinds(good), start) as { layer2: unknown };
    assert.deepEqual(kept, ["near for a"], "the last good, which has all of them");
  });

  const profiled = (name: string, peerAddress: string, bfdProfile: string) =>
    object(name, { ...(router(name, peerAddress).spec as object), bfdProfile });

  it("goes by the good routers and advertisements when it starts beside bad ones, and by all once they are mended", () => {
    const aliases = [
      { name: "here", value: "1:1" },
      { name: "there", value: "1:2" },
    ];
    const start = {
      ...good,
      bfdProfiles: [object("fast"), object("broken", { detectMultiplier: 1 })],
      communities: [
        object("c", { communities: aliases }),
        object("d", { communities: [{ name: "here", value: "1:3" }] }),
      ],
      bgpAdvertisements: [
        object("far"),
        object("disputed", { communities: ["here"] }),
        object("preferred", { localPref: 200 }),
        object("tagged", { communities: ["there"], localPref: 200 }),
        object("unknown", { communities: ["nosuch"] }),
        object("wide", { aggregationLength: 8 }),
      ],
      peers: [
        profiled("broken", "10.0.0.5", "broken"),
        profiled("lacking", "10.0.0.3", "nosuch"),
        profiled("quick", "10.0.0.4", "fast"),
        router("tor", "10.0.0.2"),
      ],
    };
    const { "no bgp": mistakes, ...rest } = tell(kinds(start)) as { "no bgp": readonly string[] };
    assert.deepEqual(mistakes.map((mistake) => mistake.split(": ", 2).join(": ")).sort(), [
      "BFDProfile broken: spec.detectMultiplier",
      "BGPAdvertisement preferred: spec.localPref",
      "BGPAdvertisement tagged: spec.localPref",
      "BGPAdvertisement unknown: spec.communities[0]",
      "BGPAdvertisement unknown: spec.localPref",
      "BGPAdvertisement wide: spec.aggregationLength",
      "BGPPeer lacking: spec.bfdProfile",
      "Community d: spec.communities[0].name",
    ]);
    assert.deepEqual(rest, {
      pools: ["a"],
      layer2: ["near for a"],
      bgp: ["far for a", "preferred for a", "tagged for a", "wide for nothing"],
      peers: ["quick", "tor"],
    });
    const fewer = { ...start, peers: start.peers.slice(2) };
    const { peers: left } = tell(kinds(start), kinds(fewer)) as { peers: unknown };
    assert.deepEqual(left, ["quick", "tor"]);
    assert.deepEqual(tell(kinds(start), kinds(good)), inForce);
    const { peers: kept } = tell(kinds(good), kinds(start)) as { peers: unknown };
    assert.deepEqual(kept, ["tor"], "the last good, as it was");
  });

  it("takes a router that is in both from the ConfigMap when it starts, and the others from objects", () => {
    const configMap = map("peers: [{my-asn: 1, peer-asn: 2, peer-address: 10.0.0.2}]");
    const peers = [...good.peers, router("other", "10.0.0.3")];
    const { peers: told } = tell({ configMap, ...kinds({ ...good, peers }) }) as { peers: unknown };
    assert.deepEqual(told, ["configmap/peer1", "other"]);
  });

  it("meets no router while it never could read what routers are to be told", () => {
    const unread: UnreadSource = { scope: "bgp", what: "bgpadvertisements", why: "no" };
    const start = { ...kinds({ ...good, bgpAdvertisements: [] }), unread: [unread] };
    assert.deepEqual(tell(start), {
      pools: ["a"],
      layer2: ["near for a"],
      "no bgp": ["bgpadvertisements: cannot be read: no"],
    });
    assert.deepEqual(tell(start, kinds(good)), inForce);
    const others = { ...kinds(good), unread: [{ ...unread, what: "communities" }] };
    const { peers, bgp } = tell(others) as { peers: unknown; bgp: unknown };
    assert.deepEqual([peers, bgp], [["tor"], ["far for a"]]);
  });

  it("concludes nothing from what cannot be read, and says so", () => {
    const unread = (scope: UnreadSource["scope"], what: string) => ({ unread: [{ scope, what, why: "no" }] });
    const alone = { ...kinds({}), ...unread("pools", "ipaddresspools") };
    const why = ["ipaddresspools: cannot be read: no"];
    assert.deepEqual(tell(alone), { pools: undefined, "no pools": why });
    const beside = { ...alone, configMap: OLD };
    assert.deepEqual(tell(beside), {
      pools: ["old"],
      layer2: ["configmap/old for old"],
      unjudged: [],
      "no pools": why,
    });
    const { pools, "no bgp": bgp } = tell({ ...kinds(good), ...unread("bgp", "bgppeers") }) as Record<
      string,
      object
    >;
    assert.deepEqual([pools, bgp], [["a"], ["bgppeers: cannot be read: no"]]);
    const map = tell({ ...kinds(good), ...unread("configmap", "ConfigMap x") }) as Record<string, object>;
    assert.deepEqual([map["pools"], map["unjudged"]], [["a"], []]);
  });

  it("judges no pool that selects namespaces while those cannot be read", () => {
    const selecting = object("a", {
      addresses: ["1.0.0.0/24"],
      serviceAllocation: { namespaceSelectors: [{ matchLabels: { team: "shop" } }] },
    });
    const start = { ...kinds({ pools: [selecting, pool("b", "2.0.0.0/24")], namespaces: undefined }) };
    assert.deepEqual(tell(start), {
      pools: ["b"],
      unjudged: ["a"],
      "no pools": [
        "IPAddressPool a: spec.serviceAllocation.namespaceSelectors: the Namespaces to select cannot be read yet",
      ],
    });
  });

  it("goes over to objects in one step when the ConfigMap goes", () => {
    const same = kinds({ pools: [pool("old", "1.0.0.0/24")], l2Advertisements: [object("near")] });
    assert.deepEqual(tell({ configMap: OLD }, { configMap: OLD, ...same }, same), {
      pools: ["old"],
      layer2: ["near for old"],
    });
  });

  it("keeps a ConfigMap that is gone while nothing stands in for it", () => {
    const want = { pools: ["old"], layer2: ["configmap/old for old"] };
    assert.deepEqual(tell({ configMap: OLD }, {}), want);
    assert.deepEqual(tell({ configMap: OLD }, kinds({})), want);
  });

  it("takes back the pools of objects that are deleted, also when their kinds go afterwards", () => {
    assert.deepEqual(tell(kinds(good), kinds({})), { pools: [] });
    assert.deepEqual(tell(kinds(good), kinds({}), {}), { pools: [] });
  });

  it("keeps the pools of objects that cannot be read any more", () => {
    assert.deepEqual(tell(kinds(good), {}), inForce);
  });

  it("knows which pools are written and not in force, while something of them is refused", () => {
    const names = (...steps: readonly Partial<Sources>[]) => {
      const sources = new ConfigSources();
      const given = steps.map((step) => ({ configMap: undefined, objects: undefined, ...step }));
      return given.map((step) => sources.offer(step).refusedPools).at(-1);
    };
    const broken = kinds({ ...good, pools: [...grown, pool("c", "x")] });
    assert.deepEqual(names(kinds(good)), undefined);
    assert.deepEqual(names(broken), ["c"], "who starts goes by the good ones");
    assert.deepEqual(names(kinds(good), broken), ["b", "c"]);
    assert.deepEqual(names(kinds(good), { ...kinds(good), configMap: BAD }), []);
    assert.deepEqual(names(kinds(good), broken, kinds(good)), undefined);
    assert.deepEqual(names(kinds({ ...good, peers: [router("tor", "nowhere")] })), undefined);
  });

  it("knows all mistakes, of which people are told a hundred, and how many more there are", () => {
    const pools = Array.from({ length: 105 }, (_, index) => pool(`p${index}`, "x"));
    const { refused } = new ConfigSources().offer({ configMap: undefined, ...kinds({ pools }) } as Sources);
    const mistakes = refused.get("pools") ?? [];
    assert.equal(mistakes.length, 105);
    const read = shortened(mistakes);
    assert.deepEqual([read.length, read.at(-1)?.message], [101, "and 5 more"]);
    assert.deepEqual(shortened(mistakes.slice(0, 100)), mistakes.slice(0, 100));
  });
});
