import type { z } from "zod";

/** A kind of object of the group metallb.io, as far as the API server must know it. */
export interface CrdKind {
  readonly kind: string;
  readonly plural: string;
  /** What an object of it says, for `kubectl explain` and the docs. */
  readonly about: string;
  /** One of them is stored. */
  readonly versions: readonly CrdVersion[];
}

export interface CrdVersion {
  readonly name: "v1beta1" | "v1beta2";
  readonly isStored: boolean;
  /** What `kubectl` warns of whoever uses this version; `undefined`: it is not deprecated. */
  readonly deprecationWarning?: string;
  /** `undefined`: objects have none. */
  readonly spec?: z.ZodType;
  /** Whether there are no objects without it. */
  readonly needsSpec?: boolean;
  readonly status: z.ZodType | undefined;
  /** What `kubectl get` shows beside the name. */
  readonly columns: readonly Column[];
}

export interface Column {
  readonly name: string;
  readonly type: "boolean" | "date" | "integer" | "string";
  readonly jsonPath: string;
  readonly description: string;
  /** Above 0: only with `--output=wide`. */
  readonly priority?: number;
}

export const GROUP = "metallb.io";
