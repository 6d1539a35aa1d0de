import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { dump } from "js-yaml";
import { create } from "tar";
import { menagerieCache } from "../../src/local/layout.ts";
import { buildFolder, builtBinaries } from "../../src/local/toolchain/build.ts";
import { fillIn, type Release, readReleases } from "../../src/local/toolchain/sources/pins.ts";
import { tools } from "../../src/local/toolchain/tools.ts";
import { sha256 } from "./packedReleases.ts";
import type { ReleaseServer } from "./releaseServer.ts";

const run = promisify(execFile);
const checkout = fileURLToPath(new URL("../..", import.meta.url));

/** A clean clone of this checkout's last commit, with caches and a home of its own, which its user's first command meets. */
export class FirstRun {
  readonly folder: string;
  readonly project: string;
  readonly cache: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.project = join(folder, "clone");
    this.cache = join(folder, "cache");
    this.#env = env;
  }

  /** @param withoutGo puts a `go` first on PATH that fails and tells {@link goCalls} */
  static async create({ withoutGo = false } = {}): Promise<FirstRun> {
    const folder = await mkdtemp(join(tmpdir(), "menagerie-first-"));
    const bin = join(folder, "bin");
    await mkdir(bin);
    if (withoutGo) {
      await writeFile(join(bin, "go"), `#!/bin/sh\necho "$@" >> ${join(folder, "go-calls")}\nexit 1\n`, {
        mode: 0o755,
      });
    }
    const own = {
      MENAGERIE_HOME: join(folder, "home"),
      MENAGERIE_CACHE: join(folder, "cache"),
      GOCACHE: join(folder, "gocache"),
      GOMODCACHE: join(folder, "gomodcache"),
      // Otherwise Go makes the module cache read-only, and nobody can remove it.
      GOFLAGS: "-modcacherw",
      PIP_CACHE_DIR: join(folder, "pip"),
      PATH: [bin, process.env.PATH].join(delimiter),
    };
    const { NODE_COMPILE_CACHE: _, MENAGERIE_TOOLS: __, ...inherited } = process.env;
    const made = new FirstRun(folder, { ...inherited, ...own });
    await run("git", ["clone", "--quiet", "--no-hardlinks", checkout, made.project]);
    return made;
  }

  /** Answers seconds. Throws with what the command said when it fails. */
  async command(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
    const started = performance.now();
    const said = await new Promise<{ code: number | null; text: string }>((resolve, reject) => {
      const options = { cwd: this.project, env: { ...this.#env, ...env } };
      const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
      let text = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (chunk) => {
          text += chunk;
        });
      }
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, text }));
    });
    this.output = said.text;
    if (said.code !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${said.text.slice(-6_000)}`);
    return (performance.now() - started) / 1000;
  }

  /** What the last command printed. */
  output = "";

  menagerie(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
    return this.command(process.execPath, [join("bin", "menagerie.mjs"), ...args], env);
  }

  /** `up` and the first answered prediction. */
  async up(env: NodeJS.ProcessEnv = {}): Promise<{ readonly up: number; readonly prediction: number }> {
    const up = await this.menagerie(["up"], env);
    const log = this.output;
    const prediction = await this.menagerie(["predict", "multiplier", "--data", '{"values": ["3.3"]}'], env);
    this.output = log;
    return { up, prediction };
  }

  /** Lets the clone use the Python layers that this user's cache has, which are not part of what is tested. */
  async sharePython(): Promise<void> {
    await mkdir(this.cache, { recursive: true });
    await symlink(join(menagerieCache(), "python"), join(this.cache, "python"));
  }

  /** Replaces the clone's `tools/releases.yaml`. */
  async pin(releases: readonly Release[]): Promise<void> {
    await writeFile(join(this.project, "tools", "releases.yaml"), dump(releases));
  }

  async goCalls(): Promise<string> {
    return await readFile(join(this.folder, "go-calls"), "utf8").catch(() => "");
  }

  async dispose(): Promise<void> {
    await this.menagerie(["down"]).catch(() => {});
    await rm(this.folder, { recursive: true, force: true });
  }
}

/**
 * Puts this machine's own builds on the server, packed as the hosts pack the releases that are pinned today for this architecture (or
 * as all that `tools/releases.yaml` names), and answers pins for them.
 */
export async function publishOwnBuilds(
  server: ReleaseServer,
  folder: string,
  all: boolean,
): Promise<readonly Release[]> {
  const architecture = process.arch === "arm64" ? "arm64" : "x64";
  const built: Record<string, string> = {};
  for (const tool of tools) {
    Object.assign(built, await builtBinaries(tool, await buildFolder(tool, menagerieCache())));
  }
  const published: Release[] = [];
  for (const release of await readReleases()) {
    if (!release.pins[architecture] && !all) continue;
    const values = { version: release.version, architecture: release.architectures[architecture] };
    const files = Object.entries(release.executables).map(
      ([name, path]) => [fillIn(path, values), built[name] ?? ""] as const,
    );
    const packed = join(folder, `${published.length}.tar.gz`);
    await pack(packed, files);
    const bytes = await readFile(packed);
    let digest = sha256(bytes);
    if (release.archive !== undefined) server.files.set(fillIn(release.archive, values), { file: packed });
    else {
      server.files.set(`v2/${release.image}/blobs/${digest}`, { file: packed });
      const put = (content: unknown) => {
        const text = Buffer.from(JSON.stringify(content));
        server.files.set(`v2/${release.image}/manifests/${sha256(text)}`, text);
        return { digest: sha256(text), size: text.length };
      };
      const manifest = put({ schemaVersion: 2, layers: [{ digest, size: bytes.length }] });
      const platform = { os: "linux", architecture: values.architecture };
      digest = put({ schemaVersion: 2, manifests: [{ ...manifest, platform }] }).digest;
    }
    published.push({ ...release, pins: { [architecture]: { digest, record: "this machine's own build" } } });
  }
  return published;
}

/** A `.tar.gz` of files under the paths that a release has them at. */
async function pack(packed: string, files: readonly (readonly [string, string])[]): Promise<void> {
  const staged = `${packed}.files`;
  for (const [path, source] of files) {
    await mkdir(dirname(join(staged, path)), { recursive: true });
    await run("cp", ["--reflink=auto", source, join(staged, path)]);
  }
  await create(
    { cwd: staged, file: packed, gzip: { level: 1 }, portable: true },
    files.map(([path]) => path),
  );
  await rm(staged, { recursive: true });
}
