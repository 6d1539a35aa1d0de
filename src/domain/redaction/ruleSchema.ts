import { z } from "zod";
import { type RedactionRule, valueKinds } from "./rules.ts";

/** A rule of `redact`, where it is read from outside, such as a stack's outputs or a sample. */
export const redactionRuleSchema: z.ZodType<RedactionRule> = z.strictObject({
  path: z.string().optional(),
  pattern: z.string().optional(),
  kind: z.enum(valueKinds).optional(),
  query: z.string().optional(),
  header: z.string().optional(),
});
