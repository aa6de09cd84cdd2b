import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { createLog } from "@herald/daemon/log";
import { parseHex } from "@herald/lab/hex";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { IpAddress } from "@herald/shared/ip/address";
import type { MacAddress } from "@herald/wire/mac";
import { Registry } from "prom-client";
import { createBgpMetrics } from "./bgp-metrics.ts";
import type { Link } from "./interface-rules.ts";
import type { CaptureOptions, PacketPort } from "./packet-port.ts";
import { advertisementFrame, solicitationFrame } from "./router-frames.ts";
import { RouterWatch } from "./run-router-search.ts";

const MAC = "c6:23:c3:0c:2d:41" as MacAddress;
const OWN = { mac: MAC, address: "fe80::c423:c3ff:fe0c:2d41" as IpAddress };
const ROUTER = { mac: "8a:24:9f:c3:06:96" as MacAddress, address: "fe80::8824:9fff:fec3:696" as IpAddress };
const HEARD = parseHex(readFileSync(new URL("../../wire/src/testdata/frr-ra.hex", import.meta.url), "utf8"));
const link: Link = {
  name: "eth1",
  index: 7,
  mac: MAC,
  up: true,
  broadcast: true,
  noArp: false,
  hasMaster: false,
  operational: true,
};
const FRAMES = new Map([
  [Buffer.from(solicitationFrame(OWN)).toString("hex"), "solicitation"],
  [Buffer.from(advertisementFrame(OWN, ROUTER)).toString("hex"), "advertisement to the router"],
]);

/** Interfaces whose captures open at once, unless they are to fail. */
class Wires implements PacketPort {
  failure: string | undefined;
  readonly #note: (what: string) => void;
  readonly #clock: VirtualClock;
  /** The capture that is open. */
  #open: CaptureOptions | undefined;
  constructor(clock: VirtualClock, note: (what: string) => void) {
    this.#clock = clock;
    this.#note = note;
  }

  open(options: CaptureOptions): ReturnType<PacketPort["open"]> {
    this.#note(`opens ${options.interfaceName}`);
    this.#clock.at(this.#clock.now(), () => {
      if (this.failure !== undefined) {
        options.onFailure(this.failure);
        return;
      }
      this.#open = options;
      options.onOpen();
    });
    return {
      send: (frame) => {
        this.#note(`sends ${FRAMES.get(Buffer.from(frame).toString("hex"))}`);
        return "sent";
      },
      close: () => {
        this.#note(`closes ${options.interfaceName}`);
        this.#open = undefined;
      },
    };
  }

  hear(frame: Uint8Array): void {
    this.#open?.onFrame(frame);
  }

  /** As when the interface is switched off. */
  break(message: string): void {
    const open = this.#open;
    this.#open = undefined;
    open?.onFailure(message);
  }
}

interface Stage {
  readonly wires: Wires;
  readonly watch: RouterWatch;
  readonly registry: Registry;
  readonly pass: (ms: number) => void;
  /** What happened since it was asked last. */
  readonly news: () => string[];
}

/** @param hasAddress whether this node has a link-local address there. */
function stage(hasAddress = true): Stage {
  const clock = new VirtualClock();
  const story: string[] = [];
  const note = (what: string): void => void story.push(what);
  const wires = new Wires(clock, note);
  const registry = new Registry();
  const watch = new RouterWatch({
    clock,
    packets: wires,
    linkLocalOf: () => (hasAddress ? OWN.address : undefined),
    log: createLog({ level: "all", program: "test", write: () => {} }),
    metrics: createBgpMetrics(registry),
    onFound: (name) => note(`found on ${name}`),
    onCut: (name, why) => note(`${name} cut: ${why}`),
  });
  return { wires, watch, registry, pass: (ms) => clock.advance(ms), news: () => story.splice(0) };
}

/** One whose router is known. */
function found(): Stage {
  const made = stage();
  made.watch.want(["eth1"]);
  made.watch.setLinks([link]);
  made.pass(0);
  made.wires.hear(HEARD);
  made.pass(100); // the router takes the answer in
  assert.deepEqual(made.news(), ["opens eth1", "sends solicitation", "sends advertisement to the router"]);
  made.pass(900);
  assert.deepEqual(made.news(), ["found on eth1"]);
  return made;
}

const whyNot = ({ watch }: Stage): string => {
  const known = watch.on("eth1");
  return typeof known === "string" ? known : known.why;
};

describe("The router on an interface", () => {
  it("is asked for, heard and answered, and only then called", () => {
    const made = found();
    assert.equal(whyNot(made), ROUTER.address);
  });

  it("is nobody's concern where no peer names the interface", () => {
    const { watch, pass, news } = stage();
    watch.want([]);
    watch.setLinks([link]);
    pass(60_000);
    assert.deepEqual(news(), []);
  });

  it("is forgotten with the last peer that names the interface", () => {
    const made = found();
    made.watch.want([]);
    made.pass(60_000);
    assert.deepEqual(made.news(), ["closes eth1"]);
    assert.equal(whyNot(made), "no router advertisement heard on eth1 yet");
  });

  const troubles: readonly (readonly [name: string, links: readonly Link[], why: string])[] = [
    ["is gone", [], "this node has no interface eth1"],
    ["is switched off", [{ ...link, up: false }], "interface eth1 is down"],
    ["lost its carrier", [{ ...link, operational: false }], "interface eth1 has no carrier"],
    ["is no Ethernet any more", [{ ...link, mac: undefined }], "interface eth1 is no Ethernet"],
  ];
  for (const [name, links, why] of troubles) {
    it(`is cut off at once when the interface ${name}, and looked for when it is back`, () => {
      const made = found();
      made.watch.setLinks(links);
      assert.deepEqual(made.news(), [`eth1 cut: ${why}`, "closes eth1"]);
      assert.equal(whyNot(made), why);
      made.watch.setLinks(links); // again: no news
      made.watch.setLinks([link]);
      made.pass(0);
      assert.deepEqual(made.news(), ["opens eth1", "sends solicitation"]);
      assert.equal(whyNot(made), "no router advertisement heard on eth1 yet");
    });
  }

  it("is another one when the interface is", () => {
    const made = found();
    made.watch.setLinks([{ ...link, index: 8 }]);
    made.pass(0);
    assert.deepEqual(made.news(), [
      "eth1 cut: eth1 is another interface now",
      "closes eth1",
      "opens eth1",
      "sends solicitation",
    ]);
  });

  it("stays known while only the listening is interrupted", () => {
    const made = found();
    made.wires.break("no more");
    made.pass(100);
    assert.deepEqual([made.news(), whyNot(made)], [["opens eth1"], ROUTER.address]);
  });

  it("is not known any more once it was silent for as long as it said", () => {
    const made = found();
    made.pass(30_000);
    assert.equal(whyNot(made), "no router advertisement heard on eth1 any more");
  });

  it("is not to be heard where nothing is", () => {
    const made = stage();
    made.wires.failure = "Operation not permitted";
    made.watch.want(["eth1"]);
    assert.equal(whyNot(made), "no router advertisement heard on eth1 yet");
    made.watch.setLinks([link]);
    made.pass(0);
    assert.equal(whyNot(made), "nothing can be heard on eth1: Operation not permitted");
  });

  it("is asked for nothing where this node has no address to ask from", () => {
    const made = stage(false);
    made.watch.want(["eth1"]);
    made.watch.setLinks([link]);
    made.pass(60_000);
    assert.deepEqual([made.news(), whyNot(made)], [["opens eth1"], "eth1 has no link-local address"]);
  });

  it("is not whoever sends what counts for nothing, which is counted", async () => {
    const { wires, registry } = found();
    wires.hear(HEARD.with(60, 99));
    assert.match(await registry.metrics(), /advertisements_dropped_total\{reason="checksum"\} 1/);
  });

  it("is left alone after the end", () => {
    const made = found();
    made.watch.stop();
    made.pass(60_000);
    assert.deepEqual(made.news(), ["closes eth1"]);
  });
});
