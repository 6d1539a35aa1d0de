import { mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { withLock } from "../../adapters/processes/lock.mjs";
import type { Progress, ProgressTask } from "../../domain/progress.ts";
import { together } from "../together.ts";
import type { ToolchainParts } from "./arriving.ts";
import {
  type BuildContext,
  build,
  buildFolder,
  builtBinaries,
  prepareBuild,
  removeAbandoned,
  type Workspace,
} from "./build.ts";
import { Forecast, timeLeft } from "./forecast.ts";
import { copyManifests, type Manifests, manifestsFolder, readManifests } from "./manifests.ts";
import { ModuleDownloads } from "./moduleDownloads.ts";
import { presentBinaries } from "./present.ts";
import { refuse } from "./refusals.ts";
import { byUrgency, Lanes, laneCount } from "./schedule.ts";
import { manifestsArePacked, type SourcePlaces, ToolSources, toolsForGo } from "./sources/index.ts";
import { type StaleSource, staleSource } from "./staleSource.ts";
import { type AnyTool, type BinaryNameOf, tekton, tools, withoutBinaries } from "./tools.ts";

export interface GoToolsOptions {
  readonly cache: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
  /** Gets executables and manifests, each as soon as it is there. */
  readonly onArrival?: (parts: Partial<ToolchainParts>) => void;
}

/** Executables and manifests of the embedded environment; builds what is missing. See `gatherToolchain`. */
export async function ensureGoTools(options: GoToolsOptions & { readonly tekton: boolean }): Promise<void> {
  await ensureBinaries(options.tekton ? [...tools, tekton] : tools, options);
}

/** Titles of what Go is still needed for: what is neither there, nor in an installed package, nor in a pinned release. */
export async function missingTools(cache: string, env: NodeJS.ProcessEnv = process.env): Promise<readonly string[]> {
  const states = await Promise.all(tools.map((tool) => stateOf(tool, cache, env)));
  const wanted = states.flatMap((state) => (state.wanted ? [state.wanted] : []));
  const missing = wanted.length > 0 ? (await toolsForGo(wanted, env)).map(({ title }) => title) : [];
  const crds = await manifestsFolder(cache);
  return (await readManifests(crds)) || (await manifestsArePacked(crds, env)) ? missing : [...missing, "CRDs"];
}

/** Ensures some tools only, and the manifests when `manifests` is not false. */
export async function ensureBinaries<Tool extends AnyTool>(
  selected: readonly Tool[],
  options: GoToolsOptions & { readonly manifests?: boolean; readonly places?: SourcePlaces },
): Promise<{ binaries: Partial<Record<BinaryNameOf<Tool>, string>>; manifests?: Manifests }> {
  const { cache, progress, env = process.env, onArrival = () => {} } = options;
  const binaries: Record<string, string> = {};
  let manifests: Manifests | undefined;
  const arrived = (found: Readonly<Record<string, string>>) => {
    Object.assign(binaries, found);
    onArrival(found as Partial<ToolchainParts>);
  };
  const manifestsArrived = (found: Manifests | undefined) => {
    manifests = found;
    if (found) onArrival({ manifests: found });
  };
  const states = await Promise.all(selected.map((tool) => stateOf(tool, cache, env)));
  for (const { found } of states) arrived(found);
  const crds = await manifestsFolder(cache);
  if (options.manifests !== false) manifestsArrived(await readManifests(crds));

  const wanted = states.flatMap((state) => (state.wanted ? [state.wanted] : [])).sort(byUrgency);
  const wantManifests = options.manifests !== false && !manifests;
  if (wanted.length > 0 || wantManifests) {
    await together<unknown[]>(options.signal, (signal) => {
      const context = { cache, env, signal };
      const sources = new ToolSources({ ...context, progress }, wanted, options.places);
      const site = new BuildSite(context, progress, sources, wanted.length + (wantManifests ? 1 : 0));
      const work = wanted.map((tool, rank) => site.makeTool(tool, rank).then(arrived));
      // Small, and needed by the first steps of an environment.
      return wantManifests ? [...work, site.makeManifests(crds, -1).then(manifestsArrived)] : work;
    }).catch((error: unknown) => {
      throw explainCacheFailure(error, cache);
    });
  }
  return { binaries: binaries as Partial<Record<BinaryNameOf<Tool>, string>>, ...(manifests ? { manifests } : {}) };
}

/** What of a tool is there, and what is to be built of it. */
async function stateOf(
  tool: AnyTool,
  cache: string,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly found: Readonly<Record<string, string>>; readonly wanted?: AnyTool }> {
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
  readonly #forecast = new Forecast(laneCount(), availableParallelism());
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
      say("waiting to download");
      const workspace = await this.#downloads.run(rank, () => this.#prepare(tool, say));
      return await this.#compile(tool, rank, workspace, target, say);
    });
  }

  async #prepare(tool: AnyTool, say: Say): Promise<Workspace> {
    const downloads = new ModuleDownloads(this.#context.env);
    say(async () => `downloading ${(await downloads.describe()) ?? ""}`.trimEnd());
    return prepareBuild(tool, { ...this.#context, onLine: (line) => downloads.takeLine(line) });
  }

  async #compile(tool: AnyTool, rank: number, workspace: Workspace, target: string, say: Say) {
    const { name } = tool;
    const left = (before: string) => () => {
      const seconds = this.#forecast.secondsLeft(name);
      return seconds === undefined ? before : `${before}, ${timeLeft(seconds)}`;
    };
    // What another build compiles meanwhile is not left any more: so it is asked again when the turn comes.
    const reckon = async (): Promise<StaleSource | undefined> => {
      const source = await staleSource(tool, workspace, this.#context).catch(() => undefined);
      if (source) this.#forecast.add(name, rank, source.bytes);
      return source;
    };
    try {
      await reckon();
      say(left("waiting for a core"));
      return await this.#builds.run(rank, async () => {
        const source = await reckon();
        this.#forecast.begin(name);
        say(left("compiling"));
        const onPackage = (path: string) => this.#forecast.advance(name, source?.packages.get(path) ?? 0);
        return await build(tool, workspace, target, { ...this.#context, onPackage });
      });
    } finally {
      this.#forecast.end(name);
    }
  }

  makeManifests(folder: string, rank: number): Promise<Manifests> {
    return this.#watched("crds", "CRDs", async (say) => {
      const found = await readManifests(folder);
      if (found) return found;
      if (await this.#sources.obtainManifests(folder)) {
        const packed = await readManifests(folder);
        if (packed) return packed;
      }
      say("downloading");
      return await this.#downloads.run(rank, () => copyManifests(folder, this.#context));
    });
  }

  /** One progress line and one lock around a piece of work. */
  async #watched<T>(lock: string, title: string, work: (say: Say) => Promise<T>): Promise<T> {
    const { cache, signal } = this.#context;
    const task: ProgressTask = this.#progress.begin(title);
    let detail: Detail = "";
    const show = async () => {
      const shown = detail;
      const text = typeof shown === "string" ? shown : await shown();
      if (shown === detail) task.update(text);
    };
    const say = (next: Detail) => {
      detail = next;
      void show();
    };
    const timer = setInterval(() => void show(), 1_000);
    try {
      await mkdir(join(cache, "tools"), { recursive: true });
      const onWait = ({ pid }: { pid: number }) => say(`process ${pid} is building it, waiting`);
      const made = await withLock(join(cache, "tools", `${lock}.lock`), { signal, onWait }, () => work(say));
      this.#left -= 1;
      task.done(this.#left > 0 ? `${this.#left} more to make` : undefined);
      return made;
    } catch (error) {
      task.failed(signal.aborted ? "stopped" : "failed");
      throw error;
    } finally {
      clearInterval(timer);
    }
  }
}

/** What a progress line shows: a text, or what makes it anew each second. */
type Detail = string | (() => string | Promise<string>);
type Say = (detail: Detail) => void;

/** File system errors of the cache folder itself, as a sentence. */
function explainCacheFailure(error: unknown, cache: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return refuse("tools.disk-full", { cache }, error);
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return refuse("tools.cache-not-writable", { cache, code }, error);
  }
  return error;
}
