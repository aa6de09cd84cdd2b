import type { Pool } from "../config/config.ts";
import { familyOf, type IpAddress, type IpFamily, toBigint } from "../ip/address.ts";
import type { IpRange } from "../ip/range.ts";
import type { AnnotationRemark } from "../service/idle-annotations.ts";
import { NO_RULES, rangesToGiveOut } from "./pool-rules.ts";
import { Space } from "./space.ts";

/** What is said of addresses that a pool reserves and never gives out, of the first 20. */
export function idleReservations({
  ranges,
  avoidBuggyIps,
  rules = NO_RULES,
}: Pick<Pool, "ranges" | "avoidBuggyIps" | "rules">): readonly AnnotationRemark[] {
  if (rules.reserved.length === 0) return [];
  const all = spacesOf(ranges, avoidBuggyIps);
  const givenOut = spacesOf(rangesToGiveOut(ranges, rules), avoidBuggyIps);
  const whyNever = (address: IpAddress): string | undefined => {
    const [family, value] = [familyOf(address), toBigint(address)];
    if (all[family].positionOf(value) === undefined) return "is not in the pool";
    if (givenOut[family].positionOf(value) === undefined) return "is excluded by herald.io/exclude";
    return givenOut[family].isAvoided(value) ? "is avoided by avoidBuggyIPs" : undefined;
  };
  const addresses = new Set(rules.reserved.map(({ address }) => address));
  const idle = [...addresses].flatMap((address) => {
    const why = whyNever(address);
    return why === undefined
      ? []
      : [{ annotation: RESERVE, message: `${address} ${why}, nobody is given it` }];
  });
  return idle.slice(0, MAX_REMARKS);
}

const RESERVE = "herald.io/reserve";
const MAX_REMARKS = 20;

function spacesOf(ranges: readonly IpRange[], avoidBuggyIps: boolean): Readonly<Record<IpFamily, Space>> {
  const space = (family: IpFamily): Space =>
    new Space(
      ranges.filter((range) => range.family === family),
      avoidBuggyIps,
    );
  return { 4: space(4), 6: space(6) };
}
