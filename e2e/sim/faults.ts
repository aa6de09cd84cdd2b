import type { FaultKind } from "./fault-kinds.ts";
import { type Fault, nodeName } from "./script.ts";
import type { World } from "./world.ts";

interface FaultRules {
  /** @returns what puts it right again. */
  readonly begin: (world: World, fault: Fault) => () => void;
  readonly say: (fault: Fault) => string;
}

const nothing = (): void => {};
const lossOf = ({ amount }: Fault): number => 0.05 + 0.35 * amount;
const who = ({ node }: Fault): string => nodeName(node);

/** Each kind of fault, from the same few numbers. */
export const FAULTS: Readonly<Record<FaultKind, FaultRules>> = {
  loss: {
    begin: (world, fault) => world.weather.worsen({ loss: lossOf(fault) }),
    say: (fault) => `${Math.round(100 * lossOf(fault))} % of everything is lost`,
  },
  duplicates: {
    begin: (world, { amount }) => world.weather.worsen({ duplication: 0.3 * amount }),
    say: ({ amount }) => `${Math.round(30 * amount)} % of everything comes twice`,
  },
  jitter: {
    begin: (world, { amount }) => world.weather.worsen({ longestMs: 0.5 + 3 * amount }),
    say: ({ amount }) => `packets take up to ${(0.5 + 3 * amount).toFixed(1)} ms and overtake each other`,
  },
  pause: {
    begin: (world, { node, forMs }) => {
      world.node(node).pause(forMs);
      return nothing;
    },
    say: (fault) => `${who(fault)} stands still`,
  },
  dies: {
    begin: (world, { node }) => {
      world.crash(node, "machine");
      return nothing;
    },
    say: (fault) => `${who(fault)} loses power for good`,
  },
  "power-cut": {
    begin: (world, { node }) => world.crash(node, "machine"),
    say: (fault) => `${who(fault)} loses power`,
  },
  "process-crash": {
    begin: (world, { node }) => world.crash(node, "process"),
    say: (fault) => `the speaker of ${who(fault)} is killed`,
  },
  "boots-deaf": {
    begin: (world, { node }) => world.bootDeaf(node),
    say: (fault) => `the speaker of ${who(fault)} is killed and started again, and no gossip gets to it`,
  },
  stop: {
    begin: (world, { node }) => world.stop(node),
    say: (fault) => `the speaker of ${who(fault)} gets SIGTERM`,
  },
  "cable-cut": {
    begin: (world, { node }) => world.isolate(node),
    say: (fault) => `the link of ${who(fault)} is cut, unnoticed by its card`,
  },
  "carrier-loss": {
    begin: (world, { node }) => {
      const heal = world.isolate(node);
      world.node(node).setCarrier(false);
      return () => {
        heal();
        world.node(node).setCarrier(true);
      };
    },
    say: (fault) => `the cable of ${who(fault)} is pulled`,
  },
  "one-way": {
    begin: (world, { node, other }) => {
      const [from, to] = [world.node(node).place, world.node(other).place];
      return world.topology.put((a, b) => a === from && b === to);
    },
    say: ({ node, other }) => `nothing gets from ${nodeName(node)} to ${nodeName(other)}`,
  },
  partition: {
    begin: (world, { side, amount }) => world.partition(side, amount),
    say: ({ side }) => `the network falls apart: ${side.map(nodeName).join(", ") || "no node"} on one side`,
  },
  "api-outage": {
    begin: (world) => world.apiOutage(),
    say: () => "the API server is down",
  },
  "api-outage-at-node": {
    begin: (world, { node }) => {
      world.node(node).setApiDown(true);
      return () => world.node(node).setApiDown(false);
    },
    say: (fault) => `${who(fault)} does not reach the API server`,
  },
  "api-slow-at-node": {
    begin: (world, { node, amount }) => {
      world.node(node).setLag(2_000 * amount);
      return () => world.node(node).setLag(world.script.lagMs[node] ?? 1);
    },
    say: (fault) => `${who(fault)} hears the API server ${Math.round(2_000 * fault.amount)} ms late`,
  },
  excluded: {
    begin: (world, { node }) => world.mark(node, { excluded: true }),
    say: (fault) => `${who(fault)} is labelled to be excluded`,
  },
  "network-unavailable": {
    begin: (world, { node }) => world.mark(node, { networkUnavailable: true }),
    say: (fault) => `the network of ${who(fault)} is reported unavailable`,
  },
  drain: {
    begin: (world, { node }) => world.mark(node, { drain: "maintenance" }),
    say: (fault) => `${who(fault)} is to be drained`,
  },
  "fail-back": {
    begin: (world, { node, at }) => {
      world.mark(node, { failBack: `at ${at}` });
      return nothing;
    },
    say: (fault) => `${who(fault)} is asked to take back what is its own`,
  },
  "service-gone": {
    begin: (world, fault) => world.removeService(fault),
    say: () => "a Service is deleted",
  },
  "service-new": {
    begin: (world, fault) => world.addService(fault),
    say: () => "a new Service is created",
  },
  "service-moves": {
    begin: (world, fault) =>
      world.changeService(fault, ({ pool }) => ({ pool: pool === "one" ? "two" : "one" })),
    say: () => "a Service asks for the other pool",
  },
  "endpoints-move": {
    begin: (world, fault) => world.changeService(fault, () => ({ endpoints: fault.side.map(nodeName) })),
    say: ({ side }) => `the endpoints of a Service are on ${side.map(nodeName).join(", ") || "no node"} now`,
  },
  "config-refused": {
    begin: (world) => world.configure("refused"),
    say: () => "somebody writes nonsense into the configuration",
  },
  "config-changes": {
    begin: (world) => world.configure("other"),
    say: () => "pool two gets other addresses",
  },
  "controller-crash": {
    begin: (world) => {
      world.controlPlane.killController();
      return () => world.controlPlane.startController();
    },
    say: () => "the controller is killed",
  },
};
