import { inflateRawSync } from "node:zlib";

const END_OF_DIRECTORY = 0x06054b50;
const STORED = 0;
const DEFLATED = 8;

/**
 * One file out of a zip archive (APPNOTE.TXT 4.3: end record, central directory, local header).
 *
 * @throws when the archive holds no such file, or holds it in another way than stored or deflated.
 */
export function unzip(archive: Buffer, name: string): Buffer {
  const end = archive.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  if (end < 0 || archive.readUInt32LE(end) !== END_OF_DIRECTORY) throw new Error("not a zip archive");
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [nameOctets, extraOctets, commentOctets] = [28, 30, 32].map((field) =>
      archive.readUInt16LE(at + field),
    );
    const found = archive.toString("utf8", at + 46, at + 46 + (nameOctets ?? 0));
    if (found === name) return contentAt(archive, at);
    at += 46 + (nameOctets ?? 0) + (extraOctets ?? 0) + (commentOctets ?? 0);
  }
  throw new Error(`no ${name} in the archive`);
}

function contentAt(archive: Buffer, entry: number): Buffer {
  const method = archive.readUInt16LE(entry + 10);
  const packedOctets = archive.readUInt32LE(entry + 20);
  const header = archive.readUInt32LE(entry + 42);
  const start = header + 30 + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28);
  const packed = archive.subarray(start, start + packedOctets);
  if (method === STORED) return packed;
  if (method === DEFLATED) return inflateRawSync(packed);
  throw new Error(`zip method ${method} is neither stored nor deflated`);
}
