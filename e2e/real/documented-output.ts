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
  // Kubernetes' own controllers say so when they are slower than what they watch; it mends itself.
  [/^.*\sFailedTo(?:Create|Update)Endpoint.*\n?/gm, () => ""],
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

/** What counts when two outputs are compared: the words of each line, whatever the order of lines and how often one is there. */
export function wordsOf(output: string): readonly string[] {
  const lines = presentable(output)
    .split("\n")
    .map((line) => line.trim().replaceAll(/\s+/g, " "));
  return [...new Set(lines)].filter((line) => line !== "").sort();
}
