import { globSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";

/**
 * TypeScript checks no spelling in what is spread into an object: `{ a, ...(x === undefined ? {} : { y: x }) }` compiles where `y` is no
 * property of the object's type, and goes unseen. So each such property is looked up here.
 */

const project = join(import.meta.dirname, "../..");

/** The literals that an expression may come to. `given` leaves out what is undefined. */
function literalsIn(expression: ts.Expression): ts.ObjectLiteralExpression[] {
  let inner = expression;
  while (ts.isParenthesizedExpression(inner) || ts.isAsExpression(inner) || ts.isSatisfiesExpression(inner)) {
    inner = inner.expression;
  }
  if (ts.isObjectLiteralExpression(inner)) return [inner];
  if (ts.isConditionalExpression(inner)) return [...literalsIn(inner.whenTrue), ...literalsIn(inner.whenFalse)];
  if (ts.isBinaryExpression(inner)) return [...literalsIn(inner.left), ...literalsIn(inner.right)];
  if (ts.isCallExpression(inner) && inner.expression.getText() === "given") return inner.arguments.flatMap(literalsIn);
  return [];
}

/** The types that an object may have; undefined where they allow any property. */
function closedTypes(checker: ts.TypeChecker, object: ts.ObjectLiteralExpression): readonly ts.Type[] | undefined {
  const expected = checker.getContextualType(object);
  if (!expected) return undefined;
  const types = expected.isUnion() ? expected.types : [expected];
  const open = ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.TypeParameter | ts.TypeFlags.NonPrimitive;
  const isOpen = (type: ts.Type): boolean =>
    (type.flags & open) !== 0 ||
    checker.getIndexInfosOfType(type).length > 0 ||
    ((type.flags & ts.TypeFlags.Object) !== 0 && checker.getPropertiesOfType(type).length === 0);
  return types.some(isOpen) ? undefined : types;
}

/** Properties of literals that are spread into an object whose type has none of that name, and how many were looked up. */
function hiddenProperties(program: ts.Program) {
  const checker = program.getTypeChecker();
  const hidden: string[] = [];
  let seen = 0;
  const visit = (node: ts.Node): void => {
    ts.forEachChild(node, visit);
    if (!ts.isSpreadAssignment(node)) return;
    const literals = literalsIn(node.expression);
    const types = literals.length > 0 ? closedTypes(checker, node.parent) : undefined;
    if (!types) return;
    for (const { name } of literals.flatMap(({ properties }) => [...properties])) {
      if (!name || !(ts.isIdentifier(name) || ts.isStringLiteral(name))) continue;
      seen += 1;
      if (types.some((type) => checker.getPropertyOfType(type, name.text))) continue;
      const file = node.getSourceFile();
      const { line } = file.getLineAndCharacterOfPosition(name.getStart());
      hidden.push(`${file.fileName.replace(`${project}/`, "")}:${line + 1}: ${name.text}`);
    }
  };
  for (const file of program.getSourceFiles()) {
    if (!file.isDeclarationFile && !file.fileName.includes("/node_modules/")) visit(file);
  }
  return { hidden, seen };
}

function options(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(project, "tsconfig.json"), ts.sys.readFile);
  const { options: read } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, project);
  const { tsBuildInfoFile: _, incremental: __, ...rest } = read;
  return rest;
}

it("sees a property that its type does not have, however it is spread", () => {
  const text = `interface Foo { readonly a: string; readonly x?: number }
declare function given<T>(all: T): T;
declare function take(foo: Foo): void;
export function f(x: number | undefined): Foo {
  take({ a: "", ...(x === undefined ? {} : { b: x }) });
  take({ a: "", ...(x && { c: x }) });
  take({ a: "", ...given({ d: x }) } as Foo);
  const open: Record<string, unknown> = { ...(x ? { anything: x } : {}) };
  return { a: String(open), ...(x ? { x } : { e: 1 }) };
}
`;
  const host = ts.createCompilerHost(options());
  const { getSourceFile } = host;
  host.getSourceFile = (name, ...rest) =>
    name === "/spread.ts"
      ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2024, true)
      : getSourceFile.call(host, name, ...rest);
  const { hidden, seen } = hiddenProperties(ts.createProgram(["/spread.ts"], { ...options(), types: [] }, host));
  expect(hidden.map((each) => each.split(": ").at(-1))).toEqual(["b", "c", "d", "e"]);
  expect(seen).toBe(5);
});

it("no object gets a property by a spread that its type does not have", { timeout: 300_000 }, () => {
  const files = globSync("{components,policy,src,tools}/**/*.ts", {
    cwd: project,
    exclude: (name) => name === "node_modules",
  });
  const program = ts.createProgram(
    files.map((file) => join(project, file)),
    options(),
  );
  const { hidden, seen } = hiddenProperties(program);
  expect(seen).toBeGreaterThan(60);
  expect(hidden).toEqual([]);
});
