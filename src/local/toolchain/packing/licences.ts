import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { lastLine } from "../../../domain/lastLine.ts";
import { refuse } from "../refusals.ts";

const run = promisify(execFile);
const licenceFile = /^(licen[cs]e|copying|notice|patents)([.-]|$)/i;

export interface Module {
  readonly path: string;
  readonly version: string;
}

/** The modules that executables were linked from, by what Go wrote into them; each once, sorted. */
export async function linkedModules(
  executables: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<readonly Module[]> {
  const found = new Map<string, Module>();
  for (const executable of executables) {
    const { stdout } = await run("go", ["version", "-m", executable], { env, maxBuffer: 2 ** 26 });
    for (const module of modulesIn(stdout)) found.set(`${module.path}@${module.version}`, module);
  }
  return [...found.keys()].sort().flatMap((key) => found.get(key) ?? []);
}

/** The versions of modules that a module's go.mod selects, replacements in place of what they replace. */
export async function selectedModules(
  folder: string,
  paths: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<readonly Module[]> {
  const format = "{{with .Replace}}{{.Path}} {{.Version}}{{else}}{{.Path}} {{.Version}}{{end}}";
  const chosen = [...new Set(paths)].sort();
  const { stdout } = await run("go", ["list", "-m", "-f", format, ...chosen], {
    cwd: folder,
    env: { ...env, GOWORK: "off" },
  });
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const [path = "", version = ""] = line.split(" ");
      return { path, version };
    });
}

/** Modules of `go version -m`: a replacement by another module counts in place of what it replaces, one by a folder does not. */
export function modulesIn(output: string): readonly Module[] {
  const modules: Module[] = [];
  for (const line of output.split("\n")) {
    const [, kind, path, version] = line.split("\t");
    if (!path || !version || !/^v\d/.test(version)) continue;
    if (kind === "mod" || kind === "dep") modules.push({ path, version });
    else if (kind === "=>") modules.splice(-1, 1, { path, version });
  }
  return modules;
}

/**
 * All licences and notices of the modules, and Go's own, as one text; those of the same wording once, with the modules that they are
 * of. Modules come from Go's module cache, which downloads what it lacks.
 */
export async function licencesOf(modules: readonly Module[], env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout } = await run("go", ["env", "GOMODCACHE", "GOROOT"], { env });
  const [cache = "", root = ""] = stdout.trim().split("\n");
  const texts = new Map<string, string[]>();
  const none: string[] = [];
  const add = async (name: string, folder: string) => {
    const files = (await readdir(folder)).filter((file) => licenceFile.test(file)).sort();
    if (files.length === 0) none.push(name);
    for (const file of files) {
      // Some modules have a folder of that name.
      const text = await readFile(join(folder, file), "utf8").catch(() => undefined);
      if (text !== undefined) texts.set(text, [...(texts.get(text) ?? []), name]);
    }
  };
  await add("The Go standard library", root);
  for (const { path, version } of modules) {
    const folder = join(cache, `${escaped(path)}@${escaped(version)}`);
    await readdir(folder).catch(() => downloadModule(`${path}@${version}`, env));
    await add(`${path} ${version}`, folder);
  }
  const parts = [...texts].map(([text, names]) => `${names.join("\n")}\n\n${text.trim()}\n`);
  if (none.length > 0) parts.push(`Under the licence of the repository that they are a part of:\n${none.join("\n")}\n`);
  return parts.join(`\n${"=".repeat(80)}\n\n`);
}

async function downloadModule(module: string, env: NodeJS.ProcessEnv): Promise<void> {
  await run("go", ["mod", "download", module], { env }).catch((error: { stderr?: string }) => {
    const said = lastLine(error.stderr ?? "") ?? "";
    throw refuse("pack.no-licence", { module, said });
  });
}

/** Upper-case letters in the module cache's folders (https://go.dev/ref/mod#module-cache). */
function escaped(path: string): string {
  return path.replaceAll(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
}
