import { Document } from "yaml";

/** Objects as YAML text, each a document of its own. Quoted is what kubectl's reader, of YAML 1.1, takes for no text. */
export function yamlText(objects: readonly object[]): string {
  return objects
    .map((object) => new Document(object, { compat: "yaml-1.1" }).toString({ lineWidth: 0 }))
    .join("---\n");
}
