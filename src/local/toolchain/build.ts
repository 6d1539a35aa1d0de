import { randomBytes } from "node:crypto";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fingerprint, moduleFolder, sourceFiles } from "./fingerprint.ts";
import { downloadStall, runGo } from "./goCommand.ts";
import { type AnyTool, buildEnvironment, buildFlags } from "./tools.ts";
import { trimModules } from "./trimmedModules.ts";

/** What `tool.json` beside built executables says; a folder without it, or with other sizes, is not a build. */
interface BuildRecord {
  readonly version: string;
  /** Executable → size in bytes. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly goVersion: string;
  readonly seconds: number;
}

export interface BuildContext {
  readonly cache: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** Folder in the cache of this tool as pinned now, whether or not it is built. */
export async function buildFolder(tool: AnyTool, cache: string): Promise<string> {
  return join(cache, "tools", `${tool.name}-${await fingerprint(tool)}`);
}

/** The executables in `folder`, or undefined when they are not (completely) there. */
export async function builtBinaries(tool: AnyTool, folder: string): Promise<Record<string, string> | undefined> {
  try {
    const record = JSON.parse(await readFile(join(folder, "tool.json"), "utf8")) as BuildRecord;
    const found: Record<string, string> = {};
    for (const binary of Object.keys(tool.packages)) {
      const file = join(folder, binary);
      if ((await stat(file)).size !== record.sizes[binary]) return undefined;
      found[binary] = file;
    }
    return found;
  } catch {
    return undefined;
  }
}

/** The go command's environment for a tool: the user's, with what the tool adds. */
export function goEnvironment(tool: AnyTool, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const merged: NodeJS.ProcessEnv = { ...env, GOWORK: "off", ...buildEnvironment(tool) };
  if (tool.env?.GONOSUMDB && env.GONOSUMDB) merged.GONOSUMDB = `${tool.env.GONOSUMDB},${env.GONOSUMDB}`;
  return merged;
}

/** A private copy of a tool's module, so that the checkout is never written and other checkouts can build too. */
export interface Workspace {
  readonly folder: string;
  readonly log: string;
}

/** Makes the copy and downloads what the build will need, which is network-bound and overlaps other builds. */
export async function prepareBuild(
  tool: AnyTool,
  context: BuildContext & { readonly onLine?: (line: string) => void },
): Promise<Workspace> {
  const folder = join(context.cache, "tools", `.work-${tool.name}.${process.pid}.${randomBytes(4).toString("hex")}`);
  const log = join(context.cache, "logs", `${tool.name}.log`);
  const from = moduleFolder(tool);
  await mkdir(join(context.cache, "logs"), { recursive: true });
  await writeFile(log, "");
  try {
    for (const file of await sourceFiles(from)) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await copyFile(join(from, file), join(folder, file));
    }
    const { signal, onLine } = context;
    const go = {
      folder,
      env: goEnvironment(tool, context.env),
      purpose: tool.title,
      log,
      signal,
      stallAfter: downloadStall,
      ...(onLine && { onLine }),
    };
    if (tool.embeds) {
      const answer = await runGo({ ...go, arguments: ["mod", "download", "-json", tool.embeds.module] });
      const module = JSON.parse(answer) as { Dir: string };
      for (const file of tool.embeds.files) {
        // Copied by content: the module cache is read-only, and so would be a copy of its mode.
        const bytes = await readFile(join(module.Dir, tool.embeds.folder, file));
        await writeFile(join(folder, file), bytes, { mode: 0o644 });
      }
    }
    await trimModules(tool, go);
    await runGo({ ...go, arguments: ["list", "-deps", "-f", "", ...Object.values(tool.packages)] });
    return { folder, log };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Builds a prepared tool and puts it at `target` in one step. Whatever ends it, the workspace is removed and `target` is
 * either complete or absent; Go's own build cache makes a second run go on where this one stopped.
 */
export async function build(
  tool: AnyTool,
  workspace: Workspace,
  target: string,
  context: BuildContext & { readonly onPackage?: (importPath: string) => void },
): Promise<Record<string, string>> {
  const started = Date.now();
  const output = join(workspace.folder, "out");
  try {
    await mkdir(output);
    const binaries = Object.keys(tool.packages);
    const destination = binaries.length === 1 ? join(output, binaries[0] ?? "") : `${output}/`;
    await runGo({
      folder: workspace.folder,
      env: goEnvironment(tool, context.env),
      purpose: tool.title,
      log: workspace.log,
      signal: context.signal,
      arguments: ["build", "-v", ...buildFlags(tool), "-o", destination, ...Object.values(tool.packages)],
      onLine: (line) => {
        if (!/\s/.test(line)) context.onPackage?.(line);
      },
    });
    const sizes: Record<string, number> = {};
    for (const [binary, path] of Object.entries(tool.packages)) {
      const file = join(output, binary);
      // Into a folder go names executables after their packages.
      if (binaries.length > 1) await rename(join(output, basename(path)), file);
      await chmod(file, 0o755);
      sizes[binary] = (await stat(file)).size;
    }
    const goVersion = (await runGo({ ...quiet(tool, workspace, context), arguments: ["env", "GOVERSION"] })).trim();
    const seconds = Math.round((Date.now() - started) / 1000);
    const record: BuildRecord = { version: tool.version, sizes, goVersion, seconds };
    await writeFile(join(output, "tool.json"), `${JSON.stringify(record, null, 2)}\n`);
    await rm(target, { recursive: true, force: true });
    await rename(output, target);
  } finally {
    await rm(workspace.folder, { recursive: true, force: true });
  }
  const found = await builtBinaries(tool, target);
  if (!found) throw new Error(`${target} is incomplete right after the build of ${tool.title}`);
  return found;
}

/** Removes what killed builds of this tool left behind; call it while holding the tool's lock. */
export async function removeAbandoned(tool: AnyTool, cache: string): Promise<void> {
  const folder = join(cache, "tools");
  for (const entry of await readdir(folder).catch(() => [])) {
    if (entry.startsWith(`.work-${tool.name}.`)) await rm(join(folder, entry), { recursive: true, force: true });
  }
}

function quiet(tool: AnyTool, workspace: Workspace, context: BuildContext) {
  const env = goEnvironment(tool, context.env);
  return { folder: workspace.folder, env, purpose: tool.title, log: workspace.log, signal: context.signal };
}
