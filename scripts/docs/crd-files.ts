import { CRD_KINDS } from "../../packages/shared/src/config/crd/kinds.ts";
import { crdManifest } from "../../packages/shared/src/config/crd/manifest.ts";
import { yamlText } from "../../packages/shared/src/config/yaml-text.ts";

/** The CustomResourceDefinitions of the chart, by path below the root. */
export const CRD_FILES: readonly (readonly [string, () => string])[] = CRD_KINDS.map((kind) => [
  `charts/herald/files/crds/${kind.plural}.yaml`,
  () => `# Made by npm run docs from packages/shared/src/config/crd.\n${yamlText([crdManifest(kind)])}`,
]);
