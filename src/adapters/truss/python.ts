import { createHash } from "node:crypto";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../../domain/progress.ts";
import { withLock } from "../processes/lock.mjs";
import { type BasePython, findBasePython } from "./interpreter.ts";
import { packageFailure } from "./packageFailure.ts";
import { bootstrapUv, packageEnvironment } from "./packageSource.ts";
import { makeEnvironment } from "./virtualEnvironment.ts";

/** Python environments that every truss image shares, prepared once per interpreter and pins. */
export interface PythonLayers {
  /** Hash of what the environments are made from: interpreter, architecture and pins. */
  readonly key: string;
  /** Folder of the Python cache: this key's folder and the requirement layers lie in it. */
  readonly root: string;
  readonly python: BasePython;
  /** Virtual environment with the truss library and its CLI. */
  readonly truss: string;
  /** Virtual environment of the control server, which has uv too. */
  readonly control: string;
  /** Virtual environment of the inference server, without any truss's own requirements. */
  readonly inference: string;
  /** Absolute path of the pinned `uv`. */
  readonly uv: string;
}

/** Where and how Python environments are prepared. */
export interface PythonOptions {
  /** Cache folder, shared by all environments of a user; everything lies below `<cache>/python`. */
  readonly cache: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Environment variables to work with. @default process.env */
  readonly env?: NodeJS.ProcessEnv;
  /** Whether no code of a truss's packages may run here: those without a wheel, which would be built, are refused. @default false */
  readonly wheelsOnly?: boolean | undefined;
}

const environments = ["cli", "control", "inference"] as const;

/** Pins of one of the environments: the committed text of `requirements/<name>.txt`. */
export function pinsOf(name: (typeof environments)[number]): Promise<string> {
  return readFile(join(import.meta.dirname, "requirements", `${name}.txt`), "utf8");
}

/**
 * Prepares the three environments, or finds them prepared. Each appears by one rename, so a second call continues where
 * an interrupted one stopped; two processes at once do the work once.
 * @throws OperatorError when no Python fits, or with uv's last line when packages cannot be installed.
 */
export async function ensurePythonLayers(options: PythonOptions): Promise<PythonLayers> {
  const { progress, signal, env = process.env } = options;
  const root = join(options.cache, "python");
  const python = await findBasePython(env, signal);
  const pins = await Promise.all(environments.map(pinsOf));
  const key = shortHash(python.version, python.prefix, process.arch, ...pins);
  const folder = join(root, key);
  const layers: PythonLayers = {
    key,
    root,
    python,
    truss: join(folder, "cli"),
    control: join(folder, "control"),
    inference: join(folder, "inference"),
    uv: join(folder, "cli", "bin", "uv"),
  };
  if (await allPrepared(folder)) return layers;

  const task = progress.begin("Python environments");
  try {
    await mkdir(root, { recursive: true });
    await withLock(
      `${folder}.lock`,
      { signal, onWait: () => task.update("another process prepares them") },
      async () => {
        if (await allPrepared(folder)) return;
        const uvEnv = await packageEnvironment(env, python.executable, signal);
        task.update("uv");
        const uv = await bootstrapUv(join(root, "uv"), python, uvEnv, await pinnedUv(), signal);
        let left = environments.length;
        const describe = (): void => task.update(`${left} of ${environments.length} left`);
        describe();
        await Promise.all(
          environments.map(async (name, index) => {
            await makeEnvironment({
              folder: join(folder, name),
              uv,
              python: python.executable,
              requirements: pins[index] ?? "",
              packageCache: join(root, "packages"),
              env: uvEnv,
              signal,
            });
            left -= 1;
            describe();
          }),
        );
      },
    );
    task.done(`Python ${python.version}`);
    return layers;
  } catch (error) {
    task.failed();
    throw packageFailure("the Python environments of truss", error, signal);
  }
}

/** First 16 hex digits of SHA-256 over texts, each with its length. */
export function shortHash(...texts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${Buffer.byteLength(text)}:`).update(text);
  return hash.digest("hex").slice(0, 16);
}

async function allPrepared(folder: string): Promise<boolean> {
  const found = await Promise.all(environments.map((name) => stat(join(folder, name)).catch(() => undefined)));
  return found.every((info) => info?.isDirectory());
}

/** The uv that the environments are made with, as a requirement: `uv==1.2.3`. */
export async function pinnedUv(): Promise<string> {
  const line = (await pinsOf("cli")).split("\n").find((text) => text.startsWith("uv=="));
  if (!line) throw new Error("requirements/cli.txt pins no uv");
  return line.trim();
}
