import { ConfigError, describeMistake } from "../../errors.ts";
import { configFromObjects } from "./config-from-objects.ts";
import { type ConfigObject, type ConfigObjects, NO_OBJECTS } from "./config-objects.ts";

export function object(name: string, spec?: unknown, labels: Record<string, string> = {}): ConfigObject {
  return { metadata: { name, labels }, ...(spec === undefined ? {} : { spec }) };
}

/** Objects for tests: what is not given is not there. */
export function objects(some: Partial<ConfigObjects>): ConfigObjects {
  return { ...NO_OBJECTS, ...some };
}

/** All mistakes in objects, each as a line for people; `(yet)` before those that may mend themselves. */
export function mistakesIn(some: Partial<ConfigObjects>): readonly string[] {
  try {
    configFromObjects(objects(some));
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map(
      (mistake) => `${mistake.transient === true ? "(yet) " : ""}${describeMistake(mistake)}`,
    );
  }
}
