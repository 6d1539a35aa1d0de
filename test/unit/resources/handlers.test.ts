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

  it("that divides requests changes where its route gets another host, label, service or path, and not where somebody else sets the weight", async () => {
    const side = (service: string) => ({ versionId: "11", mode: "Standard", service, recorded: false });
    const gateway = { name: "istio-ingress/models", hosts: ["models.example.com"] };
    const names = { name: "iris", namespace: "models", model: "iris", kind: "zoo", managedBy: "stack" };
    const route = { ...names, gateway, old: side("iris-v1"), new: side("iris-v2") };
    const object = "VirtualService models/iris-traffic";
    const declared = { model: "iris", object, weight: 10, route, expected: 4 };
    const diff = async (change: object) =>
      delegateOf("rolloutTraffic").diff?.("1", declared, { ...declared, ...change });
    const changed = { changes: true, replaces: [] };
    for (const other of [
      { gateway: { ...gateway, hosts: ["models.example.org"] } },
      { model: "iris_two" },
      { new: side("iris-v3") },
      { paths: ["/generate"] },
    ])
      expect(await diff({ route: { ...route, ...other } })).toMatchObject(changed);
    expect(await diff({ weight: 25 })).toMatchObject(changed);
    expect(await diff({ expected: 7 })).toMatchObject({ changes: false });
    expect(await diff({ object: "HTTPRoute models/iris-traffic" })).toMatchObject({ replaces: ["object"] });
  });

  // A program declares resources and runs none: it starts without clients of databases and clusters.
  it.each(resources)("%s takes types alone from its handler", (file) => {
    const imports = read(file).match(/^import .*$/gm) ?? [];
    expect(imports.filter((line) => line.includes(".handler.ts") && !line.startsWith("import type "))).toEqual([]);
  });
});
