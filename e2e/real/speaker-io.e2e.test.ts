import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { AnnounceReport } from "./announce.ts";
import { AnnounceProcess } from "./announce-process.ts";
import { untilEqual } from "./until-equal.ts";
import { VethPair, whyNoPair } from "./veth-pair.ts";

const ADDRESS = "192.0.2.77";
const IPV6 = "2001:db8::77";
/** Of IPV6 (RFC 4291 §2.7.1). */
const GROUP = "ff02::1:ff00:77";
// Given to each test, not to the suite: a runner counts skipped tests, and a skipped suite as nothing.
const skip = (await whyNoPair()) ?? false;

const announcing = ({ metrics }: AnnounceReport): boolean =>
  metrics['herald_speaker_interfaces{state="announcing"}'] === 1;
const silent = (report: AnnounceReport): boolean => !announcing(report);

describe("the announcer on real interfaces", () => {
  let pair: VethPair;
  let announcer: AnnounceProcess;

  before(async () => {
    if (skip) return;
    pair = await VethPair.create();
    announcer = new AnnounceProcess(pair.node, [ADDRESS, IPV6]);
    await announcer.until("the announcer has n0", announcing);
  });

  after(async () => {
    await announcer?.stop();
    await pair?.delete();
  });

  it("answers a neighbour's kernel with its MAC", { skip }, async () => {
    await untilAnswered();
  });

  it("does not answer for an address that is not announced", { skip }, async () => {
    assert.equal(await pair.resolve("192.0.2.78"), undefined);
  });

  it("is in the group of the IPv6 address it announces", { skip }, async () => {
    assert.equal(await usersOf(GROUP), 1);
  });

  it("leaves the interface out of promiscuous mode", { skip }, async () => {
    const [link] = JSON.parse(await pair.inNode(["ip", "-json", "-details", "link", "show", "n0"])) as [
      { promiscuity: number },
    ];
    assert.equal(link.promiscuity, 0);
  });

  it("answers again after its interface went down and up", { skip }, async () => {
    await pair.inNode(["ip", "link", "set", "n0", "down"]);
    await announcer.until("n0 is given up", silent);
    await pair.inNode(["ip", "link", "set", "n0", "up"]);
    await announcer.until("n0 is back", announcing);
    await untilAnswered();
  });

  it("answers again after its interface was deleted and another came under the same name", {
    skip,
  }, async () => {
    await pair.pullOut();
    await announcer.until("n0 is given up", silent);
    await pair.plugIn();
    await announcer.until("n0 is back", announcing);
    await untilAnswered();
    await untilEqual(() => usersOf(GROUP), 1, "it is in the group again");
  });

  it("answers with the new MAC after the interface's was changed", { skip }, async () => {
    const { metrics } = await announcer.report();
    await pair.inNode(["ip", "link", "set", "n0", "address", "02:00:00:00:00:99"]);
    const opens = "herald_speaker_capture_opens_total";
    await announcer.until(
      "n0 is opened anew",
      (report) => (report.metrics[opens] ?? 0) > (metrics[opens] ?? 0),
    );
    await untilAnswered("02:00:00:00:00:99");
  });

  it("goes silent on an interface that joins a bridge, and speaks on the bridge", { skip }, async () => {
    const mac = "02:00:00:00:00:aa";
    await pair.inNode(["ip", "link", "add", "br0", "address", mac, "type", "bridge"]);
    await pair.inNode(["ip", "link", "set", "n0", "master", "br0"]);
    await pair.inNode(["ip", "link", "set", "br0", "up"]);
    await announcer.until(
      "br0 is announced on instead",
      (report) => announcing(report) && report.metrics['herald_speaker_interfaces{state="has-master"}'] === 1,
    );
    await untilAnswered(mac);
    await pair.inNode(["ip", "link", "delete", "br0"]);
    await announcer.until(
      "n0 is announced on again",
      (report) => announcing(report) && report.metrics['herald_speaker_interfaces{state="has-master"}'] === 0,
    );
  });

  it("keeps its thread free while captures open and close", { skip }, async () => {
    const isDown = ({ metrics }: AnnounceReport): boolean =>
      metrics['herald_speaker_interfaces{state="down"}'] === 1;
    for (let flap = 0; flap < 5; flap += 1) {
      await pair.inNode(["ip", "link", "set", "n0", "down"]);
      await announcer.until("n0 is down", isDown);
      await pair.inNode(["ip", "link", "set", "n0", "up"]);
      await announcer.until("n0 is back", announcing);
    }
    const { captureCallWaits } = await announcer.report();
    // Why the median: now and then a call waits for one of the threads it gives the work to. The kernel waits in each.
    const median = captureCallWaits.toSorted((a, b) => a - b)[captureCallWaits.length >> 1] ?? Number.NaN;
    assert.ok(captureCallWaits.length >= 10 && median === 0, `times waited: ${captureCallWaits.join(", ")}`);
  });

  it("was refused no group", { skip }, async () => {
    const { metrics } = await announcer.report();
    assert.equal(metrics["herald_speaker_group_join_failures_total"], 0);
    assert.equal(await usersOf(GROUP), 1);
  });

  it("outlives 100 flaps and as many deletions without growing", { skip }, async () => {
    const flap = "for i in $(seq 50); do ip link set n0 down; ip link set n0 up; done";
    const replace = `for i in $(seq 50); do ip link del n0; ip link add n0 type veth peer name p1; ip link set n0 up; done`;
    await pair.inNode(["bash", "-c", flap]);
    await announcer.until("n0 is back", announcing);
    await untilAnswered();
    const first = await announcer.report();
    await pair.inNode(["bash", "-c", flap]);
    await pair.inNode(["bash", "-c", replace]);
    await pair.pullOut();
    await pair.plugIn();
    await announcer.until("n0 is back", announcing);
    await untilAnswered();
    await untilEqual(() => usersOf(GROUP), 1, "it is in the group again");
    // Captures are closed beside the thread, so some may still be on their way.
    const last = await announcer.until(
      "no more files are open",
      (report) => report.openFiles <= first.openFiles,
    );
    const grownMb = (last.rssOctets - first.rssOctets) / 2 ** 20;
    assert.ok(grownMb < 16, `resident memory grew by ${grownMb.toFixed(1)} MB`);
  });

  it("is in more groups than one socket may be in, and leaves them all when it ends", { skip }, async () => {
    const many = Array.from({ length: 600 }, (_, index) => `2001:db8::1:${index.toString(16)}`);
    const busy = new AnnounceProcess(pair.node, many);
    await busy.until("it has n0", announcing);
    const { metrics } = await busy.report();
    assert.equal(metrics["herald_speaker_group_join_failures_total"], 0);
    assert.deepEqual([await usersOf("ff02::1:ff01:0"), await usersOf("ff02::1:ff01:257")], [1, 1]);
    assert.equal(await busy.stop(), 0);
    assert.deepEqual([await usersOf("ff02::1:ff01:0"), await usersOf("ff02::1:ff01:257")], [0, 0]);
  });

  it("ends with exit code 0", { skip }, async () => assert.equal(await announcer.stop(), 0));

  /** Asks until that MAC, or the node's own, answers: a busy machine may be slower than a kernel's three tries. */
  async function untilAnswered(mac?: string): Promise<void> {
    await untilEqual(
      () => pair.resolve(ADDRESS),
      mac ?? (await pair.macOfNode()),
      `${ADDRESS} is answered for`,
    );
  }

  /** How many sockets are in a group on n0, as the kernel counts them. */
  async function usersOf(group: string): Promise<number> {
    const shown = await pair.inNode(["ip", "-6", "-json", "maddress", "show", "dev", "n0"]);
    const [{ maddr }] = JSON.parse(shown) as [{ maddr: { address: string; users?: number }[] }];
    const found = maddr.find(({ address }) => address === group);
    return found === undefined ? 0 : (found.users ?? 1);
  }
});
