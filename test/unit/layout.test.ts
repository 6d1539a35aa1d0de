import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, it } from "vitest";

/** A test is found from the code that it is about, and runs with the tests of its cost: `test/unit` or `test/integration`. */

const project = join(import.meta.dirname, "../..");
const tests = globSync("**/*.test.ts", { cwd: join(project, "test") });
const mirrored = tests.filter((path) => /^(unit|integration)\//.test(path));

it("every test file belongs to a project of vitest.config.ts", () => {
  expect(mirrored.length).toBeGreaterThan(80);
  expect(tests.filter((path) => !/^(unit|integration|soak)\/|^(local|local\/shared)\/[^/]+$/.test(path))).toEqual([]);
});

it("the folder of a unit or integration test is a folder of src, or of the project", () => {
  const folders = new Set(mirrored.map((path) => dirname(path).split("/").slice(1).join("/")));
  expect(
    [...folders].filter((each) => !existsSync(join(project, "src", each)) && !existsSync(join(project, each))),
  ).toEqual([]);
});

it("names are camelCase, as those of the sources", () => {
  const named = globSync("**/*.ts", { cwd: join(project, "test") }).map((path) => basename(path));
  expect(named.filter((name) => !/^[a-z][A-Za-z0-9]*(\.test|\.bench|\.config)?\.ts$/.test(name))).toEqual([]);
});

it("every component has a test file", () => {
  const components = globSync("components/*.ts", { cwd: project }).filter((file) =>
    readFileSync(join(project, file), "utf8").includes("extends pulumi.ComponentResource"),
  );
  expect(components.length).toBeGreaterThan(20);
  const tested = components.map((file) => join("test/unit", file.replace(/\.ts$/, ".test.ts")));
  expect(tested.filter((file) => !existsSync(join(project, file)))).toEqual([]);
});
