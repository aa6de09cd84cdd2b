import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { LIMIT_MS, until } from "../../cluster/until.ts";
import { whyNoPair } from "../../real/veth-pair.ts";
import { Bird } from "./bird.ts";
import { OurSpeaker } from "./our-speaker.ts";
import { installRouters } from "./packages.ts";
import { Pmbmpd, type StationLine } from "./pmbmpd.ts";
import type { RouterSetup } from "./router.ts";
import { NODE, ROUTER, Segment } from "./segment.ts";

const skip = (await whyNoPair()) ?? false;

const PORT = 11_019;
const CONFIG = `peers: [{peer-address: ${ROUTER.ipv4}, peer-asn: 64512, my-asn: 64500}]
address-pools: [{name: a, protocol: bgp, addresses: [198.51.100.0/24, "2001:db8:1::/120"]}]
`;

const SETUP: RouterSetup = {
  ...{ local: ROUTER.ipv4, neighbour: NODE.ipv4, asn: 64_512, peerAsn: 64_500 },
  families: [4, 6],
};

describe("BMP with pmacct", () => {
  let segment: Segment;
  let router: Bird;
  let speaker: OurSpeaker;
  let station: Pmbmpd;

  const sessionIsUp = (): Promise<unknown> =>
    until(
      "the session is up",
      () => router.isUp(),
      (isUp) => isUp,
    );

  before(async () => {
    if (skip) return;
    await installRouters();
    segment = await Segment.create("bmp");
    router = new Bird(segment.router);
    station = new Pmbmpd(segment.router);
    await router.start(SETUP);
    speaker = new OurSpeaker(segment.node, { station: `${ROUTER.ipv4}:${PORT}` });
    await speaker.serve("web", ["198.51.100.10", "2001:db8:1::10"]);
    await speaker.begin(CONFIG, { dualStackAddressFamily: true });
    await sessionIsUp();
  });
  after(async () => {
    await speaker?.stop();
    await station?.delete();
    await router?.delete();
    await segment?.delete();
  });

  /** What it was told in short, once there are so many lines. A station that was away is tried again within a minute. */
  const told = async (lines: number): Promise<readonly string[]> =>
    (
      await until(
        `the station was told ${lines} things`,
        async () => station.told,
        (all) => all.length >= lines,
        2 * LIMIT_MS,
      )
    ).map(inShort);

  const BEGUN = [
    "init this",
    `peer_up ${ROUTER.ipv4} AS 64512 from ${NODE.ipv4} to port 179`,
    `update 198.51.100.10/32 by ${NODE.ipv4} of 64500, out, post-policy`,
    `update 2001:db8:1::10/128 by ${NODE.ipv6} of 64500, out, post-policy`,
  ];

  it("tells a station that comes late of the session and of all that was told in it", { skip }, async () => {
    station.start(ROUTER.ipv4, PORT);
    assert.deepEqual(await told(BEGUN.length), BEGUN);
  });

  it("tells what the router is told from then on, and how the session ends", { skip }, async () => {
    await speaker.endpoints("web", false);
    await told(BEGUN.length + 2);
    await router.kill();
    assert.deepEqual((await told(BEGUN.length + 3)).slice(BEGUN.length), [
      "withdraw 198.51.100.10/32, out, post-policy",
      "withdraw 2001:db8:1::10/128, out, post-policy",
      `peer_down ${ROUTER.ipv4} 4`, // closed by it, without a word
    ]);
  });

  it("finds a station that was away, and tells it of a session that came meanwhile", { skip }, async () => {
    await station.stop();
    await speaker.endpoints("web", true);
    await router.start(SETUP);
    await sessionIsUp();
    station.start(ROUTER.ipv4, PORT);
    assert.deepEqual(await told(BEGUN.length), BEGUN);
    const { metrics } = await speaker.ask({ type: "report" });
    assert.equal(metrics[`herald_speaker_bmp_connected{station="${ROUTER.ipv4}:${PORT}"}`], 1);
  });
});

function inShort(line: StationLine): string {
  const of = (field: string): string => `${line[field] ?? ""}`;
  const whose = `${line["is_out"] === 1 ? ", out" : ""}${line["is_post"] === 1 ? ", post-policy" : ""}`;
  switch (line["log_type"] ?? line["bmp_msg_type"]) {
    case "init":
      return `init ${of("bmp_init_info_sysname")}`;
    case "peer_up":
      return `peer_up ${of("peer_ip")} AS ${of("peer_asn")} from ${of("local_ip")} to port ${of("remote_port")}`;
    case "peer_down":
      return `peer_down ${of("peer_ip")} ${of("reason_type")}`;
    case "update":
      return `update ${of("ip_prefix")} by ${of("bgp_nexthop")} of ${of("as_path")}${whose}`;
    case "withdraw":
      return `withdraw ${of("ip_prefix")}${whose}`;
    default:
      return JSON.stringify(line);
  }
}
