import * as z from "zod";
import { ruleProblem } from "../domain/redaction/ruleProblem.ts";
import { valueKinds } from "../domain/redaction/rules.ts";
import { choice, listOf, mapping } from "./fields.ts";
import { wrong } from "./schemaClause.ts";

const name = (description: string) =>
  z.string({ error: wrong("is not text", "write it in quotes") }).meta({ description });

const rule = mapping(
  {
    path: name(
      "A place in requests and answers: messages[*].content, user.email, $ for the whole body. Everything below it is redacted too. Default: none.",
    ).optional(),
    pattern: name(
      "A regular expression in RE2's syntax: what it matches in texts, keys, query values and headers. Without back references and look-around. Default: none.",
    ).optional(),
    kind: choice(
      valueKinds,
      "Values that are found by what they look like, in the same places. Default: none.",
    ).optional(),
    query: name("A query parameter of the request's URL, by name. Default: none.").optional(),
    header: name("A request header, in lower case, of those that are stored. Default: none.").optional(),
  },
  'write {path: "messages[*].content"}',
  "One rule: exactly one of path, pattern, kind, query and header.",
).refine((given) => ruleProblem(given) === undefined, {
  error: ({ input }) => {
    const { problem, fix } = ruleProblem(input as Parameters<typeof ruleProblem>[0]) ?? { problem: "", fix: "" };
    return wrong(problem, fix);
  },
});

/** `redact` of whatever records predictions. */
export const redact = listOf(
  rule,
  'write [{kind: email}, {path: "messages[*].content"}], or remove the key',
  "Values that are replaced by pseudonyms before a prediction is stored. Default: none.",
);
