import { before, it } from "node:test";
import { Cluster } from "../cluster/cluster.ts";
import { lastWords } from "../cluster/last-words.ts";
import { type Size, whyNot } from "../cluster/requirements.ts";

type Body = () => void | Promise<void>;

/**
 * `it` and `before` for tests that need a cluster. Where there can be none each test is skipped, with the reason: a
 * runner counts skipped tests, and a skipped suite as nothing.
 */
export function clusterTests(size: Size): {
  readonly it: (name: string, body: Body) => void;
  readonly before: (body: Body) => void;
} {
  const reason = whyNot(size);
  return {
    it: (name, body) => void it(name, { skip: reason ?? false }, () => explained(body)),
    before: (body) => (reason === undefined ? before(() => explained(body)) : undefined),
  };
}

/** Runs it; a failure also says what Herald's programs said last. */
async function explained(body: Body): Promise<void> {
  try {
    await body();
  } catch (error) {
    const words = [...Cluster.running]
      .map(({ logFolder }) => lastWords(logFolder))
      .filter((said) => said !== "");
    if (words.length === 0) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${message}\n${words.join("\n")}`, { cause: error });
  }
}
