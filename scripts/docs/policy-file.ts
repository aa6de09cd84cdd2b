import { policyValidations } from "../../packages/shared/src/config/crd/admission-policy.ts";
import { CRD_KINDS } from "../../packages/shared/src/config/crd/kinds.ts";
import { yamlText } from "../../packages/shared/src/config/yaml-text.ts";

/** What the chart's ValidatingAdmissionPolicies ask of objects, by plural: the kinds that people write. */
export function policyFile(): string {
  const byPlural = CRD_KINDS.map((kind) => [kind.plural, policyValidations(kind)] as const);
  const asked = Object.fromEntries(byPlural.filter(([, validations]) => validations.length > 0));
  return `# Made by npm run docs from packages/shared/src/config/crd.\n${yamlText([asked])}`;
}
