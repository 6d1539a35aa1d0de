import { parseFieldPath } from "../../domain/shadow/fieldPath.ts";
import type { ComparisonRules } from "../../domain/shadow/rules.ts";
import { refuse } from "../commands/refusals.ts";

/** What a command line says about differences. */
export interface GivenRules {
  /** Fields that are not compared. */
  readonly ignore: readonly string[];
  /** Numbers are equal when they differ by less than this share of the larger. @default as declared, else exact */
  readonly tolerance?: number;
}

/** The declared rules; those of the command line come on top. @throws OperatorError for text that is not a path of a field. */
export function givenRules({ ignore, tolerance }: GivenRules, declared: ComparisonRules): ComparisonRules {
  const wrong = ignore.find((path) => !parseFieldPath(path));
  if (wrong !== undefined) throw refuse("replay.bad-path", { wrong });
  return {
    ...declared,
    ignore: [...(declared.ignore ?? []), ...ignore],
    ...(tolerance === undefined ? {} : { tolerance: { relative: tolerance } }),
  };
}
