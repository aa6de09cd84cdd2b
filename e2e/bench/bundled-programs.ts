import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle, PROGRAMS } from "../../docker/bundle.ts";
import type { ProgramCommand } from "../real/installation.ts";

/** As the images' ENTRYPOINT and ENV have them. */
const FLAGS = ["--max-semi-space-size=1"];
const MALLOC = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_MMAP_THRESHOLD_: "65536",
  MALLOC_TRIM_THRESHOLD_: "131072",
};

/** Both programs as their images run them, only without the images. The folder is the caller's to delete. */
export async function bundledPrograms(): Promise<{
  readonly folder: string;
  readonly programs: Readonly<Record<"controller" | "speaker", ProgramCommand>>;
}> {
  const folder = mkdtempSync(join(tmpdir(), "herald-bench-"));
  const command = async (name: "controller" | "speaker"): Promise<ProgramCommand> => {
    await bundle(PROGRAMS[name], join(folder, name));
    return {
      argv: [process.execPath, ...FLAGS, join(folder, name, `${name}.js`)],
      env: { ...MALLOC, NODE_COMPILE_CACHE: join(folder, name, "cache") },
    };
  };
  return { folder, programs: { controller: await command("controller"), speaker: await command("speaker") } };
}
