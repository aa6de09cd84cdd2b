import { Document } from "yaml";

/** Objects as YAML text, each a document of its own. */
export function yamlText(objects: readonly object[]): string {
  return objects.map((object) => new Document(object).toString({ lineWidth: 0 })).join("---\n");
}
