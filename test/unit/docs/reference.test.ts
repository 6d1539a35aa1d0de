import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { apiRoutes } from "../../../src/services/api/routes.ts";
import { loadCommands, withSubcommands } from "../../../tools/reference/commands.ts";
import { platformTables, uncommented } from "../../../tools/reference/database.ts";
import { httpRoutes } from "../../../tools/reference/httpRoutes.ts";
import { rewrite } from "../../../tools/reference/markdown.ts";
import { exportedMetrics } from "../../../tools/reference/metrics.ts";
import { outputDeclarations } from "../../../tools/reference/outputs.ts";
import { generatedPages } from "../../../tools/reference/pages.ts";
import { userVariables } from "../../../tools/reference/variables.ts";

/** The generated pages against the code that they are made from. */

const project = join(import.meta.dirname, "../../..");
const folder = join(project, "docs");

describe("the generated page", () => {
  it.each(Object.entries(generatedPages))("%s is up to date", async (name, generate) => {
    const file = join(folder, name);
    const wanted = await generate();
    // Other tests read the pages meanwhile: one that is right is not written.
    if (process.env.UPDATE_GOLDENS && readFileSync(file, { encoding: "utf8", flag: "a+" }) !== wanted)
      writeFileSync(file, wanted);
    expect(readFileSync(file, "utf8"), `docs/${name} is out of date. Run: ${rewrite}`).toBe(wanted);
  });
});

describe("the command line", () => {
  it("says what every command, argument and option is for", async () => {
    const all = (await loadCommands()).flatMap((command) => withSubcommands(command, "menagerie"));
    expect(all.length).toBeGreaterThan(60);
    const silent = all.flatMap(({ name, command }) => [
      ...(command.description() ? [] : [name]),
      ...command.registeredArguments.filter((each) => !each.description).map((each) => `${name} ${each.name()}`),
      ...command.options.filter((each) => !each.description).map((each) => `${name} ${each.flags}`),
    ]);
    expect(silent).toEqual([]);
  });
});

it("every stack output has a meaning", () => {
  const silent = outputDeclarations().flatMap(({ name, members }) =>
    members.filter(({ about }) => about === "").map((member) => `${name}.${member.name}`),
  );
  expect(silent).toEqual([]);
});

it("every metric of the sources is in the list, with its help", () => {
  const listed = exportedMetrics();
  const sources = globSync("src/services/**/*.ts", { cwd: project }).map((file) =>
    readFileSync(join(project, file), "utf8"),
  );
  const declared = sources.flatMap((text) => [...text.matchAll(/name: "(menagerie_\w+)"/g)].map(([, name]) => name));
  expect(declared.length).toBeGreaterThan(25);
  expect(declared.filter((name) => !listed.some((metric) => metric.name === name))).toEqual([]);
  expect(listed.filter(({ help }) => help === "")).toEqual([]);
});

it("every table of the platform has a meaning, and none twice", () => {
  const tables = platformTables();
  expect(tables.length).toBeGreaterThan(45);
  expect(tables.filter(({ name, about }) => (about === "") === !(name in uncommented))).toEqual([]);
});

it("every variable that people set is one that the code reads", () => {
  const read = globSync(["src/**/*.ts", "bin/*.mjs"], { cwd: project }).map((file) =>
    readFileSync(join(project, file), "utf8"),
  );
  expect(Object.keys(userVariables).filter((name) => !read.some((text) => text.includes(name)))).toEqual([]);
});

it("the HTTP routes are those of the API service", () => {
  const parts = { waking: {}, cluster: {}, pushes: { uploads: {}, deployments: {} }, limits: {} } as never;
  const prefixes = apiRoutes(parts).map(({ prefix }) => prefix);
  const paths = httpRoutes.map(({ call }) => call.split(" ")[1] ?? "");
  expect(prefixes.length).toBeGreaterThan(6);
  expect(prefixes.filter((prefix) => !paths.some((path) => path.startsWith(prefix)))).toEqual([]);
  const own = /^\/(models\/|healthz$|readyz$|metrics$)/;
  expect(paths.filter((path) => !own.test(path) && !prefixes.some((prefix) => path.startsWith(prefix)))).toEqual([]);
});
