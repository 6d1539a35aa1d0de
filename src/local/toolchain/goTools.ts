import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "../../adapters/processes/lock.mjs";
import { OperatorError } from "../../domain/errors.ts";
import type { Progress, ProgressTask } from "../../domain/progress.ts";
import { type BuildContext, build, buildFolder, builtBinaries, prepareBuild, removeAbandoned } from "./build.ts";
import { copyManifests, type Manifests, manifestsFolder, readManifests } from "./manifests.ts";
import { presentBinaries } from "./present.ts";
import { Lanes, laneCount } from "./schedule.ts";
import { ToolSources } from "./sources/index.ts";
import {
  type AnyTool,
  type BinaryName,
  type BinaryNameOf,
  binaryNames,
  type TektonBinaryName,
  tekton,
  tektonBinaryNames,
  tools,
  withoutBinaries,
} from "./tools.ts";

export interface GoToolsOptions {
  readonly cache: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
}

export interface GoTools extends Manifests {
  readonly bin: Readonly<Record<BinaryName, string>>;
  /** Tekton's, where they were asked for. */
  readonly tekton?: Readonly<Record<TektonBinaryName, string>>;
}

/** Executables and manifests of the embedded environment; builds what is missing. See `ensureToolchain`. */
export async function ensureGoTools(options: GoToolsOptions & { readonly tekton?: boolean }): Promise<GoTools> {
  const made = await ensureBinaries(options.tekton ? [...tools, tekton] : tools, options);
  if (!made.manifests) throw new Error("the CRDs were not read");
  return {
    bin: complete(made.binaries, binaryNames),
    ...(options.tekton ? { tekton: complete(made.binaries, tektonBinaryNames) } : {}),
    ...made.manifests,
  };
}

function complete<Name extends BinaryName | TektonBinaryName>(
  binaries: Partial<Record<Name, string>>,
  names: readonly Name[],
): Record<Name, string> {
  for (const name of names) if (!binaries[name]) throw new Error(`no tool in tools.ts builds ${name}`);
  return Object.fromEntries(names.map((name) => [name, binaries[name]])) as Record<Name, string>;
}

/** Titles of what a build would still have to make; empty when neither Go nor network is needed any more. */
export async function missingTools(cache: string, env: NodeJS.ProcessEnv = process.env): Promise<readonly string[]> {
  const states = await Promise.all(tools.map(async (tool) => ({ tool, ...(await stateOf(tool, cache, env)) })));
  const missing = states.filter(({ wanted }) => wanted !== undefined).map(({ tool }) => tool.title);
  return (await readManifests(await manifestsFolder(cache))) ? missing : [...missing, "CRDs"];
}

/** Ensures some tools only, and the manifests when `manifests` is not false. */
export async function ensureBinaries<Tool extends AnyTool>(
  selected: readonly Tool[],
  options: GoToolsOptions & { readonly manifests?: boolean },
): Promise<{ binaries: Partial<Record<BinaryNameOf<Tool>, string>>; manifests?: Manifests }> {
  const env = options.env ?? process.env;
  const states = await Promise.all(selected.map((tool) => stateOf(tool, options.cache, env)));
  const binaries = Object.assign({}, ...states.map((state) => state.found)) as Partial<
    Record<BinaryNameOf<Tool>, string>
  >;
  const crds = await manifestsFolder(options.cache);
  let manifests = options.manifests === false ? undefined : await readManifests(crds);
  const wanted = states.flatMap((state) => (state.wanted ? [state.wanted] : []));
  const wantManifests = options.manifests !== false && !manifests;
  if (wanted.length === 0 && !wantManifests) return { binaries, ...(manifests ? { manifests } : {}) };

  const failure = new AbortController();
  const context: BuildContext = {
    cache: options.cache,
    env,
    signal: AbortSignal.any([options.signal, failure.signal]),
  };
  const sources = new ToolSources({ ...context, progress: options.progress }, wanted);
  const site = new BuildSite(context, options.progress, sources, wanted.length + (wantManifests ? 1 : 0));
  const work = wanted.map(async (tool, rank) => {
    Object.assign(binaries, await site.makeTool(tool, rank));
  });
  if (wantManifests) {
    work.push(
      site.makeManifests(crds, wanted.length).then((made) => {
        manifests = made;
      }),
    );
  }
  for (const piece of work) piece.catch((error: unknown) => failure.abort(error));
  // Not `all`: when one fails, the others' compilers are to be gone before this returns.
  const results = await Promise.allSettled(work);
  options.signal.throwIfAborted();
  if (results.some((result) => result.status === "rejected"))
    throw explainCacheFailure(failure.signal.reason, options.cache);
  return { binaries, ...(manifests ? { manifests } : {}) };
}

/** What of a tool is there, and what is to be built of it. */
async function stateOf(tool: AnyTool, cache: string, env: NodeJS.ProcessEnv) {
  const built = await builtBinaries(tool, await buildFolder(tool, cache));
  if (built) return { found: built };
  const present = await presentBinaries(tool, env);
  const rest = withoutBinaries(tool, new Set(Object.keys(present)));
  if (Object.keys(rest.packages).length === 0) return { found: present };
  const builtRest = await builtBinaries(rest, await buildFolder(rest, cache));
  return builtRest ? { found: { ...present, ...builtRest } } : { found: present, wanted: rest };
}

/** The builds of one call: they share two kinds of lanes, one for downloads and some for compiling. */
class BuildSite {
  readonly #context: BuildContext;
  readonly #progress: Progress;
  readonly #sources: ToolSources;
  readonly #downloads = new Lanes(1);
  readonly #builds = new Lanes(laneCount());
  #left: number;

  constructor(context: BuildContext, progress: Progress, sources: ToolSources, count: number) {
    this.#context = context;
    this.#progress = progress;
    this.#sources = sources;
    this.#left = count;
  }

  makeTool(tool: AnyTool, rank: number): Promise<Record<string, string>> {
    return this.#watched(tool.name, `${tool.title} ${tool.version}`, async (say) => {
      const { cache } = this.#context;
      const target = await buildFolder(tool, cache);
      const built = await builtBinaries(tool, target);
      if (built) return built;
      await removeAbandoned(tool, cache);
      const obtained = await this.#sources.obtain(tool, target, say);
      if (obtained) return obtained;
      say("downloading");
      const workspace = await this.#downloads.run(rank, () => prepareBuild(tool, this.#context));
      say("waiting for a core");
      return await this.#builds.run(rank, () => {
        say("compiling");
        const onPackage = (compiled: number) => say(`${compiled} packages compiled`);
        return build(tool, workspace, target, { ...this.#context, onPackage });
      });
    });
  }

  makeManifests(folder: string, rank: number): Promise<Manifests> {
    return this.#watched("crds", "CRDs", async (say) => {
      const found = await readManifests(folder);
      if (found) return found;
      say("downloading");
      return await this.#downloads.run(rank, () => copyManifests(folder, this.#context));
    });
  }

  /** One progress line and one lock around a piece of work. */
  async #watched<T>(lock: string, title: string, work: (say: (detail: string) => void) => Promise<T>): Promise<T> {
    const { cache, signal } = this.#context;
    const started = Date.now();
    const task: ProgressTask = this.#progress.begin(title);
    let detail = "";
    const show = () => task.update(`${detail}, ${elapsed(started)}, ${this.#left} left`);
    const say = (text: string) => {
      detail = text;
      show();
    };
    const timer = setInterval(show, 1_000);
    try {
      await mkdir(join(cache, "tools"), { recursive: true });
      const onWait = ({ pid }: { pid: number }) => say(`process ${pid} is building it, waiting`);
      const made = await withLock(join(cache, "tools", `${lock}.lock`), { signal, onWait }, () => work(say));
      this.#left -= 1;
      task.done(`${elapsed(started)}, ${this.#left} left`);
      return made;
    } catch (error) {
      task.failed(signal.aborted ? "stopped" : "failed");
      throw error;
    } finally {
      clearInterval(timer);
    }
  }
}

function elapsed(since: number): string {
  const seconds = Math.round((Date.now() - since) / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** File system errors of the cache folder itself, as a sentence. */
function explainCacheFailure(error: unknown, cache: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new OperatorError(
      `the disk of ${cache} is full: free about 8 GB there, or set MENAGERIE_CACHE to a folder with more room, and run this again`,
      { cause: error },
    );
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new OperatorError(
      `the tool cache ${cache} cannot be written (${code}): make it yours, or set MENAGERIE_CACHE to a folder that is`,
      { cause: error },
    );
  }
  return error;
}
