import type * as z from "zod";
import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import { show } from "./fields.ts";
import { clauseIn } from "./schemaClause.ts";
import { closest } from "./suggest.ts";

/** Prefix of every key of this project in a stack file. */
export const prefix = "menagerie:";

/** A key as the user writes it: `menagerie:zoo.iris.pool`, list entries as `zones[0]`, odd keys in quotes. */
export function keyPath(path: readonly PropertyKey[]): string {
  const [first, ...rest] = path;
  let key = prefix + String(first ?? "");
  for (const part of rest) {
    if (typeof part === "number") key += `[${part}]`;
    else key += /^[A-Za-z0-9_-]+$/.test(String(part)) ? `.${String(part)}` : `[${show(String(part))}]`;
  }
  return key;
}

/**
 * One refusal per mistake, in the order of the schema.
 * @param above path of what was parsed; default: the whole config
 */
export function schemaRefusals(issues: readonly z.core.$ZodIssue[], above: readonly PropertyKey[] = []): Refusal[] {
  return issues.flatMap((issue) => refusalsOf(issue, above));
}

function refusalsOf(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): Refusal[] {
  const path = [...above, ...issue.path];
  switch (issue.code) {
    case "unrecognized_keys": {
      // The message is the list of known keys: see `mapping` in fields.ts.
      const known = issue.message.split(" ");
      return issue.keys.map((key) => {
        const meant = closest(key, known);
        const change = meant ? `did you mean ${show(meant)}?` : `known keys here are ${known.join(", ")}`;
        return refusal("key.unknown", keyPath([...path, key]), { change });
      });
    }
    case "invalid_union": {
      // Only the mapping among the alternatives can say which of its keys is wrong.
      const inner = issue.errors.find((errors) =>
        errors.some((error) => error.path.length > 0 || error.code === "unrecognized_keys"),
      );
      if (inner) return inner.flatMap((each) => refusalsOf(each, path));
      return [ofValue(path, issue.message)];
    }
    case "invalid_key":
      return issue.issues.map((each) => {
        const { problem, fix: expected } = clauseIn(each.message);
        return refusal("value.bad-name", keyPath(path), { problem, expected });
      });
    default:
      return [ofValue(path, issue.message)];
  }
}

/** A schema's own sentence: see `refusal` in fields.ts, which writes both halves. */
function ofValue(path: readonly PropertyKey[], message: string): Refusal {
  const { problem, fix: expected } = clauseIn(message);
  if (problem === "missing") return refusal("value.missing", keyPath(path), { expected });
  if (problem === "has no value") return refusal("value.none", keyPath(path), { expected });
  return refusal("value.wrong", keyPath(path), { problem, expected });
}
