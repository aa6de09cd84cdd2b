import type { ConfigMistake } from "@herald/shared/errors";
import { type Change, KINDS, type World, withChange, without } from "./change.ts";
import { type Finding, mistakesIn } from "./mistakes.ts";
import { annotationRemarksOn, remarksOn } from "./remarks.ts";

export interface Verdict {
  /** Why the change is refused; empty: it is let through. */
  readonly refused: readonly ConfigMistake[];
  /** What whoever makes it should know all the same. */
  readonly warned: readonly ConfigMistake[];
}

/** What becomes of a change by which something is named that nothing has. */
export const DANGLING_REFERENCES = ["Warn", "Refuse"] as const;
export type DanglingReferences = (typeof DANGLING_REFERENCES)[number];

/**
 * Whether a change leaves the configuration at least as good as it was. It is refused for what it makes wrong, never
 * for what was wrong already or is wrong without the object: nobody is kept from mending one thing by another.
 *
 * What mends itself is no reason to refuse: what is named and not there yet, as objects come in any order (with MetalLB
 * neither), unless the operator has it so, and what the ConfigMap has, too, as somebody may be moving away from it.
 *
 * @param home namespace that objects are read from.
 */
export function judge(
  change: Change,
  world: World,
  home: string,
  danglingReferences: DanglingReferences = "Warn",
): Verdict {
  if (change.namespace !== home) return judgeStranger(change, home);
  const after = withChange(world, change);
  const mistakes = mistakesIn(after);
  const isDeletion = change.operation === "DELETE";
  const remarks: readonly Finding[] = [
    ...remarksOn(after),
    ...(isDeletion ? [] : annotationRemarksOn(change, after)),
  ];
  const all = [...mistakes, ...remarks];
  if (all.length === 0) return { refused: [], warned: [] };
  const [before, apart] = [textsIn(world), isDeletion ? new Set<string>() : textsIn(without(world, change))];
  const isNew = (each: Finding): boolean => !before.has(textOf(each)) && !apart.has(textOf(each));
  // Why not beside the world without it: an object that no longer has what others name is the cause.
  const dangling = all.filter((each) => each.isDangling === true && !before.has(textOf(each)));
  const isRefused = danglingReferences === "Refuse" || (isDeletion && change.plural === "bfdprofiles");
  const unwanted = isRefused ? dangling : [];
  // Why none of a deletion: what overlaps is told of one pair at a time, and it may bring another to light.
  const faults = isDeletion ? [] : mistakes.filter((each) => !mendsItself(each) && isNew(each));
  const refused = isDeletion ? referencesTo(change, unwanted) : [...faults, ...unwanted];
  if (refused.length > 0) return { refused, warned: [] };
  const isOwn = ownedBy(change);
  const news = new Set([...dangling, ...all.filter((each) => mendsItself(each) && isNew(each))]);
  return { refused, warned: all.filter((each) => isOwn(each) || news.has(each)) };
}

function mendsItself(mistake: ConfigMistake): boolean {
  return mistake.transient === true;
}

/** MetalLB refuses to create objects where nobody reads them; those that are there may change and go. */
function judgeStranger({ operation, plural, object, namespace }: Change, home: string): Verdict {
  if (operation !== "CREATE") return { refused: [], warned: [] };
  const path = `${KINDS[plural].kind} ${object.metadata.name}: metadata.namespace`;
  return {
    refused: [{ path, line: 0, message: `"${namespace}" is read by nobody, want "${home}"` }],
    warned: [],
  };
}

/** A BFDProfile stays while a BGPPeer names it, as with MetalLB. All else may be deleted in any order, unless told. */
function referencesTo({ plural, object }: Change, dangling: readonly Finding[]): readonly ConfigMistake[] {
  return dangling.map(({ path }) => ({
    path: `${KINDS[plural].kind} ${object.metadata.name}`,
    line: 0,
    message: `cannot be deleted while it is named by ${path}`,
  }));
}

/** All that is said of a world. */
function textsIn(world: World): ReadonlySet<string> {
  return new Set([...mistakesIn(world), ...remarksOn(world)].map(textOf));
}

/** Why without what may have been meant: that is another when somebody else's object comes or goes. */
function textOf({ path, message }: ConfigMistake): string {
  return JSON.stringify([path, message.replace(/, did you mean "[^"]*"\?$/, "")]);
}

/** Whether something is said of the object itself. */
function ownedBy({ plural, object }: Change): (mistake: ConfigMistake) => boolean {
  const owner = `${KINDS[plural].kind} ${object.metadata.name}`;
  return ({ path }) => path === owner || path.startsWith(`${owner}:`);
}
