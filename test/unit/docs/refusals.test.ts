import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { refusalsPage } from "../../../src/refusals/reference.ts";
import { tables } from "../../../src/refusals/tables.ts";

const root = join(import.meta.dirname, "../../..");
const ids = tables.flatMap((table) => Object.keys(table));
const sources = globSync("{src,components,policy}/**/*.ts", { cwd: root });
const isTable = (file: string): boolean => /(?:^|\/)(?:\w+R|r)efusals\.ts$/.test(file);
const text = (file: string): string => readFileSync(join(root, file), "utf8");

it("docs/refusals.md is up to date (node src/refusals/write.ts)", () => {
  expect(text("docs/refusals.md")).toBe(refusalsPage(tables));
});

it("has each id once", () => {
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
});

it("has every table of the code", () => {
  const declared = sources
    .filter(isTable)
    .flatMap((file) => [...text(file).matchAll(/^ {2}"([a-z0-9-]+\.[a-z0-9-]+)": \{/gm)]);
  expect(declared.length).toBeGreaterThan(400);
  expect(declared.map(([, id]) => id).filter((id) => !ids.includes(String(id)))).toEqual([]);
});

it("has no entry that nothing refuses by", () => {
  const code = sources
    .filter((file) => !isTable(file))
    .map(text)
    .join("\n");
  expect(ids.filter((id) => !code.includes(`"${id}"`))).toEqual([]);
});
