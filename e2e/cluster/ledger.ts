import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessIdentity } from "./process-table.ts";

/** What a cluster has put into the machine and must take out again. */
export type LedgerEntry =
  | ({ readonly type: "owner" } & ProcessIdentity)
  | ({ readonly type: "process"; readonly what: string } & ProcessIdentity)
  | { readonly type: "namespace"; readonly name: string };

/**
 * A list on disk, one JSON object a line, written before or as soon as the thing exists: whoever
 * comes after a harness that was killed can clean up from it.
 */
export class Ledger {
  readonly #path: string;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#path = join(folder, "ledger.jsonl");
  }

  record(entry: LedgerEntry): void {
    appendFileSync(this.#path, `${JSON.stringify(entry)}\n`);
  }

  entries(): readonly LedgerEntry[] {
    if (!existsSync(this.#path)) return [];
    return readFileSync(this.#path, "utf8")
      .split("\n")
      .flatMap((line) => {
        try {
          return [JSON.parse(line) as LedgerEntry];
        } catch (error) {
          if (error instanceof SyntaxError) return []; // the line being written when the harness died
          throw error;
        }
      });
  }
}
