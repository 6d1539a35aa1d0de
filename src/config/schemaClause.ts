import type { Clause } from "../domain/refusals/clause.ts";

/** Stands in no sentence: values are shown as JSON, which escapes it (U+001F, the unit separator). */
const between = "\u001f";

/** What a schema of a stack's config says of a value, for zod, whose issues carry one text alone. */
export function wrong(problem: string, fix: string): string {
  return `${problem}${between}${fix}`;
}

/** Both halves of what {@link wrong} made; a text of zod's own is the problem. */
export function clauseIn(message: string): Clause {
  const [problem = "", fix = ""] = message.split(between);
  return { problem, fix };
}
