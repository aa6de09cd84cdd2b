import type { WouldOutcome } from "@herald/controller/observe";
import type { Finding, Remark } from "./findings.ts";
import type { Report } from "./judge.ts";

/** A report for people. */
export function reportText(report: Report): readonly string[] {
  const { findings, notes } = report;
  const widths = {
    kind: Math.max(0, ...findings.map(({ kind }) => kind.length)),
    name: Math.max(0, ...findings.map(({ name }) => name.length)),
  };
  return [
    ...findings.flatMap((finding) => linesOf(finding, widths)),
    ...(findings.length === 0 ? [] : [""]),
    summaryOf(report),
    ...notes.map((note) => `Note: ${note}`),
  ];
}

/** `0 of 213 addresses would change; 2 Services would be given one; 200 objects the same, 13 differ, none is refused.` */
export function summaryOf({ findings, would, addresses, lost, silent }: Report): string {
  const count = (outcome: WouldOutcome): number => would.filter((each) => each.outcome === outcome).length;
  const verdicts = (verdict: string): number => findings.filter((each) => each.verdict === verdict).length;
  const gains = count("gains");
  const waits = count("waits");
  return [
    `${lost} of ${addresses} addresses would change`,
    ...(silent === 0 ? [] : [`${silent} Services would not be announced any more`]),
    ...(gains === 0 ? [] : [`${gains} Services would be given one`]),
    ...(waits === 0 ? [] : [`${waits} Services would wait for one`]),
    `of ${findings.length} objects ${verdicts("same")} are the same, ${verdicts("differs")} differ, ${verdicts("refused")} are refused.`,
  ].join("; ");
}

/** What `-o json` prints. */
export function reportJson({ findings, would, addresses, lost, silent, notes }: Report): object {
  return { addresses, lost, silent, objects: findings, services: would, notes };
}

function linesOf(
  { verdict, kind, name, remarks }: Finding,
  widths: { readonly kind: number; readonly name: number },
): readonly string[] {
  const head = `${verdict.padEnd(8)} ${kind.padEnd(widths.kind)} ${name.padEnd(widths.name)}`;
  const [only] = remarks;
  if (verdict === "same") return [`${head}  ${only?.text ?? ""}`.trimEnd()];
  return [head.trimEnd(), ...remarks.map((remark) => `${" ".repeat(9)}${sentence(remark)}`)];
}

function sentence({ field, text, link }: Remark): string {
  return `${field === "" ? "" : `${field}: `}${text}${link === "" ? "" : ` (${link})`}`;
}
