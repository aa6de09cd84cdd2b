import type { ConfigMistake } from "@herald/shared/errors";
import { type Change, KINDS, type World, withChange, without } from "./change.ts";
import { mistakesIn } from "./mistakes.ts";
import { annotationRemarksOn, remarksOn } from "./remarks.ts";

export interface Verdict {
  /** Why the change is refused; empty: it is let through. */
  readonly refused: readonly ConfigMistake[];
  /** What whoever makes it should know all the same. */
  readonly warned: readonly ConfigMistake[];
}

/**
 * Whether a change leaves the configuration at least as good as it was. It is refused for what it makes wrong, never
 * for what was wrong already or is wrong without the object: nobody is kept from mending one thing by another.
 *
 * What mends itself is no reason to refuse: what is named and not there yet, as objects come in any order (with MetalLB
 * neither), and what the ConfigMap has, too, as somebody may be moving away from it.
 *
 * @param home namespace that objects are read from.
 */
export function judge(change: Change, world: World, home: string): Verdict {
  if (change.namespace !== home) return judgeStranger(change, home);
  const after = withChange(world, change);
  const mistakes = mistakesIn(after);
  const isDeletion = change.operation === "DELETE";
  const remarks = [...remarksOn(after), ...(isDeletion ? [] : annotationRemarksOn(change, after))];
  if (mistakes.length === 0 && remarks.length === 0) return { refused: [], warned: [] };
  const isNew = newsTo(isDeletion ? [world] : [world, without(world, change)]);
  const isOwn = ownedBy(change);
  // Why: what overlaps is told of one pair at a time, so that a deletion may bring another to light.
  const faults = isDeletion ? [] : mistakes.filter((each) => !mendsItself(each) && isNew(each));
  const refused = isDeletion ? referencesTo(change, mistakes.filter(isNew)) : faults;
  const told = [...mistakes, ...remarks].filter((each) => isOwn(each) || (mendsItself(each) && isNew(each)));
  return { refused, warned: refused.length > 0 ? [] : told };
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

/** A BFDProfile stays while a BGPPeer names it, as with MetalLB. All else may be deleted in any order. */
function referencesTo({ plural, object }: Change, lacks: readonly ConfigMistake[]): readonly ConfigMistake[] {
  if (plural !== "bfdprofiles") return [];
  return lacks.filter(mendsItself).map(({ path }) => ({
    path: `${KINDS[plural].kind} ${object.metadata.name}`,
    line: 0,
    message: `cannot be deleted while it is named by ${path}`,
  }));
}

/** Whether something was said of none of these worlds. */
function newsTo(worlds: readonly World[]): (mistake: ConfigMistake) => boolean {
  const known = new Set(worlds.flatMap((world) => [...mistakesIn(world), ...remarksOn(world)]).map(textOf));
  return (mistake) => !known.has(textOf(mistake));
}

function textOf({ path, message }: ConfigMistake): string {
  return JSON.stringify([path, message]);
}

/** Whether something is said of the object itself. */
function ownedBy({ plural, object }: Change): (mistake: ConfigMistake) => boolean {
  const owner = `${KINDS[plural].kind} ${object.metadata.name}`;
  return ({ path }) => path === owner || path.startsWith(`${owner}:`);
}
