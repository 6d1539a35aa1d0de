import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { withLock } from "../../../adapters/processes/lock.mjs";
import type { OperatorError } from "../../../domain/errors.ts";
import { refuse } from "../refusals.ts";
import { Lanes } from "../schedule.ts";
import type { AnyTool } from "../tools.ts";
import { download, downloadName, downloadsFolder, isDownloaded } from "./download.ts";
import { unpackImage } from "./image.ts";
import { mirrorAddress, type ToolsMode } from "./mode.ts";
import { type PinnedRelease, releasesOf } from "./pins.ts";
import { place } from "./place.ts";
import { ReleaseFailure, ReleaseHosts } from "./releaseHost.ts";
import type { Executables, Source, SourceContext } from "./source.ts";
import { unpack } from "./unpack.ts";

/** Parts of downloads that nobody has gone on with for so long are removed. */
const partsKeptMilliseconds = 7 * 24 * 3_600_000;

/**
 * Released executables, by the hashes of `tools/releases.yaml`. A run asks the hosts that it needs once, at the first tool, and says in one
 * line what follows: hosts that do not answer are not asked again.
 */
export class ReleaseSource implements Source {
  readonly #context: SourceContext;
  readonly #mode: Exclude<ToolsMode, "build">;
  readonly #mirror: string | undefined;
  readonly #hosts: ReleaseHosts;
  /** The tools of this run that have pinned releases, and those that will be built in any case. */
  readonly #released = new Map<string, ReadonlyMap<PinnedRelease, readonly string[]>>();
  readonly #built: readonly AnyTool[];
  readonly #titles = new Map<string, string>();
  /** Two, since one connection seldom fills a line. */
  readonly #lanes = new Lanes(2);
  #silent: Promise<ReadonlyMap<string, string>> | undefined;

  /** @param wanted tools that no source before this one has */
  constructor(
    context: SourceContext,
    mode: Exclude<ToolsMode, "build">,
    pinned: readonly PinnedRelease[],
    wanted: readonly AnyTool[],
    hosts = new ReleaseHosts(context.env),
  ) {
    this.#context = context;
    this.#mode = mode;
    this.#mirror = mirrorAddress(context.env);
    this.#hosts = hosts;
    for (const tool of wanted) {
      const releases = releasesOf(tool, pinned);
      if (!releases) continue;
      this.#released.set(tool.name, releases);
      this.#titles.set(tool.name, tool.title);
    }
    this.#built = wanted.filter(({ name }) => !this.#released.has(name));
  }

  async obtain(tool: AnyTool, target: string, say: (detail: string) => void): Promise<Executables | undefined> {
    const releases = this.#released.get(tool.name);
    if (!releases) return undefined;
    say("asking release hosts");
    this.#silent ??= this.#askHosts();
    const silent = await this.#silent;
    const why = [...releases.keys()]
      .map((release) => silent.get(this.#base(release)))
      .find((reason) => reason !== undefined);
    if (why !== undefined) {
      if (this.#mode === "auto") return undefined;
      throw refused(tool, why);
    }
    try {
      return await this.#fetch(tool, releases, target, say);
    } catch (error) {
      if (!(error instanceof ReleaseFailure)) throw error;
      if (this.#mode === "release") throw refused(tool, error.message, error);
      this.#context.progress.note(`${tool.title}: ${error.message}; building it instead`);
      return undefined;
    }
  }

  /** Base → why it does not answer, of those that do not; and the line that says what is done. */
  async #askHosts(): Promise<ReadonlyMap<string, string>> {
    const { signal, progress } = this.#context;
    await removeOldParts(downloadsFolder(this.#context.cache));
    const bases = new Set(
      [...this.#released.values()].flatMap((releases) => [...releases.keys()].map((each) => this.#base(each))),
    );
    const reasons = await Promise.all(
      [...bases].map(async (base) => [base, await this.#hosts.silence(base, signal)] as const),
    );
    const silent = new Map(
      reasons.flatMap(([base, reason]) => (reason === undefined ? [] : [[base, reason] as const])),
    );
    const [downloaded, built]: [string[], string[]] = [[], this.#built.map(({ title }) => title)];
    for (const [name, releases] of this.#released) {
      const title = this.#titles.get(name) ?? name;
      ([...releases.keys()].some((each) => silent.has(this.#base(each))) ? built : downloaded).push(title);
    }
    const doing = [
      ...(downloaded.length > 0 ? [`downloading ${downloaded.join(", ")}`] : []),
      ...(built.length > 0 && (this.#mode === "auto" || silent.size === 0) ? [`building ${built.join(", ")}`] : []),
    ].join("; ");
    const why = silent.size > 0 ? ` (${[...silent.values()].join("; ")})` : "";
    if (doing !== "") progress.note(`MENAGERIE_TOOLS=${this.#mode}: ${doing}${why}`);
    return silent;
  }

  async #fetch(
    tool: AnyTool,
    releases: ReadonlyMap<PinnedRelease, readonly string[]>,
    target: string,
    say: (detail: string) => void,
  ): Promise<Executables> {
    return await place(tool, target, this.#context, async (folder) => {
      for (const [release, executables] of releases) {
        say("waiting for another download");
        await this.#lanes.run(0, () => this.#unpackRelease(release, executables, folder, say));
        for (const name of executables) await assertForThisMachine(join(folder, name), release);
      }
      const digests = [...releases.keys()].map(({ digest }) => digest).join(" ");
      return { version: tool.version, goVersion: "none", seconds: 0, origin: `release ${digests}` };
    });
  }

  async #unpackRelease(
    release: PinnedRelease,
    executables: readonly string[],
    folder: string,
    say: (detail: string) => void,
  ): Promise<void> {
    const { signal, cache } = this.#context;
    const downloads = downloadsFolder(cache);
    const file = join(downloads, downloadName(release.path, release.digest));
    await mkdir(downloads, { recursive: true });
    const onWait = ({ pid }: { pid: number }) =>
      say(pid === process.pid ? "waiting for another download" : `process ${pid} is downloading it, waiting`);
    const wanted = Object.fromEntries(executables.map((name) => [name, release.executables[name] ?? name]));
    await withLock(`${file}.lock`, { signal, onWait }, async () => {
      const options = { hosts: this.#hosts, signal, say };
      const base = this.#base(release);
      if (release.kind === "image") return await unpackImage(base, release, wanted, folder, { ...options, downloads });
      if (!(await isDownloaded(file))) {
        const { digest, size } = release;
        await download(
          file,
          { url: `${base}/${release.path}`, digest, ...(size === undefined ? {} : { size }) },
          options,
        );
      }
      say("unpacking");
      const found = await unpack(file, folder, wanted, signal);
      const missing = executables.filter((name) => !found.includes(name));
      if (missing.length > 0) throw new ReleaseFailure(`${base}/${release.path} does not hold ${missing.join(", ")}`);
      if (!this.#neededAgain(release)) await rm(file, { force: true });
    });
  }

  readonly #used = new Map<PinnedRelease, number>();

  /** Whether another tool of this run takes something out of the same release. */
  #neededAgain(release: PinnedRelease): boolean {
    const used = (this.#used.get(release) ?? 0) + 1;
    this.#used.set(release, used);
    const users = [...this.#released.values()].filter((releases) => releases.has(release)).length;
    return used < users;
  }

  #base(release: PinnedRelease): string {
    return this.#mirror ?? release.base;
  }
}

function refused(tool: AnyTool, reason: string, cause?: unknown): OperatorError {
  return refuse("tools.not-downloaded", { title: tool.title, reason }, cause);
}

async function removeOldParts(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > partsKeptMilliseconds) await rm(join(folder, name), { force: true });
  }
}

/** ELF's e_machine (System V ABI) of the architectures that releases are pinned for. */
const machines: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };

async function assertForThisMachine(file: string, release: PinnedRelease): Promise<void> {
  const handle = await open(file);
  try {
    const header = Buffer.alloc(20);
    await handle.read(header, 0, 20, 0);
    const wanted = machines[process.arch];
    if (header.toString("latin1", 0, 4) !== "\x7fELF" || wanted === undefined) return;
    if (header.readUInt16LE(18) === wanted) return;
    throw new ReleaseFailure(`${basename(file)} of ${release.path} is not an executable for ${process.arch}`);
  } finally {
    await handle.close();
  }
}
