// What `npm run demo` shows: a real cluster, Herald from its chart, addresses, answers, a mistake refused, a handover.
//   node e2e/demo.ts [--once]      --once: end after the last step instead of staying up with a live view
import { parseArgs } from "node:util";
import { startCluster } from "./cluster/cluster.ts";
import { buildImages } from "./cluster/images.ts";
import { whyNot } from "./cluster/requirements.ts";
import { liveView } from "./demo/live-view.ts";
import { say, step } from "./demo/say.ts";
import { DemoSteps } from "./demo/steps.ts";

const { values } = parseArgs({ options: { once: { type: "boolean", default: false } } });

async function main(): Promise<void> {
  const reason = whyNot({ kubelets: true });
  if (reason !== undefined) {
    say(`The demo cannot run here: ${reason}.`);
    process.exitCode = 1;
    return;
  }
  step("A cluster of three nodes, each in a network namespace of its own");
  const images = await buildImages({ onProgress: say });
  const cluster = await startCluster({ name: "demo", kubelets: true, onProgress: say });
  try {
    const demo = new DemoSteps(cluster, images);
    await demo.install();
    await demo.configure();
    await demo.createServices();
    await demo.ask();
    await demo.refuseMistake();
    await demo.handOver();
    if (!values.once) await liveView(demo);
  } finally {
    say("Taking the cluster down.");
    await cluster.stop();
  }
}

await main();
