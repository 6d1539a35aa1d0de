import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { anchor } from "../../../tools/reference/markdown.ts";

/** Links of the pages, and the index of docs/README.md. */

const project = join(import.meta.dirname, "../../..");
const read = (path: string): string => readFileSync(join(project, path), "utf8");
const pages = globSync(["*.md", "docs/**/*.md", ".github/**/*.md"], { cwd: project }).sort();

/** Without what stands in blocks and in code, where brackets and parentheses are no link. */
const textOf = (page: string): string => read(page).replaceAll(/^(```|~~~)[\s\S]*?^\1$/gm, "");
const linksOf = (page: string): string[] =>
  [...textOf(page).matchAll(/\]\(([^()\s]+(?:\([^()\s]*\))?[^()\s]*)\)/g)].map(([, target = ""]) => target);

/** Headings as GitHub makes anchors of them: the second of the same text ends in -1. */
function anchorsOf(page: string): Set<string> {
  const seen = new Map<string, number>();
  return new Set(
    [...textOf(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) => {
      const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/&lt;/g, "<");
      const name = anchor(text);
      const before = seen.get(name) ?? 0;
      seen.set(name, before + 1);
      return before === 0 ? name : `${name}-${before}`;
    }),
  );
}

/** What is wrong with a link; undefined for one that resolves. */
function problemOf(page: string, target: string): string | undefined {
  if (/^[a-z]+:/i.test(target)) return undefined;
  const [path = "", fragment] = target.split("#");
  const file = path === "" ? page : relative(project, join(project, dirname(page), path));
  if (!existsSync(join(project, file))) return `${page}: ${target} is not there`;
  if (!fragment || !file.endsWith(".md")) return undefined;
  return anchorsOf(file).has(fragment) ? undefined : `${page}: ${file} has no heading #${fragment}`;
}

describe("the pages", () => {
  it("have links that resolve, with their anchors", () => {
    const links = pages.flatMap((page) => linksOf(page).map((target) => [page, target] as const));
    expect(links.length).toBeGreaterThan(200);
    expect(links.flatMap(([page, target]) => problemOf(page, target) ?? [])).toEqual([]);
  });

  it("have a problem found where there is one", () => {
    expect(problemOf("README.md", "docs/missing.md")).toContain("is not there");
    expect(problemOf("docs/runbooks.md", "#nothing-of-this-name")).toContain("no heading");
  });

  it("that sources name are there", () => {
    const sources = globSync("{bin,components,operations,policy,src,tools}/**/*.{ts,mjs,yml,yaml,sql,json}", {
      cwd: project,
    });
    const named = sources.flatMap((file) =>
      [...read(file).matchAll(/(?<![\w/.-])docs\/[\w/-]+\.md(?:#[\w-]+)?/g)].map(([target]) => ({ file, target })),
    );
    expect(named.length).toBeGreaterThan(10);
    const wrong = named.flatMap(({ file, target }) => (problemOf("README.md", target) ? [`${file}: ${target}`] : []));
    expect(wrong).toEqual([]);
  });
});

/** Files of the repository that a page names in code, whole: no pattern, no placeholder. */
const named =
  /(?<![\w@/.$<*-])(?:bin|components|docs|operations|policy|src|test|tools)\/[\w./-]*\.(?:ts|mjs|sql|md|ya?ml|json|Dockerfile)(?![\w*{])/g;

it("pages name files that are there", () => {
  const files = pages
    .flatMap((page) => (read(page).match(named) ?? []).map((file) => ({ page, file })))
    .filter(({ file }) => !file.includes("NAME"));
  expect(files.length).toBeGreaterThan(150);
  expect(files.filter(({ file }) => !existsSync(join(project, file)))).toEqual([]);
});

it("NOTICE names each module that a build changes", () => {
  const trims = globSync("tools/*/trims.yaml", { cwd: project }).map(read).join("\n");
  const modules = [...trims.matchAll(/^ {2}- module: (\S+)$/gm)].map(([, module = ""]) => module);
  expect(modules.length).toBeGreaterThan(8);
  expect(modules.filter((module) => !read("NOTICE").includes(` ${module}`))).toEqual([]);
});

it("the README is one screen of what it is, and links", () => {
  expect(read("README.md").split("\n").length).toBeLessThan(150);
});

describe("docs/README.md", () => {
  it("links each page once", () => {
    const others = globSync("docs/**/*.md", { cwd: project }).filter((page) => page !== "docs/README.md");
    const linked = linksOf("docs/README.md")
      .map((target) => relative(project, join(project, "docs", target.split("#")[0] ?? "")))
      .filter((path) => path.startsWith("docs/") && path.endsWith(".md"));
    expect(linked.filter((path, at) => linked.indexOf(path) !== at)).toEqual([]);
    expect(linked.sort()).toEqual(others.sort());
  });
});
