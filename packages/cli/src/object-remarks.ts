import type { ConfigObject } from "@herald/shared/config/objects/config-objects";
import { familyOf, parseAddress } from "@herald/shared/ip/address";
import { annotation } from "@herald/shared/service/annotations";
import { matchesSelector } from "@herald/shared/service/label-selector";
import type { ClusterReading } from "./cluster-reading.ts";
import { differs, LINKS, type Remark } from "./findings.ts";
import type { Workload } from "./workloads.ts";

/** What is different of an object of metallb.io that can be read, in this cluster. */
export function remarksOn(kind: string, object: ConfigObject, reading: ClusterReading): readonly Remark[] {
  const spec = (object.spec ?? {}) as Spec;
  return RULES.filter((rule) => rule.kind === kind && rule.applies(spec, reading)).map(
    ({ field, text, link }) => differs(text, link, field),
  );
}

/** As far as the rules look; the parser has been over it. */
interface Spec {
  readonly interfaces?: readonly string[];
  readonly preferredNodeSelectors?: readonly object[];
  readonly serviceSelectors?: readonly object[];
  readonly serviceAllocation?: {
    readonly namespaces?: readonly string[];
    readonly namespaceSelectors?: readonly Selector[];
  };
  readonly holdTime?: string;
  readonly keepaliveTime?: string;
  readonly localPref?: number;
  readonly myASN?: number;
  readonly peerASN?: number;
  readonly localASN?: number;
  readonly peerAddress?: string;
  readonly sourceAddress?: string;
  readonly passwordSecret?: { readonly name?: string };
  readonly echoMode?: boolean;
}

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: Parameters<typeof matchesSelector>[0]["matchExpressions"];
}

interface Rule {
  readonly kind: string;
  readonly field: string;
  readonly applies: (spec: Spec, reading: ClusterReading) => boolean;
  readonly text: string;
  readonly link: string;
}

const RULES: readonly Rule[] = [
  {
    kind: "IPAddressPool",
    field: "spec.serviceAllocation.namespaceSelectors",
    applies: ({ serviceAllocation }, { namespaces }) => {
      const { namespaces: named = [], namespaceSelectors: selectors = [] } = serviceAllocation ?? {};
      if (selectors.length === 0 || named.length > 0) return false;
      return !namespaces.some(({ labels }) => selectors.some((each) => matchesSelector(whole(each), labels)));
    },
    text: "matches no namespace: nobody may use the pool, where MetalLB gives it to whoever asks for it",
    link: LINKS.addresses,
  },
  {
    kind: "L2Advertisement",
    field: "spec.interfaces",
    applies: ({ interfaces = [] }) => interfaces.length > 0,
    text: "a node that has none of these interfaces up is not elected, where MetalLB elects it and is silent",
    link: LINKS.announcing,
  },
  {
    kind: "L2Advertisement",
    field: "spec.preferredNodeSelectors",
    applies: ({ preferredNodeSelectors = [] }) => preferredNodeSelectors.length > 0,
    text: "a preferred node that returns takes its addresses back after --fail-back-after, not at once",
    link: LINKS.announcing,
  },
  {
    kind: "L2Advertisement",
    field: "spec.serviceSelectors",
    applies: ({ serviceSelectors = [] }, { services }) =>
      serviceSelectors.length > 0 &&
      services.some(({ annotations }) => annotation(annotations, "allow-shared-ip") !== undefined),
    text: "does not announce Services that may share their address, as MetalLB after 0.16.1; earlier ones do",
    link: LINKS.announcing,
  },
  {
    kind: "BGPAdvertisement",
    field: "spec.localPref",
    applies: ({ localPref }, { objects }) =>
      (objects.get("BGPAdvertisement") ?? []).some(
        ({ spec }) => ((spec as Spec | undefined)?.localPref ?? 0) !== (localPref ?? 0),
      ),
    text: "where advertisements of different preference meet in one prefix, the highest is told; MetalLB withholds the Service",
    link: LINKS.routers,
  },
  {
    kind: "BGPPeer",
    field: "spec.holdTime",
    applies: ({ holdTime, keepaliveTime }, { workloads }) =>
      holdTime === undefined && keepaliveTime === undefined && workloads.some(({ bgp }) => bgp !== "native"),
    text: "is not set: 90s and a keepalive every 30s, where FRR has 180s and 60s",
    link: LINKS.configuration,
  },
  {
    kind: "BGPAdvertisement",
    field: "spec.localPref",
    applies: ({ localPref = 0 }, { objects, workloads }) =>
      localPref === 0 &&
      !workloads.some(({ bgp }) => bgp !== "native") &&
      (objects.get("BGPPeer") ?? []).some(({ spec }) => {
        const { myASN, peerASN } = (spec ?? {}) as Spec;
        return myASN === peerASN;
      }),
    text: "is not set: peers within the AS are told 100, where MetalLB's native mode tells 0",
    link: LINKS.bgp,
  },
  {
    kind: "BGPPeer",
    field: "spec.localASN",
    applies: ({ localASN = 0 }, { workloads }) => localASN !== 0 && workloads.some(isFrrK8s),
    text: "counts, where MetalLB with frr-k8s drops it in silence",
    link: LINKS.bgp,
  },
  {
    kind: "BGPPeer",
    field: "spec.sourceAddress",
    applies: ({ sourceAddress = "" }, { workloads }) => sourceAddress !== "" && workloads.some(isFrrK8s),
    text: "counts, where MetalLB with frr-k8s drops it in silence",
    link: LINKS.bgp,
  },
  {
    kind: "BGPPeer",
    field: "spec.sourceAddress",
    applies: ({ peerAddress = "", sourceAddress = "" }) =>
      peerAddress !== "" && sourceAddress !== "" && isIpv6(peerAddress) !== isIpv6(sourceAddress),
    text: "is of another family than peerAddress: no session with this router",
    link: LINKS.bgp,
  },
  {
    kind: "BGPPeer",
    field: "spec.passwordSecret.name",
    applies: ({ passwordSecret }) => (passwordSecret?.name ?? "") !== "",
    text: "no session without the right to read that Secret: name it in speaker.passwordSecrets, where MetalLB may read all of the namespace",
    link: LINKS.check,
  },
  {
    kind: "BFDProfile",
    field: "spec.echoMode",
    applies: ({ echoMode = false }) => echoMode,
    text: "the router may send echo packets, Herald sends none",
    link: LINKS.bfd,
  },
];

function isIpv6(address: string): boolean {
  const parsed = parseAddress(address);
  return parsed !== undefined && familyOf(parsed) === 6;
}

function isFrrK8s({ bgp }: Workload): boolean {
  return bgp === "frr-k8s";
}

function whole({ matchLabels = {}, matchExpressions = [] }: Selector) {
  return { matchLabels, matchExpressions };
}
