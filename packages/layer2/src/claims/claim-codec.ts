import { familyOf, fromOctets, type IpAddress, toOctets } from "@herald/shared/ip/address";
import { DecodeError, expectField, Reader, Writer } from "@herald/wire/bytes";
import {
  type Change,
  CLAIM_LIMITS,
  type Claim,
  type ClaimMessage,
  type News,
  type Page,
  type Standing,
  type Want,
} from "./claim-messages.ts";

/*
 * Everything begins with a magic octet, the version of the format and a kind.
 *
 *   digest  | c1 | 1 | 1 | life 6 | version 4 |                                                     13 octets
 *   want    | c1 | 1 | 2 | life 6 | version 4 | asker |
 *   news    | c1 | 1 | 3 | life 6 | version 4 | speaker | from 4 | to 4 | count 2 | count x change |
 *   book    | c1 | 1 | 4 | count 2 | count x page |
 *   page    | life 6 | version 4 | speaker | count 2 | count x change, none of them given up |
 *   change  | kind 1 | address 4 or 16 | epoch 6, absent when given up |
 *   speaker, asker: | octets 1 | ASCII |
 *
 * `kind` of a change: 4 or 6, the family; 0x80 is added when the claim is given up.
 */
const MAGIC = 0xc1;
const FORMAT = 1;
const KIND = { digest: 1, want: 2, news: 3, book: 4 } as const;
const GIVEN_UP = 0x80;
/** "." and "0" */
const DOT = 0x2e;
const DIGIT_0 = 0x30;
const HEAD_OCTETS = 3;
const STANDING_OCTETS = 10;

/** Of news without its changes, for a speaker of that name. */
export function newsOverhead(speaker: string): number {
  return HEAD_OCTETS + STANDING_OCTETS + nameOctets(speaker) + 10;
}

export function changeOctets({ address, epoch }: Change): number {
  return 1 + (familyOf(address) === 4 ? 4 : 16) + (epoch === undefined ? 0 : 6);
}

export function encodeDigest(standing: Standing): Uint8Array {
  const writer = begin("digest", STANDING_OCTETS);
  writeStanding(writer, standing);
  return writer.finish();
}

/** @throws {DecodeError} when the bytes are no digest of this format. */
export function decodeDigest(bytes: Uint8Array): Standing {
  const reader = open(bytes, KIND.digest);
  return end(reader, readStanding(reader, "claims.digest"));
}

export function encodeClaimMessage(message: ClaimMessage): Uint8Array {
  return message.type === "want" ? encodeWant(message) : encodeNews(message);
}

/** @throws {DecodeError} when the bytes are neither news nor a question of this format. */
export function decodeClaimMessage(bytes: Uint8Array): ClaimMessage {
  if (bytes[HEAD_OCTETS - 1] === KIND.want) {
    const reader = open(bytes, KIND.want);
    const standing = readStanding(reader, "claims.want");
    return end(reader, { type: "want", ...standing, asker: readName(reader, "claims.want.asker") });
  }
  return decodeNews(open(bytes, KIND.news));
}

/** A page of a book, to be kept as long as it does not change. @param page of at most 65,535 claims. */
export function encodePage(page: Page): Uint8Array {
  const writer = new Writer(new Uint8Array(pageOctets(page)));
  writeStanding(writer, page);
  writeName(writer, page.speaker);
  writer.u16(page.claims.length);
  for (const claim of page.claims) writeChange(writer, claim);
  return writer.finish();
}

/** @param pages encoded; at most 65,535. */
export function encodeBook(pages: readonly Uint8Array[]): Uint8Array {
  const octets = pages.reduce((sum, page) => sum + page.length, 2);
  const writer = begin("book", octets).u16(pages.length);
  for (const page of pages) writer.bytes(page);
  return writer.finish();
}

/** @throws {DecodeError} when the bytes are no book of this format; `oversized` past {@link CLAIM_LIMITS}. */
export function decodeBook(bytes: Uint8Array): readonly Page[] {
  const reader = open(bytes, KIND.book);
  const count = bounded(reader.u16("claims.book.count"), CLAIM_LIMITS.speakers, "claims.book.count");
  const pages: Page[] = [];
  for (let index = 0; index < count; index += 1) pages.push(readPage(reader));
  return end(reader, pages);
}

function encodeWant(want: Want): Uint8Array {
  const writer = begin("want", STANDING_OCTETS + nameOctets(want.asker));
  writeStanding(writer, want);
  writeName(writer, want.asker);
  return writer.finish();
}

function encodeNews(news: News): Uint8Array {
  const changes = news.changes.reduce((sum, change) => sum + changeOctets(change), 0);
  const writer = begin("news", newsOverhead(news.speaker) - HEAD_OCTETS + changes);
  writeStanding(writer, news);
  writeName(writer, news.speaker);
  writer.u32(news.from).u32(news.to).u16(news.changes.length);
  for (const change of news.changes) writeChange(writer, change);
  return writer.finish();
}

function decodeNews(reader: Reader): News {
  const standing = readStanding(reader, "claims.news");
  const speaker = readName(reader, "claims.news.speaker");
  const from = reader.u32("claims.news.from");
  const to = reader.u32("claims.news.to");
  if (from > to) throw new DecodeError("invalid", "claims.news.from", `${from}, past ${to}`);
  if (to > standing.version) throw new DecodeError("invalid", "claims.news.to", `past ${standing.version}`);
  const count = bounded(reader.u16("claims.news.count"), CLAIM_LIMITS.claims, "claims.news.count");
  const changes: Change[] = [];
  for (let index = 0; index < count; index += 1) changes.push(readChange(reader, "claims.news.change"));
  return end(reader, { type: "news", ...standing, speaker, from, to, changes });
}

function readPage(reader: Reader): Page {
  const standing = readStanding(reader, "claims.page");
  const speaker = readName(reader, "claims.page.speaker");
  const count = bounded(reader.u16("claims.page.count"), CLAIM_LIMITS.claims, "claims.page.count");
  const claims: Claim[] = [];
  for (let index = 0; index < count; index += 1) {
    const { address, epoch } = readChange(reader, "claims.page.claim");
    if (epoch === undefined) throw new DecodeError("invalid", "claims.page.claim.kind", "given up");
    claims.push({ address, epoch });
  }
  return { ...standing, speaker, claims };
}

function pageOctets({ speaker, claims }: Page): number {
  return claims.reduce((sum, claim) => sum + changeOctets(claim), STANDING_OCTETS + nameOctets(speaker) + 2);
}

function writeChange(writer: Writer, { address, epoch }: Change): void {
  const gone = epoch === undefined ? GIVEN_UP : 0;
  writer.u8(familyOf(address) | gone).bytes(octetsOf(address));
  if (epoch !== undefined) writeU48(writer, epoch);
}

function readChange(reader: Reader, field: string): { address: IpAddress; epoch: number | undefined } {
  const kind = reader.u8(`${field}.kind`);
  const family = kind & ~GIVEN_UP;
  if (family !== 4 && family !== 6) throw new DecodeError("unsupported", `${field}.kind`, `${kind}`);
  const address = addressOf(reader.bytes(family === 4 ? 4 : 16, `${field}.address`));
  if ((kind & GIVEN_UP) !== 0) return { address, epoch: undefined };
  return { address, epoch: bounded(readU48(reader, `${field}.epoch`), CLAIM_LIMITS.epoch, `${field}.epoch`) };
}

/** As `toOctets`, at a tenth of its cost for IPv4: a book is thousands of these. */
function octetsOf(address: IpAddress): Uint8Array {
  if (familyOf(address) === 6) return toOctets(address);
  const octets = new Uint8Array(4);
  for (let index = 0, at = 0; index < address.length; index += 1) {
    const letter = address.charCodeAt(index);
    if (letter === DOT) at += 1;
    else octets[at] = (octets[at] as number) * 10 + letter - DIGIT_0;
  }
  return octets;
}

function addressOf(octets: Uint8Array): IpAddress {
  return octets.length === 4 ? (octets.join(".") as IpAddress) : fromOctets(octets);
}

function writeStanding(writer: Writer, { life, version }: Standing): void {
  writeU48(writer, life);
  writer.u32(version);
}

function readStanding(reader: Reader, field: string): Standing {
  const life = bounded(readU48(reader, `${field}.life`), CLAIM_LIMITS.life, `${field}.life`);
  return { life, version: reader.u32(`${field}.version`) };
}

function nameOctets(name: string): number {
  return 1 + name.length;
}

/** Names of nodes are host names: letters, digits, dots and hyphens, at most 253. */
function writeName(writer: Writer, name: string): void {
  writer.u8(name.length).bytes(Uint8Array.from(name, (letter) => letter.charCodeAt(0)));
}

function readName(reader: Reader, field: string): string {
  const octets = reader.bytes(reader.u8(field), field);
  if (octets.length === 0) throw new DecodeError("invalid", field, "empty");
  for (const octet of octets) {
    if (octet < 0x21 || octet > 0x7e) throw new DecodeError("invalid", field, "no host name");
  }
  return String.fromCharCode(...octets);
}

function writeU48(writer: Writer, value: number): void {
  writer.u16(Math.floor(value / 2 ** 32)).u32(value % 2 ** 32);
}

function readU48(reader: Reader, field: string): number {
  return reader.u16(field) * 2 ** 32 + reader.u32(field);
}

function begin(kind: keyof typeof KIND, octets: number): Writer {
  return new Writer(new Uint8Array(HEAD_OCTETS + octets)).u8(MAGIC).u8(FORMAT).u8(KIND[kind]);
}

function open(bytes: Uint8Array, kind: number): Reader {
  const reader = new Reader(bytes);
  expectField("claims.magic", reader.u8("claims.magic"), MAGIC);
  expectField("claims.format", reader.u8("claims.format"), FORMAT);
  expectField("claims.kind", reader.u8("claims.kind"), kind);
  return reader;
}

function end<T>(reader: Reader, value: T): T {
  const left = reader.rest().length;
  if (left > 0) throw new DecodeError("trailing", "claims", `${left} octets`);
  return value;
}

function bounded(value: number, max: number, field: string): number {
  if (value > max) throw new DecodeError("oversized", field, `${value}, at most ${max}`);
  return value;
}
