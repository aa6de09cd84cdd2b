import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { BgpPeerConfig } from "@herald/shared/config/config";
import { loadConfig } from "@herald/shared/config/load";
import type { IpAddress } from "@herald/shared/ip/address";
import type { BgpConnection, BgpListeners, BgpTarget } from "./bgp-port.ts";
import { PeerDialler } from "./peer-dialler.ts";
import type { NoRouter } from "./run-router-search.ts";

const ip = (text: string): IpAddress => text as IpAddress;
const [base] = loadConfig("peers: [{peer-address: 192.0.2.254, peer-asn: 64513, my-asn: 64512}]").peers as [
  BgpPeerConfig,
];
const UNHEARD: NoRouter = { why: "nobody is heard", isSought: true };
const NO_LINK: NoRouter = { why: "there is no link", isSought: false };

const unwanted = (): never => assert.fail("nobody answers here");

interface Stage {
  readonly clock: VirtualClock;
  readonly dialler: PeerDialler;
  /** What happened, with its time in seconds. */
  readonly story: string[];
  /** What is known of the router. */
  router: IpAddress | NoRouter;
  /** What the kernel would speak to it from. */
  own: IpAddress | undefined;
  /** The connection that was dialled last is there. @param own address of ours, of IPv4. */
  answer(own: string): void;
  dial(): BgpConnection;
}

function stage(remote: BgpPeerConfig["remote"], more: Partial<BgpPeerConfig> = {}): Stage {
  const clock = new VirtualClock();
  const story: string[] = [];
  const note = (what: string): void => void story.push(`${clock.now() / 1_000} s: ${what}`);
  const dialled = ({ address, interface: link }: BgpTarget): void => note(`dialled ${address} on ${link}`);
  let connected: BgpListeners["onConnected"] = unwanted;
  const made: Stage = {
    clock,
    story,
    router: UNHEARD,
    own: undefined,
    answer: (own) => connected({ transport: 4, ipv4: ip(own), ipv6: undefined, linkLocal: undefined }),
    dial: () =>
      made.dialler.dial({ onConnected: () => note("connected"), onBytes: unwanted, onClosed: note }),
    dialler: new PeerDialler(
      { ...base, ...more, remote },
      {
        clock,
        sockets: {
          dial: (target, { onConnected }) => {
            dialled(target);
            connected = onConnected;
            return { send: (bytes) => note(`sent ${bytes}`), close: () => note("closed") };
          },
        },
        routerOn: (link) => {
          assert.equal(link, "eth1");
          return made.router;
        },
        sourceTowards: () => made.own,
        onMoved: () => {
          const { remote, local } = made.dialler.way;
          note(`moved to ${remote}${local === undefined ? "" : ` from ${local}`}`);
        },
      },
    ),
  };
  return made;
}

describe("A peer with an address", () => {
  for (const [remote, dialled] of [
    [{ address: ip("192.0.2.254") }, "192.0.2.254 on undefined"],
    [{ address: ip("fe80::1"), interface: "eth1" }, "fe80::1 on eth1"],
  ] as const) {
    it(`is dialled there: ${dialled}`, () => {
      const { dial, dialler, story } = stage(remote);
      assert.deepEqual(dialler.way, { remote: remote.address, local: undefined });
      dial();
      assert.deepEqual(story, [`0 s: dialled ${dialled}`]);
    });
  }

  it("of a link that nobody names is nowhere, and the field is said", () => {
    const { clock, dial, story } = stage({ address: ip("fe80::1") });
    dial();
    clock.advance(10_000);
    assert.deepEqual(story, [
      "0 s: moved to undefined",
      "0 s: spec.interface is missing: fe80::1 is an address of a link, and there may be several",
    ]);
  });
});

describe("A peer is spoken to from", () => {
  const stageOf = (source?: string): Stage => {
    const made = stage(
      { address: ip("192.0.2.254") },
      source === undefined ? {} : { sourceAddress: ip(source) },
    );
    made.own = ip("192.0.2.2");
    made.dial();
    return made;
  };

  it("what the kernel takes as it is dialled, each time", () => {
    const made = stageOf();
    made.dial();
    made.own = ip("192.0.2.3");
    made.dial();
    assert.deepEqual(made.story, [
      "0 s: moved to 192.0.2.254 from 192.0.2.2",
      ...Array(2).fill("0 s: dialled 192.0.2.254 on undefined"),
      "0 s: moved to 192.0.2.254 from 192.0.2.3",
      "0 s: dialled 192.0.2.254 on undefined",
    ]);
  });

  it("the same as before while there is no way to it", () => {
    const made = stageOf();
    made.own = undefined;
    made.dial();
    assert.equal(made.dialler.way.local, "192.0.2.2");
  });

  it("the connection's own once there is one, whatever is new, and whoever began it", () => {
    const made = stageOf();
    made.answer("192.0.2.3");
    made.own = ip("192.0.2.2");
    made.dialler.reached({ transport: 4, ipv4: ip("192.0.2.4"), ipv6: undefined, linkLocal: undefined });
    assert.deepEqual(made.story.slice(2), [
      "0 s: moved to 192.0.2.254 from 192.0.2.3",
      "0 s: connected",
      "0 s: moved to 192.0.2.254 from 192.0.2.4",
    ]);
  });

  it("its sourceAddress, whatever the kernel would take", () => {
    assert.equal(stageOf("192.0.2.7").dialler.way.local, "192.0.2.7");
  });
});

describe("A peer on an interface", () => {
  const link = { interface: "eth1" };

  it("is dialled at once where its router is known", () => {
    const made = stage(link);
    made.router = ip("fe80::1");
    made.dial().send(Uint8Array.of(7));
    assert.deepEqual(made.story, ["0 s: moved to fe80::1", "0 s: dialled fe80::1 on eth1", "0 s: sent 7"]);
  });

  it("is dialled once its router is heard, and closed then", () => {
    const made = stage(link);
    const connection = made.dial();
    made.clock.advance(1_000);
    made.dialler.found(); // on another interface
    made.router = ip("fe80::1");
    made.dialler.found();
    made.clock.advance(60_000);
    connection.close();
    made.dialler.found();
    assert.deepEqual(made.story, ["1 s: moved to fe80::1", "1 s: dialled fe80::1 on eth1", "61 s: closed"]);
  });

  for (const [known, at] of [
    [UNHEARD, 4],
    [NO_LINK, 0],
  ] as const) {
    it(`comes to nothing after ${at} s where ${known.why}`, () => {
      const made = stage(link);
      made.router = known;
      made.dial();
      assert.deepEqual(made.story, []); // nothing is told from inside a call
      made.clock.advance(10_000);
      made.router = ip("fe80::1");
      made.dialler.found();
      assert.deepEqual(made.story, [`${at} s: ${known.why}`]);
    });
  }

  it("is waited for no longer once that is ended", () => {
    const made = stage(link);
    made.dial().close();
    made.router = ip("fe80::1");
    made.dialler.found();
    made.clock.advance(10_000);
    assert.deepEqual(made.story, []);
  });

  it("moves with its router, and is nowhere without its link", () => {
    const made = stage(link);
    for (const address of ["fe80::1", "fe80::1", "fe80::2"]) {
      made.router = ip(address);
      made.dial();
    }
    made.own = ip("fe80::2");
    made.dialler.reached({
      transport: 6,
      ipv4: undefined,
      ipv6: ip("2001:db8::2"),
      linkLocal: ip("fe80::3"),
    });
    made.own = undefined;
    made.router = ip("fe80::4");
    made.dial();
    made.dialler.lost();
    assert.deepEqual(
      made.story.filter((each) => each.includes("moved")),
      [
        "0 s: moved to fe80::1",
        "0 s: moved to fe80::2",
        "0 s: moved to fe80::2 from fe80::3",
        "0 s: moved to fe80::4", // no way there yet
        "0 s: moved to undefined",
      ],
    );
  });
});
