import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

export const PAUSE_IMAGE = "docker.io/herald/pause:1";

const BLOCK = 512;

/** An image of plain files, without a base. */
export interface PlainImage {
  /** In full: `docker.io/herald/pause:1`. */
  readonly name: string;
  readonly files: readonly ImageFile[];
  readonly entrypoint: readonly string[];
}

export interface ImageFile {
  /** Without the leading slash. */
  readonly name: string;
  readonly mode: number;
  readonly content: Buffer;
}

/** The image that holds pods' namespaces: one static program. */
export function pauseImage(program: string): PlainImage {
  const files = [{ name: "pause", mode: 0o755, content: readFileSync(program) }];
  return { name: PAUSE_IMAGE, files, entrypoint: ["/pause"] };
}

/**
 * Writes an image as an archive that `ctr images import` takes (OCI image layout, with containerd's annotation for the
 * name).
 */
export function writeImage({ name, files, entrypoint }: PlainImage, archivePath: string): void {
  const layer = tar(files);
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const config = json({
    architecture,
    os: "linux",
    config: { Entrypoint: entrypoint },
    rootfs: { type: "layers", diff_ids: [digestOf(layer)] },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: descriptor("application/vnd.oci.image.config.v1+json", config),
    layers: [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
  });
  const index = json({
    schemaVersion: 2,
    manifests: [
      {
        ...descriptor("application/vnd.oci.image.manifest.v1+json", manifest),
        annotations: { "io.containerd.image.name": name },
        platform: { architecture, os: "linux" },
      },
    ],
  });
  const blobs = [layer, config, manifest].map((content) => ({
    name: `blobs/sha256/${digestOf(content).slice("sha256:".length)}`,
    mode: 0o644,
    content,
  }));
  const layout = { name: "oci-layout", mode: 0o644, content: json({ imageLayoutVersion: "1.0.0" }) };
  writeFileSync(archivePath, tar([layout, { name: "index.json", mode: 0o644, content: index }, ...blobs]));
}

/** POSIX ustar, plain files only; names up to 100 octets. */
function tar(files: readonly ImageFile[]): Buffer {
  const parts = files.flatMap((file) => [
    header(file),
    file.content,
    Buffer.alloc(-file.content.length & (BLOCK - 1)),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header({ name, mode, content }: ImageFile): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number) =>
    block.write(value.toString(8).padStart(digits, "0"), at);
  block.write(name, 0);
  octal(mode, 100, 7);
  octal(0, 108, 7); // owner
  octal(0, 116, 7); // group
  octal(content.length, 124, 11);
  octal(0, 136, 11); // modified: the epoch, so that the same program is the same image
  block.fill(" ", 148, 156); // checksum, counted as spaces
  block.write("0", 156); // a plain file
  block.write("ustar\u000000", 257);
  octal(
    block.reduce((sum, octet) => sum + octet, 0),
    148,
    6,
  );
  block.write("\u0000 ", 154);
  return block;
}

function descriptor(mediaType: string, content: Buffer) {
  return { mediaType, digest: digestOf(content), size: content.length };
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
