import {
  Composer,
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  Parser,
  type Scalar,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import { ConfigError, type ConfigMistake } from "../errors.ts";
import { oldWholeNumber } from "./yaml-number.ts";

/** Where something stands in a document: keys and indices from the top. */
export type DocumentPath = readonly PropertyKey[];

/** A YAML document as plain values that still know their lines. */
export interface YamlDocument {
  /** Maps have no prototype. Entries without a value are left out, as if they had not been written. */
  readonly value: unknown;
  /** 1-based. The line of a map entry is its key's; of what does not exist, that of what should have it. */
  readonly lineOf: (path: DocumentPath) => number;
  /** A plain scalar as it is written (`0123`, `yes`); `undefined` for quoted ones and all else. */
  plainTextAt(path: DocumentPath): string | undefined;
}

/**
 * Reads one YAML 1.2 document, whose whole numbers are those of YAML 1.1. Time and memory are bounded by the length of the text, whatever it says.
 *
 * @throws {ConfigError} for syntax errors, duplicate keys, a second document, recursive anchors, aliases that
 *   multiply and nesting beyond reason. Messages name keys and anchors but never values.
 */
export function readDocument(text: string): YamlDocument {
  if (text.length > MAX_TEXT_LENGTH) {
    throw refusal(`the document has ${text.length} characters, want at most ${MAX_TEXT_LENGTH}`);
  }
  const lines = new LineCounter();
  const documents = compose(text, lines);
  const [document, second] = documents;
  if (document === undefined) return new Reader(lines).read(null);
  const mistakes = document.errors.slice(0, MAX_SYNTAX_MISTAKES).map((error) => syntaxMistake(error, lines));
  if (second !== undefined) {
    const line = lines.linePos(second.range?.[0] ?? text.length).line;
    mistakes.push({ path: "", line, message: "a second document begins here, want only one" });
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return new Reader(lines).read(document.contents);
}

/** `address-pools[0].addresses[1]` */
export function formatPath(path: DocumentPath): string {
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${quoteUnlessPlain(String(part))}`))
    .join("")
    .replace(/^\./, "");
}

/** A ConfigMap holds at most 1 MiB. */
const MAX_TEXT_LENGTH = 1 << 20;
/** After the first few, syntax errors are the consequences of others. */
const MAX_SYNTAX_MISTAKES = 10;
/** Values that come into being by aliases: enough for any honest document. */
const MAX_ALIASED = 10_000;
/** A list of addresses that fills a ConfigMap has fewer. */
const MAX_VALUES = 150_000;
const MAX_DEPTH = 32;

function quoteUnlessPlain(key: string): string {
  return /^[\w./-]+$/.test(key) ? key : JSON.stringify(key.slice(0, 64));
}

function refusal(message: string): ConfigError {
  return new ConfigError([{ path: "", line: 1, message }]);
}

/** The first document and the beginning of a second; gives up early where there is no hope. */
function compose(text: string, lines: LineCounter): readonly Document.Parsed[] {
  const composer = new Composer({ uniqueKeys: false, stringKeys: false, logLevel: "silent" });
  const documents: Document.Parsed[] = [];
  let failures = 0;
  for (const token of new Parser(lines.addNewLine).parse(text)) {
    if (token.type === "error") failures += 1;
    for (const document of composer.next(token)) documents.push(document);
    if (failures > MAX_SYNTAX_MISTAKES || documents.length > 1) break;
  }
  for (const document of composer.end(documents.length === 0, text.length)) documents.push(document);
  return documents;
}

function syntaxMistake({ code, pos }: YAMLError, lines: LineCounter): ConfigMistake {
  return { path: "", line: Math.max(1, lines.linePos(pos[0]).line), message: SYNTAX[code] };
}

/** In our words: the parser's own messages quote the text, which may hold a password. */
const SYNTAX: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: "an alias can have neither anchor nor tag",
  BAD_ALIAS: "this is no valid alias or anchor",
  BAD_COLLECTION_TYPE: "the tag does not go with this kind of collection",
  BAD_DIRECTIVE: "this is no valid directive",
  BAD_DQ_ESCAPE: "this escape does not exist between double quotes",
  BAD_INDENT: "the indentation is wrong",
  BAD_PROP_ORDER: "anchors and tags must come before what they are about",
  BAD_SCALAR_START: "a plain value cannot begin with this character, want quotes around it",
  BLOCK_AS_IMPLICIT_KEY:
    "a map begins in the middle of a line, want quotes around a value that contains `: `",
  BLOCK_IN_FLOW: "a block cannot stand between brackets or braces",
  DUPLICATE_KEY: "the key stands twice",
  IMPOSSIBLE: "the text cannot be read",
  KEY_OVER_1024_CHARS: "the key is too long",
  MISSING_CHAR: "something is missing here: a quote, bracket, brace, comma, colon or space",
  MULTILINE_IMPLICIT_KEY: "a key must stand on one line; a colon may be missing",
  MULTIPLE_ANCHORS: "there can be only one anchor",
  MULTIPLE_DOCS: "a second document begins here, want only one",
  MULTIPLE_TAGS: "there can be only one tag",
  NON_STRING_KEY: "the key is no text",
  RESOURCE_EXHAUSTION: "the document is nested too deeply",
  TAB_AS_INDENT: "a tab indents this line, want spaces",
  TAG_RESOLVE_FAILED: "the tag is unknown or does not go with the value",
  UNEXPECTED_TOKEN: "this is not expected here",
};

/** Turns nodes into values, noting where each came from. */
class Reader implements YamlDocument {
  value: unknown;
  readonly #lines: LineCounter;
  readonly #mistakes: ConfigMistake[] = [];
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<Node>(); // collections that enclose where we are
  readonly #origins = new Map<object, Origin>(); // by value
  #top = 0; // offset of the document's contents
  #aliased = 0;
  #values = 0;

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  read(contents: Node | null): YamlDocument {
    this.#top = contents?.range?.[0] ?? 0;
    this.value = contents === null ? null : this.#valueOf(contents, [], false);
    if (this.#mistakes.length > 0) throw new ConfigError(this.#mistakes);
    return this;
  }

  readonly lineOf = (path: DocumentPath): number => {
    let offset = this.#top;
    let value = this.value;
    for (const part of path) {
      const origin = this.#origins.get(value as object)?.get(part);
      if (origin === undefined) break;
      offset = origin.offset;
      value = (value as Record<PropertyKey, unknown>)[part];
    }
    return this.#lineAt(offset);
  };

  plainTextAt(path: DocumentPath): string | undefined {
    let value = this.value;
    for (const part of path.slice(0, -1)) value = (value as Record<PropertyKey, unknown> | undefined)?.[part];
    const node = this.#origins.get(value as object)?.get(path.at(-1) ?? "")?.node;
    return isScalar(node) && node.type === "PLAIN" ? node.source : undefined;
  }

  #lineAt(offset: number): number {
    return Math.max(1, this.#lines.linePos(offset).line);
  }

  #valueOf(node: Node, path: DocumentPath, aliased: boolean): unknown {
    if (isAlias(node)) return this.#aliasedValue(node.source, node, path);
    if ("anchor" in node && typeof node.anchor === "string") this.#anchors.set(node.anchor, node);
    if (aliased) this.#aliased += 1;
    this.#values += 1;
    if (this.#values > MAX_VALUES) return this.#refuseMany(node);
    if (isScalar(node)) return valueOfScalar(node);
    if (path.length >= MAX_DEPTH) return this.#refuse(node, path, "the document is nested too deeply");
    this.#open.add(node);
    const value = isMap(node)
      ? this.#mapOf(node, path, aliased)
      : isSeq(node)
        ? this.#listOf(node.items, path, aliased)
        : undefined;
    this.#open.delete(node);
    return value;
  }

  #aliasedValue(name: string, alias: Node, path: DocumentPath): unknown {
    const target = this.#anchors.get(name);
    if (target === undefined) return this.#refuse(alias, path, `nothing before has the anchor "${name}"`);
    if (this.#open.has(target)) return this.#refuse(alias, path, `the anchor "${name}" contains itself`);
    if (this.#aliased > MAX_ALIASED) return undefined; // told once, below
    const value = this.#valueOf(target, path, true);
    if (this.#aliased > MAX_ALIASED) this.#refuse(alias, path, "the aliases stand for too much");
    return value;
  }

  #mapOf(map: YAMLMap, path: DocumentPath, aliased: boolean): unknown {
    const value: Record<string, unknown> = Object.create(null);
    const origin: Origin = new Map();
    this.#origins.set(value, origin);
    const merged: unknown[] = [];
    for (const { name, offset, content } of this.#entriesOf(map, path)) {
      const entry = content === undefined ? null : this.#valueOf(content, [...path, name], aliased);
      if (entry === null || entry === undefined) continue;
      if (name === MERGE_KEY) {
        merged.push(...(Array.isArray(entry) ? entry : [entry]));
        continue;
      }
      value[name] = entry;
      origin.set(name, { offset, node: content });
    }
    for (const source of merged) this.#merge(source, value, origin);
    return value;
  }

  /** With their names, none twice. */
  #entriesOf(map: YAMLMap, path: DocumentPath): readonly MapEntry[] {
    const entries = new Map<string, MapEntry>();
    for (const { key, value } of map.items) {
      if (!isScalar(key)) {
        this.#refuse(map, path, "a key is no text");
        continue;
      }
      const name = key.source ?? String(key.value);
      const offset = key.range?.[0] ?? this.#top;
      const earlier = entries.get(name);
      if (earlier === undefined) {
        entries.set(name, { name, offset, content: isNode(value) ? value : undefined });
      } else {
        const line = this.#lineAt(earlier.offset);
        this.#refuse(key, [...path, name], `the key stands twice, first in line ${line}`);
      }
    }
    return [...entries.values()];
  }

  /** Entries of a map that `<<` names, where the map itself does not have them. */
  #merge(source: unknown, value: Record<string, unknown>, origin: Origin): void {
    for (const [name, place] of this.#origins.get(source as object) ?? []) {
      if (typeof name !== "string" || name in value) continue;
      value[name] = (source as Record<string, unknown>)[name];
      origin.set(name, place);
    }
  }

  #listOf(items: readonly unknown[], path: DocumentPath, aliased: boolean): unknown {
    const value: unknown[] = [];
    const origin: Origin = new Map();
    this.#origins.set(value, origin);
    for (const [index, item] of items.entries()) {
      const node = isNode(item) ? item : undefined;
      value.push(node === undefined ? null : this.#valueOf(node, [...path, index], aliased));
      origin.set(index, { offset: node?.range?.[0] ?? this.#top, node });
    }
    return value;
  }

  #refuseMany(node: Node): undefined {
    if (this.#values > MAX_VALUES + 1) return;
    this.#refuse(node, [], `the document has more than ${MAX_VALUES} values`);
  }

  #refuse(node: Node, path: DocumentPath, message: string): undefined {
    if (this.#mistakes.length >= MAX_SYNTAX_MISTAKES) return;
    this.#mistakes.push({
      path: formatPath(path),
      line: this.#lineAt(node.range?.[0] ?? this.#top),
      message,
    });
  }
}

function valueOfScalar({ type, tag, source, value }: Scalar): unknown {
  const isPlain = type === "PLAIN" && tag === undefined;
  return (isPlain ? oldWholeNumber(source ?? "") : undefined) ?? value;
}

/** Where the entries of one map or list stand, by key or index. */
type Origin = Map<PropertyKey, { readonly offset: number; readonly node: Node | undefined }>;

interface MapEntry {
  readonly name: string;
  /** Of the key. */
  readonly offset: number;
  readonly content: Node | undefined;
}

/** YAML 1.1's way to take over another map's entries. */
const MERGE_KEY = "<<";
