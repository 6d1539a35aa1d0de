import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

/** Phrases that were replaced by the plain ones of the field stay out of pages, help and sentences of errors. */

const project = join(import.meta.dirname, "../../..");
const read = (path: string): string => readFileSync(join(project, path), "utf8");

/** What not to write, and what to write instead. */
const replaced: readonly (readonly [RegExp, string])[] = [
  [
    /(?<!there )\bis no (?:phase|list|name|path|key|file|folder|mapping|version|model|whole|number|truss|stack|text|one)\b/i,
    "is not a …",
  ],
  [/\bthat (?:is|are) already there\b/i, "existing"],
  [/\bis none of\b/i, "is not one of"],
  [/\b(?:is|are|was|were) waited for\b/i, "… waits for"],
  [/\bwhat there is\b/i, "usage, or the thing's name"],
  [/\b(?:is|are) told by\b/i, "shows, says"],
  [/\bmade anew\b/i, "recreated"],
  [/\btaken away\b/i, "removed"],
  [/\bwhom it concerns\b/i, "affected users"],
  [/\bcode goes onto\b/i, "saving a file patches"],
  [/\band back again\b/i, "rollback"],
  [/\bthat could not be asked about\b/i, "whose status could not be read"],
  [/\bbegins? anew\b/i, "restarts"],
];

const pages = globSync(["*.md", "docs/**/*.md", ".github/**/*.md"], { cwd: project }).filter(
  // Shows the pairs.
  (page) => page !== "CONTRIBUTING.md",
);

/** Texts in the code, without its comments: what a terminal, a log or an editor may show. */
function textsOf(file: string): string[] {
  // Most files have none of them, and parsing is what takes the time.
  if (found(file, read(file)).length === 0) return [];
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, false);
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node))
      texts.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return texts;
}

function found(place: string, text: string): string[] {
  return replaced.flatMap(([pattern, instead]) => {
    const hit = pattern.exec(text.replaceAll(/\s+/g, " "));
    return hit ? [`${place}: "${hit[0]}"; write: ${instead}`] : [];
  });
}

describe("replaced phrases", () => {
  it("are in no page", () => {
    expect(
      pages.flatMap((page) =>
        read(page)
          .split(/\n{2,}/)
          .flatMap((text) => found(page, text)),
      ),
    ).toEqual([]);
  });

  it("are in no help, error or log line", () => {
    const sources = globSync(["src/**/*.ts", "components/*.ts", "policy/**/*.ts"], { cwd: project });
    expect(sources.flatMap((file) => textsOf(file).flatMap((text) => found(file, text)))).toEqual([]);
  });

  it("would be found", () => {
    expect(found("x", 'menagerie:zoo.iris.phase: "forwrd"\nis no phase')).toHaveLength(1);
    expect(found("x", "there is no phase like it")).toEqual([]);
  });
});
