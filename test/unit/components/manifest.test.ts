import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

/** What package.json and the index say of the package, to those who read them. */

const project = join(import.meta.dirname, "../../..");
const read = (file: string): string => readFileSync(join(project, file), "utf8");
const { main, exports } = JSON.parse(read("package.json")) as {
  readonly main: string;
  readonly exports: { readonly ".": Readonly<Record<string, string>> };
};

it("Pulumi's SDK starts the stacks' program, and everybody else gets the compiled package", () => {
  // The SDK takes `default` of the main export before `main` (3.259, cmd/run/run.js); Node.js and TypeScript take the first that fits.
  expect(Object.keys(exports["."])).toEqual(["types", "node", "default"]);
  expect(exports["."].default).toBe(`./${main}`);
  expect(exports["."].node).toMatch(/^\.\/dist\/package\//);
});

it("the index exports every component", () => {
  const components = globSync("components/*.ts", { cwd: project }).filter((file) =>
    read(file).includes("extends pulumi.ComponentResource"),
  );
  expect(components.length).toBeGreaterThan(20);
  const index = read("components/index.ts");
  expect(components.filter((file) => !index.includes(file.replace("components/", "./")))).toEqual([]);
});
