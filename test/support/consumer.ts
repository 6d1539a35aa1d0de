import { execFile } from "node:child_process";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** Programs of other teams: what `pulumi new typescript` gives, with the example of docs/package.md, and the package from its tarball. */

const project = join(import.meta.dirname, "../..");
const template = join(project, "test/fixtures/consumer");
const run = promisify(execFile);

/** How a program is loaded: as Pulumi's template is, or as an ES module. */
export type ModuleKind = "CommonJS" | "ES module";

/** Packs the package into `folder`, as `npm run pack` does; answers the tarball. */
export async function packPackage(folder: string): Promise<string> {
  const { stdout } = await run("npm", ["run", "pack", "--silent", "--", "--pack-destination", folder], {
    cwd: project,
  });
  return join(folder, stdout.trim().split("\n").at(-1) ?? "");
}

/** The program of docs/package.md, as it stands there. */
export async function documentedProgram(): Promise<string> {
  const [, program] = /^```ts\n(.*?)^```$/ms.exec(await readFile(join(project, "docs/package.md"), "utf8")) ?? [];
  if (program === undefined) throw new Error("docs/package.md has no program");
  return program;
}

/** Makes a program in `folder`, without its packages. */
export async function makeConsumer(folder: string, kind: ModuleKind): Promise<void> {
  await cp(template, folder, { recursive: true });
  await mkdir(join(folder, "models"));
  await cp(join(project, "models/iris"), join(folder, "models/flowers"), { recursive: true });
  const program = await documentedProgram();
  await writeFile(
    join(folder, "index.ts"),
    kind === "CommonJS" ? program : program.replace("export = async", "export default async"),
  );
  if (kind === "CommonJS") return;
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as object;
  await writeFile(join(folder, "package.json"), JSON.stringify({ ...manifest, type: "module" }));
}

/** Unpacks the tarball into `folder`. */
async function unpack(tarball: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await run("tar", ["-xzf", tarball, "-C", folder, "--strip-components=1"]);
}

/** Packages that the package asks for: the checkout's own copies of them, of the same versions. */
async function declaredPackages(tarball: string): Promise<string[]> {
  const { stdout } = await run("tar", ["-xzOf", tarball, "package/package.json"]);
  const { dependencies, peerDependencies } = JSON.parse(stdout) as Record<string, Record<string, string>>;
  return Object.keys({ ...dependencies, ...peerDependencies });
}

async function link(name: string, folder: string): Promise<void> {
  const place = join(folder, name);
  await mkdir(dirname(place), { recursive: true });
  await symlink(join(project, "node_modules", name), place);
}

/**
 * Lays the package out in a program's folder as the two package managers do, with the checkout's own packages as what they would fetch: npm
 * puts all of them beside each other; pnpm gives each package what it declares, and nothing else.
 */
export async function layOut(tarball: string, folder: string, manager: "npm" | "pnpm"): Promise<void> {
  const modules = join(folder, "node_modules");
  const ofProgram = ["@pulumi/pulumi", "@types/node", "typescript"];
  const declared = await declaredPackages(tarball);
  if (manager === "npm") {
    await unpack(tarball, join(modules, "menagerie"));
    for (const name of new Set([...ofProgram, ...declared])) await link(name, modules);
    return;
  }
  const own = join(modules, ".pnpm", "menagerie@file", "node_modules");
  await unpack(tarball, join(own, "menagerie"));
  for (const name of declared) await link(name, own);
  for (const name of ofProgram) await link(name, modules);
  await symlink(join(own, "menagerie"), join(modules, "menagerie"));
}

/** Paths of a tarball's files, below `package/`. */
export async function filesOf(tarball: string): Promise<string[]> {
  const { stdout } = await run("tar", ["-tzf", tarball]);
  return stdout
    .trim()
    .split("\n")
    .map((path) => path.replace(/^package\//, ""))
    .sort();
}

/** Records the files that Node.js processes load, whichever way they load them. */
const traceModule = `import { registerHooks } from "node:module";
import { appendFileSync } from "node:fs";
registerHooks({
  load(url, context, next) {
    appendFileSync(process.env.LOADED_FILES, url + "\\n");
    return next(url, context);
  },
});
`;

/** Variables with which Node.js processes record the files that they load, and what reads them. */
export async function loadTrace(folder: string) {
  const [hooks, file] = [join(folder, "trace.mjs"), join(folder, "loaded")];
  await writeFile(hooks, traceModule);
  await writeFile(file, "");
  const env = { NODE_OPTIONS: `--import ${hooks}`, LOADED_FILES: file };
  const loaded = async (): Promise<string[]> => (await readFile(file, "utf8")).trim().split("\n");
  return { env, loaded };
}

/** Files that Node.js refuses to load: it strips no types below node_modules. */
export const isUncompiled = (url: string): boolean => /\/node_modules\/.*\.[cm]?ts$/.test(url);
