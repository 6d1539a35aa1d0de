import fc from "fast-check";
import { expect, test } from "vitest";
import { compileIgnorePattern } from "../../../../src/domain/truss/ignorePattern.ts";
import { ignoreRule } from "../../../../src/domain/truss/ignoreRule.ts";

/** What the patterns say one after another, each by its whole expression: the last that matches decides. */
function oneByOne(patterns: readonly string[], path: string, isFolder: boolean): boolean {
  const compiled = patterns.map(compileIgnorePattern).filter((pattern) => pattern !== undefined);
  const last = (asked: string) => compiled.findLast(({ expression }) => expression.test(asked))?.leavesOut ?? false;
  return last(path) || (isFolder && last(`${path}/`));
}

const name = fc.constantFrom("a", "b", "ab", "build", "a.pyc", "a.py", "b.log", "é", "😀", "a\nb", ".env", "a[b]");
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));
const glob = fc.constantFrom(
  "a",
  "build",
  "*.py[cod]",
  "*.log",
  "?",
  "*",
  "**",
  "a*",
  "[!a]",
  "[a-z]b",
  "\\*",
  "a\\b",
  "😀",
);
const pattern = fc
  .tuple(
    fc.constantFrom("", "", "", "!"),
    fc.constantFrom("", "", "/"),
    fc.array(glob, { minLength: 1, maxLength: 3 }),
    fc.constantFrom("", "/"),
  )
  .map(([not, root, segments, end]) => `${not}${root}${segments.join("/")}${end}`);

test("asking for single names once for all patterns says what the patterns say one by one", () => {
  fc.assert(
    fc.property(
      fc.array(pattern, { maxLength: 6 }),
      fc.array(fc.tuple(path, fc.boolean()), { minLength: 1, maxLength: 12 }),
      (patterns, paths) => {
        const rule = ignoreRule(patterns);
        for (const [asked, isFolder] of paths) {
          expect(rule(asked, isFolder), JSON.stringify([patterns, asked])).toBe(oneByOne(patterns, asked, isFolder));
        }
      },
    ),
    { numRuns: 5_000 },
  );
});
