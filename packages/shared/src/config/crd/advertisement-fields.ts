import type { Column } from "./crd-kind.ts";
import { names, selectors } from "./selectors.ts";

/** Fields that advertisements of both protocols have. */
export const ADVERTISEMENT_FIELDS = {
  ipAddressPools: names(
    "Pools to announce addresses of; together with `ipAddressPoolSelectors`, and without both all pools.",
    "Name of an IPAddressPool; one that does not exist does no harm.",
  ),
  ipAddressPoolSelectors: selectors("Pools to announce addresses of, by their labels."),
  nodeSelectors: selectors("Nodes that may announce, by their labels; by default all."),
  serviceSelectors: selectors("Services to announce the addresses of, by their labels; by default all."),
};

export const POOL_COLUMNS: readonly Column[] = [
  {
    name: "IPAddressPools",
    type: "string",
    jsonPath: ".spec.ipAddressPools",
    description: "Pools that it is for, by name.",
  },
  {
    name: "IPAddressPool Selectors",
    type: "string",
    jsonPath: ".spec.ipAddressPoolSelectors",
    description: "Pools that it is for, by label.",
  },
];

export const NODE_COLUMN: Column = {
  name: "Node Selectors",
  type: "string",
  jsonPath: ".spec.nodeSelectors",
  description: "Nodes that may announce.",
  priority: 10,
};
