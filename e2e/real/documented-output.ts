import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "../cluster/cluster.ts";

const WITHIN_MS = 40_000;
const LOOK_EVERY_MS = 500;
/** Events come a little later. */
const SETTLED_AFTER_MS = 3_000;

/** A fenced block of a page that shows a command and what it prints. */
export interface Shown {
  /** As somebody types it after the prompt. */
  readonly command: string;
  readonly output: string;
}

const BLOCK = /^```console\n\$ (.+)\n([\s\S]*?)^```$/gm;

export function shownIn(page: string): readonly Shown[] {
  return [...page.matchAll(BLOCK)].map(([, command = "", output = ""]) => ({ command, output }));
}

/** The page with other outputs, by command. */
export function withOutputs(page: string, outputs: ReadonlyMap<string, string>): string {
  return page.replace(BLOCK, (block, command: string) => {
    const output = outputs.get(command);
    return output === undefined ? block : `\`\`\`console\n$ ${command}\n${output}\`\`\``;
  });
}

/** What is another each time → what a page shows for it. Ages keep their width, so that columns stay columns. */
const PASSING: readonly (readonly [RegExp, (found: string) => string])[] = [
  [/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, () => "52:54:00:12:34:56"],
  [/ \(x\d+ over [^)]+\)/g, () => ""],
  [/(?<=^Endpoints: +)\S+$/gm, (endpoints) => endpoints.split(",").sort().join(",")],
  [/(?<=^|\s)(?:\d+[smh]){1,2}(?=\s|$) ?/gm, (age) => "1m".padEnd(age.length)],
  [/[ \t]+$/gm, () => ""],
];

/** What a command printed, as a page shows it; lines that are the same by now, one Event of each node, only once. */
export function presentable(output: string): string {
  const text = PASSING.reduce((text, [pattern, replace]) => text.replaceAll(pattern, replace), output);
  const seen = new Set<string>();
  const isNew = (line: string): boolean => line === "" || (!seen.has(line) && seen.add(line) !== undefined);
  return text.split("\n").filter(isNew).join("\n");
}

/** Which node has an address is for the hash to say, unless that one is late; the name of a ServiceL2Status tells it, too. */
const ANY_NODE: readonly (readonly [RegExp, string])[] = [
  [/\bnode-\d+\b/g, "node-N"],
  [/\bl2-[0-9a-f]{24}\b/g, "l2-N"],
];

/** What counts when two outputs are compared: the words of each line, whatever the order of lines and how often one is there. */
export function wordsOf(output: string): readonly string[] {
  const lines = ANY_NODE.reduce((text, [pattern, any]) => text.replaceAll(pattern, any), presentable(output))
    .split("\n")
    .map((line) => line.trim().replaceAll(/\s+/g, " "));
  return [...new Set(lines)].filter((line) => line !== "").sort();
}

/** Types a command as an administrator does whose `kubectl` is for this cluster. */
export function type(cluster: Cluster, command: string): Promise<string> {
  const [, kubectl = ""] = /(\S*kubectl .*)$/.exec(cluster.kubectlCommand.join(" ")) ?? [];
  return cluster.exec("control-plane", ["sh", "-c", `kubectl() { command ${kubectl} "$@"; }\n${command}`]);
}

/** What keeps an output from being the page's: none as soon as it is as shown; looked at for 40 s at the most. */
export async function differences(
  shown: Shown,
  type: (command: string) => Promise<string>,
): Promise<readonly string[]> {
  const due = performance.now() + WITHIN_MS;
  const wanted = wordsOf(shown.output);
  for (;;) {
    const found = differing(wordsOf(await type(shown.command)), wanted);
    if (found.length === 0 || performance.now() > due) return found;
    await sleep(LOOK_EVERY_MS);
  }
}

/**
 * Lines that are missing, and lines that the page does not have. Events are history, and on a slow machine there is more
 * of it (a controller of Kubernetes that tries again): more of them are no difference.
 */
function differing(found: readonly string[], wanted: readonly string[]): readonly string[] {
  const missing = wanted.filter((line) => !found.includes(line)).map((line) => `missing: ${line}`);
  const more = found.filter((line) => !wanted.includes(line) && !isEvent(line));
  return [...missing, ...more.map((line) => `not on the page: ${line}`)];
}

/** What a command prints once it prints the same again, as a page shows it. */
export async function settled(command: string, type: (command: string) => Promise<string>): Promise<string> {
  let before = "";
  let now = await type(command);
  while (`${wordsOf(before)}` !== `${wordsOf(now)}`) {
    before = now;
    await sleep(SETTLED_AFTER_MS);
    now = await type(command);
  }
  return presentable(now);
}

/** In `kubectl describe` and `kubectl get events`. */
function isEvent(line: string): boolean {
  return /^(?:1m )?(?:Normal|Warning) /.test(line);
}
