import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { maskedText } from "../../domain/credentials/maskedText.ts";
import { requirementName } from "../../domain/truss/requirements.ts";
import { withLock } from "../processes/lock.mjs";
import { type BasePython, minorVersion, probePython } from "./interpreter.ts";
import { packageFailure } from "./packageFailure.ts";
import { packageEnvironment } from "./packageSource.ts";
import { run } from "./process.ts";
import { type PythonLayers, type PythonOptions, pinsOf, shortHash } from "./python.ts";
import { refuse } from "./refusals.ts";
import { makeEnvironment, noBuilds } from "./virtualEnvironment.ts";

/** An inference server's environment with a truss's own requirements. */
export interface RequirementLayer {
  /** Hash of the base and the resolved requirements: equal lists share one layer. */
  readonly key: string;
  /** The virtual environment. */
  readonly folder: string;
  readonly python: BasePython;
}

/** What a truss asks of its inference environment. */
export interface RequirementRequest {
  /** Name of the truss, for messages. */
  readonly name: string;
  /** Python version, such as `3.11`. When this machine has none, the base one is taken and a note says so. */
  readonly pythonVersion: string;
  /** Lines of a pip requirements file. */
  readonly requirements: readonly string[];
}

/**
 * The inference environment plus a truss's own requirements, which win over the inference server's, as in the truss
 * library's images. The list is resolved once and kept, so a change of code installs nothing.
 * @throws OperatorError with uv's last line when the requirements cannot be had.
 */
export async function ensureRequirementLayer(
  layers: PythonLayers,
  request: RequirementRequest,
  options: PythonOptions,
): Promise<RequirementLayer> {
  const { progress, signal, env = process.env, wheelsOnly = false } = options;
  for (const line of request.requirements) {
    refuseLocal(line, request.name);
    if (wheelsOnly) refuseUnsafe(line, request.name);
  }
  const python = await interpreterFor(layers, request, options);
  const isBase = python.executable === layers.python.executable;
  if (isBase && request.requirements.length === 0) return { key: layers.key, folder: layers.inference, python };

  // With wheels alone the answer may be another one.
  const asked = wheelsOnly ? ["wheels only"] : [];
  const question = shortHash(layers.key, python.version, python.prefix, ...asked, ...request.requirements);
  const lockFile = join(layers.root, "resolved", `${question}.txt`);
  const known = await readFile(lockFile, "utf8").catch(() => undefined);
  if (known !== undefined) {
    const layer = layerOf(layers, python, known);
    if (await stat(layer.folder).catch(() => undefined)) return layer;
  }

  const task = progress.begin(`requirements of ${request.name}`);
  try {
    const uvEnv = await packageEnvironment(env, layers.python.executable, signal);
    const layer = await withLock(
      `${lockFile}.lock`,
      { signal, onWait: () => task.update("another process installs them") },
      async () => {
        task.update("resolving");
        const resolved =
          (await readFile(lockFile, "utf8").catch(() => undefined)) ??
          (await resolve(layers, python, request.requirements, { env: uvEnv, lockFile, signal, wheelsOnly }));
        const found = layerOf(layers, python, resolved);
        task.update("installing");
        await makeEnvironment({
          folder: found.folder,
          uv: layers.uv,
          python: python.executable,
          requirements: resolved,
          wheelsOnly,
          packageCache: join(layers.root, "packages"),
          env: uvEnv,
          signal,
          onLine: (line) => {
            if (/^(Resolved|Downloading|Building|Prepared|Installed|Bytecode)/.test(line)) task.update(line);
          },
        });
        return found;
      },
    );
    task.done();
    return layer;
  } catch (error) {
    task.failed();
    throw packageFailure(`requirements of truss "${request.name}"`, error, signal);
  }
}

function layerOf(layers: PythonLayers, python: BasePython, resolved: string): RequirementLayer {
  const key = shortHash(layers.key, python.version, python.prefix, resolved);
  return { key, folder: join(layers.root, "requirements", key), python };
}

interface Resolving {
  readonly env: NodeJS.ProcessEnv;
  readonly lockFile: string;
  readonly signal: AbortSignal;
  readonly wheelsOnly: boolean;
}

/** Resolves once and keeps the answer. The base's pins are preferences: only what the requirements force differs. */
async function resolve(
  layers: PythonLayers,
  python: BasePython,
  requirements: readonly string[],
  { env, lockFile, signal, wheelsOnly }: Resolving,
): Promise<string> {
  await mkdir(join(layers.root, "resolved"), { recursive: true });
  const stem = `${lockFile}.${randomBytes(6).toString("hex")}`;
  const [input, output] = [`${stem}.in`, `${stem}.out`];
  const options = requirements.filter((line) => line.startsWith("-"));
  const templates = await templatesFolder(layers);
  try {
    const base = await serverRequirements(templates, python, requirements);
    await writeFile(input, `${[...requirements, ...base].join("\n")}\n`);
    await writeFile(output, await pinsOf("inference"));
    await run(
      layers.uv,
      [
        ...["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python", python.executable],
        ...["-c", join(templates, "server", "constraints.txt"), ...(wheelsOnly ? noBuilds : []), input, "-o", output],
      ],
      { env: { ...env, UV_CACHE_DIR: join(layers.root, "packages") }, signal },
    );
    const resolved = [...options, await readFile(output, "utf8")].join("\n");
    await writeFile(output, resolved);
    await rename(output, lockFile);
    return resolved;
  } finally {
    await Promise.all([input, output].map((file) => rm(file, { force: true })));
  }
}

/** The inference server's own requirements, without those that the truss names itself. */
async function serverRequirements(
  templates: string,
  python: BasePython,
  requirements: readonly string[],
): Promise<string[]> {
  const named = new Set(requirements.map(normalizedName));
  const text = await readFile(join(templates, "server", "requirements.txt"), "utf8");
  const lines = text.split("\n").map((line) => line.replace(/(^|\s)#.*/, "").trim());
  return lines
    .filter((line) => line !== "" && !line.startsWith("-") && !named.has(normalizedName(line)))
    .map((line) => {
      // NumPy 1 has no wheels for Python 3.13 and later; the library's own constraints allow 2.
      const needsNumpy2 = Number(python.version.split(".")[1]) >= 13 && normalizedName(line) === "numpy";
      return needsNumpy2 ? "numpy>=2.1,<3" : line;
    });
}

/** Name of a requirement in PyPA's normal form; empty for options and addresses. */
function normalizedName(line: string): string {
  return (requirementName(line.replace(/\s#.*/, "")) ?? "").toLowerCase().replaceAll(/[-_.]+/g, "-");
}

/** Folder `truss/templates` of the prepared truss library. */
export async function templatesFolder(layers: PythonLayers): Promise<string> {
  const lib = join(layers.truss, "lib");
  const python = (await readdir(lib)).find((name) => name.startsWith("python3"));
  return join(lib, python ?? "python3", "site-packages", "truss", "templates");
}

async function interpreterFor(
  layers: PythonLayers,
  request: RequirementRequest,
  options: PythonOptions,
): Promise<BasePython> {
  const { signal, progress, env = process.env } = options;
  if (minorVersion(layers.python) === request.pythonVersion) return layers.python;
  const command = await run(
    layers.uv,
    ["python", "find", "--no-config", "--no-project", "--system", "--no-python-downloads", request.pythonVersion],
    { env, signal },
  ).catch(() => undefined);
  signal.throwIfAborted();
  const found = command === undefined ? undefined : await probePython(command.trim(), env, signal);
  if (found && minorVersion(found) === request.pythonVersion) return found;
  progress.note(
    `${request.name}: asks for Python ${request.pythonVersion}, which this machine does not have: ${layers.python.version} is used`,
  );
  return layers.python;
}

function refuseLocal(line: string, name: string): void {
  if (/^(-r|-c|-e|--requirement|--constraint|--editable)\b/.test(line) || /^(\.|\/|file:)/.test(line)) {
    throw refuse("truss.local-requirement", { name, line: maskedText(line) });
  }
}

/** Options of a requirements file that say where packages are, or which; `--no-binary` would have one built all the same. */
const safeOptions =
  /^(-i|-f|--index-url|--extra-index-url|--find-links|--no-index|--trusted-host|--pre|--prefer-binary|--hash|--require-hashes)(=|$)/;

/** Lines that would run code of a package here, or hand variables of this process to an address in them. */
function refuseUnsafe(line: string, name: string): void {
  const options = line.split(/\s+/).filter((word) => word.startsWith("-"));
  const isSafe = options.every((option) => safeOptions.test(option)) && !/\$\{|(^|[\s@])(git|hg|bzr|svn)\+/i.test(line);
  if (!isSafe) throw refuse("truss.unsafe-requirement", { name, line: maskedText(line) });
}
