/** A name that an object can have; or what is wrong with the one in the ConfigMap. */
export type ObjectName = { readonly name: string } | { readonly mistake: string };

/**
 * Makes a name out of one of a ConfigMap, where any text is a name, as MetalLB's own converter does: cut off after 63
 * letters, in lower case, `-` for `_`, and without what comes before the first letter. Good names stay as they are.
 */
export function objectName(text: string): ObjectName {
  if (USUAL.test(text)) return { name: text };
  const name = text
    .slice(0, MAX_LENGTH)
    .toLowerCase()
    .replaceAll("_", "-")
    .replace(/^[^a-z]+/, "");
  if (OBJECT_NAME.test(name)) return { name };
  return { mistake: `no object can be called "${text}": rename it in the ConfigMap first` };
}

const MAX_LENGTH = 63;
const USUAL = /^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
/** A DNS name, as the API server wants it. */
const OBJECT_NAME = /^[a-z](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
