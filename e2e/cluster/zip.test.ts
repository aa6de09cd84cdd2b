import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32, deflateRawSync } from "node:zlib";
import { unzip } from "./zip.ts";

/** A zip archive as APPNOTE.TXT draws it, of files stored (0) or deflated (8). */
function zip(files: readonly { name: string; content: string; method: number }[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, content, method } of files) {
    const packed = method === 8 ? deflateRawSync(content) : Buffer.from(content);
    const common = Buffer.alloc(22);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    const nameLength = Buffer.from([name.length, 0]);
    const head = Buffer.concat([
      Buffer.from("PK\x03\x04"),
      common,
      nameLength,
      Buffer.from([0, 0]),
      Buffer.from(name),
    ]);
    const place = Buffer.alloc(4);
    place.writeUInt32LE(offset);
    const rest = [nameLength, Buffer.alloc(12), place, Buffer.from(name)];
    central.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00"), common, ...rest]));
    local.push(head, packed);
    offset += head.length + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...local, directory, end]);
}

describe("unzip", () => {
  const archive = zip([
    { name: "kubectl/", content: "", method: 0 },
    { name: "kubectl/kubectl", content: "stored", method: 0 },
    { name: "helm/helm", content: "deflated ".repeat(100), method: 8 },
    { name: "odd", content: "x", method: 14 },
  ]);

  it("gives a stored file", () => assert.equal(`${unzip(archive, "kubectl/kubectl")}`, "stored"));
  it("gives a deflated file", () => assert.equal(`${unzip(archive, "helm/helm")}`, "deflated ".repeat(100)));

  const refused = [
    { name: "a file that is not there", archive, file: "helm", message: "no helm in the archive" },
    {
      name: "a method it does not know",
      archive,
      file: "odd",
      message: "zip method 14 is neither stored nor deflated",
    },
    { name: "what is no archive", archive: Buffer.from("hello"), file: "odd", message: "not a zip archive" },
  ];
  for (const { name, archive: bytes, file, message } of refused) {
    it(`refuses ${name}`, () => assert.throws(() => unzip(bytes, file), { message }));
  }
});
