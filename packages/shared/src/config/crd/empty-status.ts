import { z } from "zod";

/** Of kinds whose status nobody writes. */
export const EmptyStatus = z.object({}).meta({ description: "Nothing is said here." });
