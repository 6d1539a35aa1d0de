import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";
import { ofServices } from "../../src/adapters/images/checkoutImage.ts";

/** What holds for every source file, and no linter's rule says. */

const project = join(import.meta.dirname, "../..");
const inProject = (pattern: string): string[] =>
  globSync(pattern, { cwd: project, exclude: (name) => name === "node_modules" });
const everywhere = inProject("{bin,components,policy,src,test,tools}/**/*.{ts,mjs}");
const read = (file: string): string => readFileSync(join(project, file), "utf8");

/** Sorted. Whichever way a file imports it: by `import`, `import()`, `export from` or `require`. */
function filesThatImport(library: string): string[] {
  const isOf = ({ fileName }: ts.FileReference) => fileName === library || fileName.startsWith(`${library}/`);
  const naming = everywhere.filter((file) => read(file).includes(`"${library}`));
  return naming.filter((file) => ts.preProcessFile(read(file), true, true).importedFiles.some(isOf)).sort();
}

type Imports = ReadonlyMap<string, readonly string[]>;

/** Files that import each other in a ring, the first of them again at its end; undefined where there is none. */
function circleIn(imports: Imports): string[] | undefined {
  const done = new Set<string>();
  const follow = (file: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const imported of imports.get(file) ?? []) {
      const circle = follow(imported, [...way, file]);
      if (circle) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const circle = follow(file, []);
    if (circle) return circle;
  }
  return undefined;
}

/** The files of the project that one imports, by their paths in it. */
function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(read(file), true, true);
  return importedFiles.flatMap(({ fileName }) => (fileName.startsWith(".") ? [join(dirname(file), fileName)] : []));
}

/** The same without what Node.js takes away with the types. */
function loadedBy(file: string): string[] {
  if (!file.endsWith(".ts")) return [];
  const { statements } = ts.createSourceFile(file, read(file), ts.ScriptTarget.ESNext);
  const typesOnly = statements.flatMap((each) => {
    const isErased = ts.isImportDeclaration(each)
      ? each.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      : ts.isExportDeclaration(each) && each.isTypeOnly;
    const from = ts.isImportDeclaration(each) || ts.isExportDeclaration(each) ? each.moduleSpecifier : undefined;
    return isErased && from && ts.isStringLiteral(from) ? [join(dirname(file), from.text)] : [];
  });
  return importsOf(file).filter((each) => !typesOnly.includes(each));
}

/**
 * No file can be understood before the others of its circle. Imports of types count too: a type that two files need belongs below both,
 * and a circle of types is one word away from one of code, which Node.js loads half.
 */
it("no files of src and components import each other in a circle", () => {
  const files = everywhere.filter((file) => /^(src|components)\//.test(file));
  const imports = new Map(files.map((file) => [file, importsOf(file)]));
  expect(imports.size).toBeGreaterThan(500);
  expect([...imports.values()].flat().filter((file) => !existsSync(join(project, file)))).toEqual([]);
  expect(circleIn(imports)).toBeUndefined();
  const [from = "", [to = ""] = []] = [...imports].find(([, list]) => list.length > 0) ?? [];
  expect(circleIn(new Map([...imports, [to, [...(imports.get(to) ?? []), from]]]))).toContain(from);
});

it("the stacks' entry is config in, resources and outputs out, in under 40 lines", () => {
  expect(read("src/index.ts").split("\n").length).toBeLessThan(40);
});

/**
 * What a reader of `phase: forward` opens, from the entry to the rows of apps, each below one that imports it. A resource finds its handler by its kind,
 * in the registry.
 */
const fromPhaseToRows = [
  "src/index.ts",
  "src/environment/environment.ts",
  "src/environment/readStack.ts",
  "src/plan/zoo.ts",
  "src/plan/zooModel.ts",
  "src/domain/zoo/effects.ts",
  "src/domain/zoo/phases.ts",
  "src/domain/zoo/rolloutPlan.ts",
  "src/plan/migrations.ts",
  "src/program.ts",
  "components/modelZooEntry.ts",
  "src/resources/zooRollout.ts",
  "src/resources/zooRollout.handler.ts",
  "src/adapters/postgres/zoo/rollouts.ts",
  "src/resources/zooMigration.ts",
  "src/resources/zooMigration.handler.ts",
  "src/adapters/postgres/zoo/migration/run.ts",
  "src/adapters/postgres/zoo/migration/statements.ts",
];

it("each file that leads from a phase in the config to rows is imported by one before it", () => {
  const handlers = (file: string): string[] =>
    file.startsWith("src/resources/") ? [file.replace(/\.ts$/, ".handler.ts")] : [];
  const unled = fromPhaseToRows.filter(
    (file, at) =>
      at > 0 &&
      !fromPhaseToRows.slice(0, at).some((before) => [...importsOf(before), ...handlers(before)].includes(file)),
  );
  expect(unled).toEqual([]);
});

/** What a service imports, also through others, is in its image: a pod that lacks a module ends at once. */
it("services import only what their images hold", () => {
  const services = inProject("src/services/**/*.ts");
  expect(services).toContain("src/services/guard/main.ts");
  const reached = new Set(services);
  for (const file of reached) for (const each of loadedBy(file)) reached.add(each);
  expect(reached.size).toBeGreaterThan(services.length);
  const isHeld = (file: string): boolean => ofServices.some((part) => file === part || file.startsWith(`${part}/`));
  expect([...reached].filter((file) => !isHeld(file))).toEqual([]);
});

/** Paths of the project as comments write them: from its root, from the file's folder, or their last parts. */
const path =
  /(?<![\w@/.$-])(?:(?:bin|components|docs|models|operations|policy|src|test|tools)(?:\/[\w.-]*\w)+|(?:\w[\w.-]*\/)*\w[\w.-]*\.(?:ts|mjs|sql))(?!\w)/g;
const comment = /\/\*[\s\S]*?\*\/|(?<![:"'`\w])\/\/[^\n]*/g;

it("a comment names no file of the project that is not there", () => {
  const known = inProject("{.github,bin,components,docs,models,operations,policy,src,test,tools}/**").map(
    (each) => `/${each}`,
  );
  const isThere = (name: string, file: string): boolean =>
    existsSync(join(project, dirname(file), name)) || known.some((each) => each.endsWith(`/${name}`));
  const named = everywhere.flatMap((file) =>
    [...read(file).matchAll(comment)].flatMap(([text]) => (text.match(path) ?? []).map((name) => ({ file, name }))),
  );
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter(({ name, file }) => !isThere(name, file))).toEqual([]);
});

/**
 * A literal that is spread into another one is no shorter, and TypeScript checks no spelling in it: a property that its type does not have
 * goes unseen. Biome has no such rule.
 */
it("no literal is spread into another one", () => {
  const packed = /\.\.\.\(?\{/;
  expect(packed.test("{ ...{ a }, b }")).toBe(true);
  expect(everywhere.filter((file) => file !== "test/unit/sources.test.ts" && packed.test(read(file)))).toEqual([]);
});

/** Those that edit a file and keep its comments, or tell where in it a value stands. Whoever reads values has js-yaml. */
const treeReaders = [
  "src/adapters/truss/buildContext.ts",
  "src/config/editStackFile.ts",
  "src/config/stackFile.ts",
  "src/config/yamlPlaces.ts",
  "src/domain/truss/pyyaml.ts",
  "test/support/staging/differences.ts",
  "tools/updatePins.ts",
];

it("yaml is imported only where a file's comments or places matter", () => {
  expect(filesThatImport("yaml")).toEqual(treeReaders);
});

/** Workers keep the modules that they have loaded, so what a unit test mocks is mocked or not by the order of files. */
it("no unit test mocks a module", () => {
  const mocking = everywhere.filter((file) => /^test\/unit\//.test(file) && /\bvi\.(do)?mock\(/i.test(read(file)));
  expect(mocking).toEqual([]);
});
