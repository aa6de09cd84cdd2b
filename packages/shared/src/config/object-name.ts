const MAX_LENGTH = 253;

const LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);

/** Whether an object of Kubernetes, as a Secret, can have the name: a DNS subdomain (RFC 1123). */
export function isObjectName(text: string): boolean {
  return text.length <= MAX_LENGTH && SUBDOMAIN.test(text);
}
