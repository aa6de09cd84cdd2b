import type { ObserveOptions, Would } from "@herald/controller/observe";
import { ANNOTATION_PREFIXES, annotation } from "@herald/shared/service/annotations";
import { servedBy } from "@herald/shared/service/serving";
import { namespaceOf, type ServiceKey, type ServiceView } from "@herald/shared/service/view";
import { differs, type Finding, finding, LINKS, type Remark, refused, same } from "./findings.ts";

/** What would become of Services; of `silences` see `silencesOf`. */
interface Fates {
  readonly would: readonly Would[];
  readonly silences: ReadonlyMap<ServiceKey, Remark>;
}

/** Every Service of type LoadBalancer: whether it keeps its addresses, and whether it will behave otherwise. */
export function judgeServices(
  services: readonly ServiceView[],
  { would, silences }: Fates,
  options: ObserveOptions,
): readonly Finding[] {
  const fates = new Map(would.map((each) => [each.service, each]));
  const sharers = namespacesByKey(services);
  return services.map((view) => {
    const fate = fates.get(view.key);
    if (fate === undefined) return leftAlone(view, options);
    if (fate.reason === "InvalidRequest") {
      return refused("Service", view.key, [{ field: askedIn(view), text: fate.why, link: LINKS.addresses }]);
    }
    const silence = silences.get(view.key);
    const remarks = [
      ...fateRemarks(fate),
      ...(silence === undefined ? [] : [silence]),
      ...(options.sharingAcrossNamespaces ? [] : sharing(view, sharers)),
    ];
    return finding("Service", view.key, remarks);
  });
}

function leftAlone(view: ServiceView, { lbClass }: ObserveOptions): Finding {
  const own =
    view.loadBalancerClass === undefined ? "names no class" : `is of class ${view.loadBalancerClass}`;
  const wanted = servedBy(view, lbClass) ? "" : `, and Herald would serve ${lbClass || "those without one"}`;
  return same("Service", view.key, `left alone: it ${own}${wanted}`);
}

/** What is asked for, as somebody wrote it. */
function askedIn({ loadBalancerIp, annotations }: ServiceView): string {
  if (loadBalancerIp !== "") return "spec.loadBalancerIP";
  const keys = ANNOTATION_PREFIXES.map((prefix) => `${prefix}loadBalancerIPs`);
  return `metadata.annotations["${keys.find((key) => key in annotations) ?? keys[0]}"]`;
}

function fateRemarks({ outcome, has, would, why }: Would): readonly Remark[] {
  const field = "status.loadBalancer.ingress";
  const because = why === "" ? "" : `: ${why}`;
  switch (outcome) {
    case "keeps":
      return [];
    case "changes":
      return [
        differs(`${has.join(" and ")} becomes ${would.join(" and ")}${because}`, LINKS.addresses, field),
      ];
    case "loses":
      return [differs(`${lostOf(has, would)} is taken back${because}`, LINKS.addresses, field)];
    case "gains":
      return [
        differs(
          `is given ${would.filter((each) => !has.includes(each)).join(" and ")}`,
          LINKS.addresses,
          field,
        ),
      ];
    case "waits":
      // Why no difference: it has none now, either.
      return [];
  }
}

function lostOf(has: readonly string[], would: readonly string[]): string {
  return has.filter((address) => !would.includes(address)).join(" and ");
}

/** Namespaces that use a sharing key. */
function namespacesByKey(services: readonly ServiceView[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { key, annotations } of services) {
    const sharingKey = annotation(annotations, "allow-shared-ip") ?? "";
    if (sharingKey === "") continue;
    found.set(sharingKey, (found.get(sharingKey) ?? new Set()).add(namespaceOf(key)));
  }
  return found;
}

function sharing(
  { annotations }: ServiceView,
  sharers: ReadonlyMap<string, ReadonlySet<string>>,
): readonly Remark[] {
  const name = ANNOTATION_PREFIXES.map((prefix) => `${prefix}allow-shared-ip`).find(
    (key) => key in annotations,
  );
  const sharingKey = annotation(annotations, "allow-shared-ip") ?? "";
  if (name === undefined || (sharers.get(sharingKey)?.size ?? 0) < 2) return [];
  const text = `the key "${sharingKey}" is used in several namespaces: it counts inside each of them, unless the pool or --sharing-across-namespaces says otherwise`;
  return [differs(text, LINKS.addresses, `metadata.annotations["${name}"]`)];
}
