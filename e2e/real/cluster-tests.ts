import { before, it } from "node:test";
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
    it: (name, body) => void it(name, { skip: reason ?? false }, body),
    before: (body) => (reason === undefined ? before(body) : undefined),
  };
}
