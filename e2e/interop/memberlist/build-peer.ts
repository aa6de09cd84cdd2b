import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../cluster/command.ts";
import { cacheFolder } from "../../cluster/folders.ts";
import { findGo } from "../../cluster/go-toolchain.ts";
import { type OnProgress, withProgress } from "../../cluster/progress.ts";

/** Releases of hashicorp/memberlist to meet: MetalLB's, and the newest. Each has a module file of its own. */
export const MEMBERLIST_VERSIONS = { "0.5.1": "go-0.5.1", "0.7.0": "go" } as const;

export type MemberlistVersion = keyof typeof MEMBERLIST_VERSIONS;

/** Builds a real member once and keeps it. @returns its path. */
export async function buildPeer(
  version: MemberlistVersion,
  onProgress: OnProgress = () => {},
): Promise<string> {
  const folder = import.meta.dirname;
  const module = MEMBERLIST_VERSIONS[version];
  const hash = createHash("sha256").update(process.arch);
  for (const name of ["main.go", `${module}.mod`, `${module}.sum`])
    hash.update(readFileSync(join(folder, name)));
  const built = join(cacheFolder(), "peers", `memberlist-${version}-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(built)) return built;
  mkdirSync(join(cacheFolder(), "peers"), { recursive: true });
  const { go, env } = await findGo(folder, cacheFolder(), onProgress);
  const unfinished = `${built}.${process.pid}.tmp`;
  await withProgress(onProgress, `building a member of memberlist ${version}`, () =>
    command([go, "build", "-trimpath", `-modfile=${module}.mod`, "-o", unfinished, "."], {
      cwd: folder,
      env: { ...env, CGO_ENABLED: "0" },
      timeoutMs: 600_000,
    }),
  );
  renameSync(unfinished, built);
  return built;
}
