import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type CommandOptions, command } from "../command.ts";

/** Layers kept before everything is thrown away and begun anew; a change of a source adds about six. */
const MAX_LAYERS = 250;

/** buildah with a storage of its own: the user's images are not touched, and ours not seen among them. */
export class Buildah {
  readonly #global: readonly string[];
  readonly #folder: string;

  readonly #driver: "overlay" | "vfs";

  private constructor(folder: string, driver: "overlay" | "vfs") {
    this.#folder = folder;
    this.#driver = driver;
    const [root, runtime] = [join(folder, driver), join(folder, "run")];
    this.#global = ["buildah", "--root", root, "--runroot", runtime, "--storage-driver", driver];
  }

  /** With layers as overlays where the file system lets them be, else as copies. */
  static async open(folder: string): Promise<Buildah> {
    mkdirSync(join(folder, "tmp"), { recursive: true });
    const overlay = new Buildah(folder, "overlay");
    const works = await overlay.run(["images", "--quiet"]).then(
      () => true,
      () => false,
    );
    return works ? overlay : new Buildah(folder, "vfs");
  }

  /** Whether steps should be kept for the next build: not as copies, each as large as all before it together. */
  get keepsLayers(): boolean {
    return this.#driver === "overlay";
  }

  /** @returns standard output. */
  run(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    // TMPDIR: where buildah keeps its cache mounts.
    const env = { TMPDIR: join(this.#folder, "tmp"), BUILDAH_ISOLATION: "chroot", ...options.env };
    return command([...this.#global, ...args], { ...options, env });
  }

  async has(image: string): Promise<boolean> {
    return (await this.run(["images", "--quiet", "--filter", `reference=${image}`])).trim() !== "";
  }

  /** Throws everything away once there is too much of it. Not while others use the same folder. */
  async forgetWhenFull(): Promise<void> {
    const layers = join(this.#folder, this.#driver, this.#driver, this.#driver === "vfs" ? "dir" : "");
    if (countEntries(layers) <= MAX_LAYERS) return;
    await this.run(["rm", "--all"]); // unmounts what a killed build left
    rmSync(join(this.#folder, this.#driver), { recursive: true, force: true });
  }
}

function countEntries(folder: string): number {
  try {
    return readdirSync(folder).length;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return 0;
    throw error;
  }
}
