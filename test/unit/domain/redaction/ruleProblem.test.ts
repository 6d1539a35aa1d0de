import { expect, it } from "vitest";
import { ruleProblem } from "../../../../src/domain/redaction/ruleProblem.ts";
import type { RedactionRule } from "../../../../src/domain/redaction/rules.ts";

it.each<RedactionRule>([
  { path: "messages[*].content" },
  { path: "$" },
  { pattern: "\\bC-[0-9]{8}\\b" },
  { kind: "iban" },
  { query: "user[id]" },
  { header: "x-tenant" },
])("%o can be followed", (rule) => {
  expect(ruleProblem(rule)).toBeUndefined();
});

it.each<[RedactionRule, string]>([
  [{}, "says nothing"],
  [{ path: "a", kind: "email" }, "says path and kind at once"],
  [{ path: "a..b" }, '"a..b" is not a path'],
  [{ pattern: "(a)\\1" }, '"(a)\\\\1" is not a regular expression of RE2, or matches an empty text'],
  [{ kind: "name" as "email" }, '"name" is not a kind of value'],
  [{ query: "a=b" }, '"a=b" is not the name of a query parameter'],
  [{ header: "X-Tenant" }, '"X-Tenant" is not a header\'s name'],
  [{ header: "authorization" }, '"authorization" is never stored, whatever the settings say'],
])("%o is refused", (rule, problem) => {
  expect(ruleProblem(rule)?.problem).toBe(problem);
});
