import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { delegateOf } from "../../../src/providers/registry.ts";

const folder = join(import.meta.dirname, "../../../src/resources");
const read = (file: string): string => readFileSync(join(folder, file), "utf8");
const handlers = globSync("*.handler.ts", { cwd: folder });
const resources = globSync("*.ts", { cwd: folder }).filter(
  (file) => !handlers.includes(file) && file !== "delegatedResource.ts",
);

describe("a dynamic resource", () => {
  it("stands beside its handler", () => {
    expect(resources.length).toBeGreaterThan(10);
    expect(handlers.toSorted()).toEqual(resources.map((file) => file.replace(/\.ts$/, ".handler.ts")).toSorted());
  });

  it.each(resources)("%s has a kind that the registry knows", async (file) => {
    const [, kind = ""] = /super\(\s*"(\w+)"/.exec(read(file)) ?? [];
    expect(await delegateOf(kind).diff?.("1", {}, {})).toEqual({ changes: false, replaces: [] });
  });

  // A program declares resources and runs none: it starts without clients of databases and clusters.
  it.each(resources)("%s takes types alone from its handler", (file) => {
    const imports = read(file).match(/^import .*$/gm) ?? [];
    expect(imports.filter((line) => line.includes(".handler.ts") && !line.startsWith("import type "))).toEqual([]);
  });
});
