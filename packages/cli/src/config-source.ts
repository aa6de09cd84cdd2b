import {
  isMap,
  isPair,
  isScalar,
  LineCounter,
  parseAllDocuments,
  type Scalar,
  visit,
  type YAMLMap,
} from "yaml";
import { CommandError } from "./output.ts";

/** A configuration in the format of MetalLB 0.7 to 0.12, found in what an operator gave us. */
export interface ConfigSource {
  readonly text: string;
  /** Of the ConfigMap; `undefined`: it names none, or the text stood by itself. */
  readonly namespace: string | undefined;
  /** `ConfigMap metallb-system/config`; "" for text that stood by itself. */
  readonly name: string;
  /** To add to a line of the text for the line of the file; `undefined` where lines do not go together. */
  readonly linesBefore: number | undefined;
}

/**
 * Finds the configuration in a file: a ConfigMap, also among other objects or in a List, or the text alone that
 * stands in one under `config`.
 *
 * @throws {CommandError} when there are objects, and none or several of them are ConfigMaps with a configuration.
 */
export function findConfig(file: string): ConfigSource {
  const lines = new LineCounter();
  const documents = parseAllDocuments(file, { lineCounter: lines, logLevel: "silent" });
  const objects: YAMLMap[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    if (!isMap(document.contents) || !isScalar(document.contents.get("kind", true))) continue;
    visit(document, { Map: (_, map) => void (map.has("kind") && objects.push(map)) });
  }
  if (objects.length === 0) return { text: file, namespace: undefined, name: "", linesBefore: 0 };
  const found = objects.flatMap((object) => sourceIn(object, lines));
  const [source, second] = found;
  if (source === undefined) {
    const kinds = [...new Set(objects.map((object) => String(object.get("kind"))))].join(", ");
    throw new CommandError(`there is no ConfigMap with a key "config" in it, only ${kinds}`);
  }
  if (second === undefined) return source;
  throw new CommandError(`${found.map(({ name }) => name).join(" and ")}: give one at a time`);
}

function sourceIn(object: YAMLMap, lines: LineCounter): readonly ConfigSource[] {
  if (object.get("kind") !== "ConfigMap") return [];
  const data = object.get("data");
  const pair = isMap(data)
    ? data.items.find(({ key }) => isScalar(key) && key.value === "config")
    : undefined;
  if (!isPair(pair) || !isScalar(pair.value) || typeof pair.value.value !== "string") return [];
  const [namespace, name] = ["namespace", "name"].map((key) => textAt(object, ["metadata", key]));
  const place = namespace === undefined ? (name ?? "") : `${namespace}/${name ?? ""}`;
  return [
    {
      text: pair.value.value,
      namespace,
      name: `ConfigMap ${place}`,
      linesBefore: linesBefore(pair.value, lines),
    },
  ];
}

function textAt(object: YAMLMap, path: readonly string[]): string | undefined {
  const value = object.getIn(path);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Text after `|` keeps its lines, and begins on the next one; of other ways to write text that is not so. */
function linesBefore(scalar: Scalar, lines: LineCounter): number | undefined {
  if (scalar.type !== "BLOCK_LITERAL" || scalar.range == null) return undefined;
  return lines.linePos(scalar.range[0]).line;
}
