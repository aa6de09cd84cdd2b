import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { command } from "../../cluster/command.ts";
import { until } from "../../cluster/until.ts";
import { whyNoPair } from "../../real/veth-pair.ts";
import { Bird } from "./bird.ts";
import { Frr } from "./frr.ts";
import { OurSpeaker } from "./our-speaker.ts";
import { installRouters } from "./packages.ts";
import type { Router, RouterSetup, SeenRoute } from "./router.ts";
import { Segment } from "./segment.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../../docs/bgp.md"), "utf8");
const skip = (await whyNoPair()) ?? false;

const [OURS, THEIRS] = [64_500, 64_512];
const [V4, V6] = ["198.51.100.10", "2001:db8:1::10"];
/** Of the node and the router; there are no others on the link. */
const [NODE, ROUTER, MOVED] = ["fe80::2", "fe80::1", "fe80::99"];
const EXTERNAL = { asn: THEIRS, peerAsn: OURS, families: [4, 6] } as const;
const UNNUMBERED: RouterSetup = { ...EXTERNAL, local: ROUTER, neighbour: "r0", link: "r0" };
/** Of BFD, three times: nothing here is timed, and a machine that is busy is to lose no session by it. */
const EVERY_MS = 300;
const CONFIG_MAP = `peers:
- {peer-address: 192.0.2.1, peer-asn: ${THEIRS}, my-asn: ${OURS}, bfd-profile: fast, password: sesame}
bfd-profiles:
- {name: fast, receive-interval: ${EVERY_MS}, transmit-interval: ${EVERY_MS}}
address-pools:
- {name: a, protocol: bgp, addresses: [198.51.100.0/24, "2001:db8:1::/120"]}
`;
/** What a ConfigMap cannot say. */
const BY_LINK = { remote: { interface: "n0" } };

const ROUTERS = [
  { name: "FRR", make: (namespace: string) => new Frr(namespace) },
  { name: "BIRD", make: (namespace: string) => new Bird(namespace) },
];

before(async () => {
  if (!skip) await installRouters();
});

for (const { name, make } of ROUTERS) {
  describe(`BGP over link-local addresses with ${name}`, () => {
    let segment: Segment;
    let router: Router;
    let speaker: OurSpeaker;
    /** The line of its log that was waited for last. */
    let saidAt = -1;

    beforeEach(async () => {
      if (skip) return;
      saidAt = -1;
      segment = await Segment.create(`link-${name.toLowerCase()}`);
      await unnumber([
        [segment.node, "n0", NODE],
        [segment.router, "r0", ROUTER],
      ]);
      router = make(segment.router);
      speaker = new OurSpeaker(segment.node);
      await speaker.serve("web", [V4, V6]);
    });
    afterEach(async () => {
      await speaker?.stop();
      await router?.delete();
      await segment?.delete();
    });
    after(() => segment?.delete().catch(() => {})); // of a `beforeEach` that failed

    /** By both families, in the router and in the kernel below it. */
    async function learns(): Promise<void> {
      const own = { nextHop: NODE, path: String(OURS) };
      const wanted: readonly (readonly [4 | 6, SeenRoute])[] = [
        [4, { ...own, prefix: `${V4}/32` }],
        [6, { ...own, prefix: `${V6}/128` }],
      ];
      for (const [family, route] of wanted) {
        const routes = await until(
          `${name} has the route of IPv${family}`,
          () => router.routes(family),
          ({ length }) => length === 1,
        );
        assert.deepEqual(routes.map(withoutDefaults), [route]);
        const hop = family === 4 ? `via inet6 ${NODE} dev r0` : `via ${NODE} dev r0`;
        await until(
          `the kernel has the route of IPv${family} ${hop}`,
          () => inRouter("ip", `-${family}`, "route", "show", route.prefix),
          (text) => text.includes(hop),
        );
      }
    }
    const inRouter = (...argv: readonly string[]): Promise<string> =>
      command(["ip", "netns", "exec", segment.router, ...argv]);
    /** Why there is no session, after what was said when it was asked for last. */
    const says = (what: string): Promise<unknown> =>
      speaker.until(what, ({ log }) => {
        const at = log.findIndex(
          ({ msg, text }, index) =>
            (msg === "BGP session failed" || msg === "BGP session down") &&
            index > saidAt &&
            String(text).includes(what),
        );
        if (at !== -1) saidAt = at;
        return at !== -1;
      });
    const watches = (address: string, isUp: 0 | 1): Promise<unknown> =>
      speaker.until(
        `BFD with ${address} is ${isUp}`,
        ({ metrics }) => metrics[`metallb_bfd_session_up{peer="${address}%n0",vrf="default"}`] === isUp,
      );

    it("is found at the address that it is known to have", { skip }, async () => {
      await router.start({ ...EXTERNAL, local: ROUTER, neighbour: NODE, link: "r0", bfdMs: EVERY_MS });
      await speaker.begin(CONFIG_MAP, {
        remote: { address: ROUTER, interface: "n0" },
        password: "",
        dualStackAddressFamily: true,
      });
      await learns();
      await watches(ROUTER, 1);
    });

    if (name !== "FRR") return; // BIRD 2 knows no neighbours without an address

    it("is found without an address by what it advertises, followed to another address, and lost by BFD", {
      skip,
    }, async () => {
      await router.start({ ...UNNUMBERED, password: "sesame", bfdMs: EVERY_MS });
      await speaker.begin(CONFIG_MAP, BY_LINK);
      await learns();
      await watches(ROUTER, 1);
      await until(
        `${name} would find us gone in 3 × ${EVERY_MS} ms`,
        () => router.bfd(),
        (bfd) => bfd?.isUp === true && bfd.detectionMs === 3 * EVERY_MS,
      );
      await inRouter("ip", "address", "add", `${MOVED}/64`, "dev", "r0", "nodad");
      await inRouter("ip", "address", "del", `${ROUTER}/64`, "dev", "r0");
      await watches(MOVED, 1);
      await learns();
      await speaker.until("one BFD session is left", ({ metrics }) => sessions(metrics) === 1);
      router.freeze();
      await says("BFD: nothing heard");
    });

    it("is said not to be heard, to have no link, and to be gone as soon as its link is", {
      skip,
    }, async () => {
      await speaker.begin(CONFIG_MAP, { ...BY_LINK, password: "", bfdProfile: undefined });
      await says("no connection: no router advertisement heard on n0 yet");
      await inRouter("ip", "link", "set", "r0", "down");
      await says("no connection: interface n0 has no carrier");
      await inRouter("ip", "link", "set", "r0", "up");
      await inRouter("ip", "address", "add", `${ROUTER}/64`, "dev", "r0", "nodad");
      await router.start(UNNUMBERED);
      await learns();
      await inRouter("ip", "link", "set", "r0", "down");
      await says("the connection was closed: interface n0 has no carrier");
    });
  });
}

// The configurations are those that the page shows.
describe("the example of docs/bgp.md without addresses, with FRR", () => {
  const [, section = ""] = /^## Unnumbered$([\s\S]*?)^## /m.exec(PAGE) ?? [];
  const blockOf = (language: string): string =>
    new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(section)?.[1] ?? "";
  let segments: readonly Segment[] = [];
  let speakers: readonly OurSpeaker[] = [];
  let router: Frr | undefined;
  after(async () => {
    for (const speaker of speakers) await speaker.stop();
    await router?.delete();
    for (const segment of segments) await segment.delete();
  });

  it("shares traffic among two nodes of which the router knows the ports alone", { skip }, async () => {
    const [first, second] = [await Segment.create("port-1"), await Segment.create("port-2")];
    segments = [first, second];
    const inRouter = (argv: readonly string[]): Promise<string> =>
      command(["ip", "netns", "exec", first.router, ...argv]);
    for (const [at, { node, router: namespace }] of segments.entries()) {
      await rename(node, "n0", "eth1");
      await rename(namespace, "r0", `swp${at + 1}`);
      if (namespace !== first.router)
        await command(["ip", "-netns", namespace, "link", "set", `swp${at + 1}`, "netns", first.router]);
      await unnumber([
        [first.router, `swp${at + 1}`, ROUTER],
        [node, "eth1", `fe80::${at + 2}`],
      ]);
    }
    router = new Frr(first.router);
    await router.startAs(blockOf("text"));
    speakers = segments.map(({ node }) => new OurSpeaker(node));
    for (const speaker of speakers) {
      await speaker.serve("web", [V4, V6]);
      await speaker.beginWithObjects(blockOf("yaml"));
    }
    const [, shown = "", wanted = ""] = /^ {4}\$ (ip route .*)\n((?: {4}.*\n)+)/m.exec(section) ?? [];
    const lines = (text: string): readonly string[] =>
      text.replace(/nhid \d+/, "nhid 12").match(/\S.*\S/g) ?? [];
    const found = await until(
      "the router shares traffic",
      () => inRouter(shown.split(" ")),
      (text) => `${lines(text)}` === `${lines(wanted)}`,
    );
    assert.deepEqual(lines(found), lines(wanted));
    await until(
      "and that of IPv6",
      () => inRouter(["ip", "-6", "route", "show", V6]),
      (text) => (text.match(/nexthop via fe80::/g) ?? []).length === segments.length,
    );
    await until(
      "it watches both by BFD",
      async () => (await router?.allBfd()) ?? [],
      (all) => `${all.map(({ isUp, detectionMs }) => `${isUp} ${detectionMs}`)}` === "true 150,true 150",
    );
  });
});

async function rename(namespace: string, device: string, name: string): Promise<void> {
  await command(["ip", "-netns", namespace, "link", "set", device, "down", "name", name]);
}

/** How many BFD sessions have series. */
function sessions(metrics: Readonly<Record<string, number>>): number {
  return Object.keys(metrics).filter((each) => each.startsWith("metallb_bfd_session_up{")).length;
}

/** Leaves nothing on a link but link-local addresses. Of each end: namespace, device, address. */
async function unnumber(ends: readonly (readonly [string, string, string])[]): Promise<void> {
  for (const [namespace, device, address] of ends) {
    const ip = (...argv: string[]): Promise<string> => command(["ip", "-netns", namespace, ...argv]);
    await ip("link", "set", device, "up");
    await ip("address", "flush", "dev", device);
    await ip("address", "add", `${address}/64`, "dev", device, "nodad");
  }
}

/** Routers show a preference of their own for routes of other ASes. */
function withoutDefaults({ localPref: _, ...route }: SeenRoute): SeenRoute {
  return route;
}
