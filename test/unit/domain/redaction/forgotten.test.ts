import { expect, it } from "vitest";
import { holdsValue, jsonPathOf, wantedValue } from "../../../../src/domain/redaction/forgotten.ts";
import { parseFieldPath } from "../../../../src/domain/shadow/fieldPath.ts";

const wanted = (path: string, value: string) => wantedValue(parseFieldPath(path) ?? [], value, undefined);

it.each<[string, string, unknown, boolean]>([
  ["a.b", "x", { a: { b: "x" } }, true],
  ["a.b", "x", { a: [{ b: "y" }, { b: ["x"] }] }, true],
  ["a[*].b", "x", { a: [{ b: "y" }, { b: "x" }] }, true],
  ["a[0]", "x", { a: ["y", "x"] }, false],
  ["a[1]", "x", { a: ["y", "x"] }, true],
  ["a", "12", { a: 12 }, true],
  ["a", "true", { a: true }, true],
  ["a", "true", { a: false }, false],
  ["$", "x", "x", true],
  ["toString", "x", {}, false],
])("%s=%s in %o: %s", (path, value, body, holds) => {
  expect(holdsValue(body, wanted(path, value))).toBe(holds);
});

it("asks PostgreSQL with values as variables, never as a part of the path", () => {
  expect(jsonPathOf(wanted('users[*]["a \\"b"]', '" || true'))).toEqual({
    path: 'lax $."users"[*]."a \\"b" ? (@ == $v0)',
    variables: '{"v0":"\\" || true"}',
  });
});
