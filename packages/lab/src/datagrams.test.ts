import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type DatagramHost, DatagramNet, type DatagramNetOptions } from "./datagrams.ts";
import { SeededRandom } from "./random.ts";
import { VirtualClock } from "./virtual-clock.ts";

function pair(options: Partial<DatagramNetOptions> = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const net = new DatagramNet<string>({
    clock,
    random,
    loss: 0,
    duplication: 0,
    delayMs: [1, 1],
    ...options,
  });
  const heard: string[] = [];
  const host = (name: string): DatagramHost<string> => ({
    datagram: (from, data) => heard.push(`${clock.now()} ${name} hears ${data} from ${from}`),
    request: (_from, data, answer) => answer(data === "go away" ? undefined : `${data}, too`),
  });
  const a = net.plugIn("a", host("a"));
  const b = net.plugIn("b", host("b"));
  return { clock, net, a, b, heard };
}

describe("datagrams between hosts in memory", () => {
  it("arrive after their way", () => {
    const { clock, a, heard } = pair();
    a.send("b", "hello");
    clock.advance(5);
    assert.deepEqual(heard, ["1 b hears hello from a"]);
  });

  it("are lost and doubled as often as asked for", () => {
    const { clock, net, a, heard } = pair({ loss: 0.1, duplication: 0.2 });
    for (let index = 0; index < 2_000; index += 1) a.send("b", "hello");
    clock.advance(5);
    assert.ok(heard.length > 2_080 && heard.length < 2_240, `${heard.length}, want about 2160`);
    assert.equal(net.sent.get("a"), 2_000);
  });

  it("overtake each other when their ways differ", () => {
    const { clock, a, heard } = pair({ delayMs: [1, 10] });
    for (let index = 0; index < 20; index += 1) a.send("b", `${index}`);
    clock.advance(20);
    const order = heard.map((line) => Number(line.split(" ")[3]));
    assert.notDeepEqual(
      order,
      [...order].sort((x, y) => x - y),
    );
    assert.equal(order.length, 20);
  });

  it("do not cross a partition, nor a cut in one direction, until it heals", () => {
    const { clock, net, a, b, heard } = pair();
    net.partition([["a"], ["b"]]);
    a.send("b", "lost");
    net.heal();
    net.cut("a", "b");
    a.send("b", "lost, too");
    b.send("a", "heard");
    net.heal();
    a.send("b", "well");
    clock.advance(5);
    assert.deepEqual(heard, ["1 a hears heard from b", "1 b hears well from a"]);
  });

  it("wait while a host is paused, behind the timers that fell due meanwhile", () => {
    const { clock, net, a, b, heard } = pair();
    net.pause("b", 100);
    a.send("b", "hello");
    b.clock.at(50, () => heard.push(`${clock.now()} b's timer`));
    clock.advance(200);
    assert.deepEqual(heard, ["100 b's timer", "100.01 b hears hello from a"]);
  });

  it("reach nobody who is unplugged, whose timers do not run either", () => {
    const { clock, a, b, heard } = pair();
    b.clock.at(50, () => heard.push("never"));
    b.unplug("machine");
    a.send("b", "hello");
    b.send("a", "hello");
    clock.advance(200);
    assert.deepEqual(heard, []);
  });
});

describe("streams between hosts in memory", () => {
  const outcomes: readonly { what: string; do: (of: ReturnType<typeof pair>) => void; outcome: string[] }[] =
    [
      { what: "are answered", do: ({ a }) => ask(a, "me"), outcome: ['{"type":"answer","data":"me, too"}'] },
      { what: "are closed", do: ({ a }) => ask(a, "go away"), outcome: ['{"type":"closed"}'] },
      {
        what: "are refused where only the process is gone",
        do: ({ a, b }) => {
          b.unplug("process");
          ask(a, "me");
        },
        outcome: ['{"type":"refused"}'],
      },
      {
        what: "come to nothing where the machine is gone",
        do: ({ a, b }) => {
          b.unplug("machine");
          ask(a, "me");
        },
        outcome: [],
      },
      {
        what: "come to nothing across a partition",
        do: ({ a, net }) => {
          net.partition([["a"], ["b"]]);
          ask(a, "me");
        },
        outcome: [],
      },
    ];
  let seen: string[] = [];
  const ask = (port: ReturnType<typeof pair>["a"], data: string): void =>
    port.request("b", data, (outcome) => seen.push(JSON.stringify(outcome)));

  for (const { what, do: act, outcome } of outcomes) {
    it(what, () => {
      seen = [];
      const of = pair();
      act(of);
      of.clock.advance(5);
      assert.deepEqual(seen, outcome);
    });
  }

  it("lose nothing, but pay for each loss with a wait", () => {
    const { clock, a } = pair({ loss: 0.5 });
    seen = [];
    for (let index = 0; index < 50; index += 1) ask(a, "me");
    clock.advance(10);
    assert.ok(seen.length < 20);
    clock.advance(100_000);
    assert.equal(seen.length, 50);
  });
});
