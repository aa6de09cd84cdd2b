import { readFileSync } from "node:fs";
import type { NodeName } from "../cluster/addresses.ts";
import type { Installation } from "./installation.ts";

/** What the log of a node says of somebody else with an address. */
export interface ConflictLine {
  readonly ts: string;
  readonly kind: string;
  readonly mac: string;
  readonly interface: string;
}

/** Waits until a node's speaker has said so. @returns what it said last. */
export async function conflictLine(
  herald: Installation,
  node: NodeName,
  address: string,
): Promise<ConflictLine> {
  const { logPath } = herald.speaker(node);
  const last = (): string | undefined =>
    readFileSync(logPath, "utf8")
      .split("\n")
      .slice(0, -1) // what is being written has no end yet
      .findLast(
        (line) => line.includes('"another machine has an address of ours"') && line.includes(`"${address}"`),
      );
  await herald.segment.until(() => last() !== undefined, `${node} logs the conflict about ${address}`);
  return JSON.parse(last() ?? "") as ConflictLine;
}
