import { randomBytes } from "node:crypto";
import { cp, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../../domain/progress.ts";
import type { TrussBuilder, TrussBuildRequest, TrussImage } from "../../domain/truss/builder.ts";
import { isControlTruss, parseTrussConfig, type TrussConfig } from "../../domain/truss/config.ts";
import { imagePaths, refuseUnbuildable, trussImageConfig } from "../../domain/truss/directoryImage.ts";
import { hashSnapshot } from "../../domain/truss/hash.ts";
import { defaultIgnorePatterns } from "../../domain/truss/ignore.ts";
import { configText } from "../../domain/truss/signature.ts";
import type { TrussSnapshot } from "../../domain/truss/snapshot.ts";
import { hasFolder, treeBelow } from "../../domain/truss/tree.ts";
import { hasLayers, putImage, readImage } from "../images/imageStore.ts";
import { ensureBuildContext, snapshotToBuild } from "./buildContext.ts";
import { declaredRequirements } from "./declaredRequirements.ts";
import { type AddressOf, downloadExternalData } from "./externalData.ts";
import { imageLayers } from "./imageLayers.ts";
import { type PythonLayers, shortHash } from "./python.ts";
import { refuse } from "./refusals.ts";
import { ensureRequirementLayer } from "./requirementLayer.ts";
import { readTruss, type TrussReading } from "./snapshot.ts";
import { writeTree } from "./writeTree.ts";

/** What the local builder works with. */
export interface DirectoryBuilderOptions {
  /** Image store of the environment. */
  readonly store: string;
  /** Cache folder, shared by all environments of a user. */
  readonly cache: string;
  readonly python: PythonLayers;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Environment variables to work with. @default process.env */
  readonly env?: NodeJS.ProcessEnv;
  /** Whether no code of the truss's packages may run here: those without a wheel, which would be built, are refused. @default false */
  readonly wheelsOnly?: boolean | undefined;
  /** Where external data may come from. @default anywhere */
  readonly addressOf?: AddressOf | undefined;
}

/** Changes whenever the layout of images does, so that older ones are built anew. */
const layoutVersion = "1";

/** Builds trusses into directory images of a local store: the real build context, laid out as its Dockerfile would. */
export function createDirectoryBuilder(options: DirectoryBuilderOptions): TrussBuilder {
  return { build: (request) => build(options, request) };
}

async function build(options: DirectoryBuilderOptions, request: TrussBuildRequest): Promise<TrussImage> {
  return (await builtBefore(options, request)) ?? buildReading(options, request, await readTruss(request.folder));
}

type Requested = Pick<TrussBuildRequest, "hash" | "name" | "control">;

/** The image of the same content, where it is still in the store. */
export async function builtBefore(
  options: Pick<DirectoryBuilderOptions, "store" | "python">,
  request: Requested,
): Promise<TrussImage | undefined> {
  const url = urlOf(request.name);
  const digest = await indexedDigest(options.store, indexOf(options, request), url);
  return digest === undefined ? undefined : { url, digest };
}

/** Builds from what was read of the truss; `request.folder` only names it in sentences. */
export async function buildReading(
  options: DirectoryBuilderOptions,
  request: TrussBuildRequest,
  reading: TrussReading,
): Promise<TrussImage> {
  requireHash(request, reading);
  const config = parseTrussConfig(configText(reading.snapshot), join(request.folder, "config.yaml"));
  refuseUnbuildable(config, request.name);
  if (!hasFolder(reading.snapshot, config.model_module_dir)) {
    throw refuse("truss.no-model-folder", { folder: request.folder, model: config.model_module_dir });
  }
  const url = urlOf(request.name);
  const task = options.progress.begin(`image ${request.name}`);
  try {
    const isControl = request.control ?? isControlTruss(config);
    const built = await buildSnapshot(options, { url, name: request.name, isControl }, reading, config);
    await writeIndex(indexOf(options, request), built);
    task.done(built.slice(0, "sha256:".length + 12));
    return { url, digest: built };
  } catch (error) {
    task.failed();
    throw error;
  }
}

/** Refuses a reading of other content than was asked for. */
export function requireHash({ folder, hash }: TrussBuildRequest, { snapshot, patterns }: TrussReading): void {
  const found = hashSnapshot(snapshot, patterns);
  if (found === hash) return;
  throw refuse("truss.changed-while-built", { folder, found: found.slice(0, 12), hash: hash.slice(0, 12) });
}

function urlOf(name: string): string {
  return `menagerie.local/truss/${name}`;
}

function indexOf(
  { store, python }: Pick<DirectoryBuilderOptions, "store" | "python">,
  { hash, control }: Requested,
): string {
  return join(store, ".index", `${shortHash(layoutVersion, python.key, hash, ...(control ? ["control"] : []))}.json`);
}

interface BuiltImage {
  readonly url: string;
  /** Name of the model, for sentences. */
  readonly name: string;
  readonly isControl: boolean;
}

async function buildSnapshot(
  options: DirectoryBuilderOptions,
  { url, name, isControl }: BuiltImage,
  { snapshot, patterns }: TrussReading,
  config: TrussConfig,
): Promise<string> {
  const { cache, python, signal, env = process.env } = options;
  const requirements = await declaredRequirements(snapshot, config, options);
  const pythonVersion = `3.${config.python_version.slice("py3".length)}`;
  const inference = await ensureRequirementLayer(python, { name, pythonVersion, requirements }, options);
  const source = snapshotToBuild(snapshot, config, isControl);
  const context = await ensureBuildContext(join(cache, "contexts"), name, source, python, { env, signal });
  // The library bakes the hash of the folder that it was given, without any ignore patterns.
  const control = isControl ? { bakedHash: hashSnapshot(source) } : undefined;
  const image = await putImage(options.store, {
    url,
    layers: await imageLayers(cache, python, inference, isControl, env),
    config: trussImageConfig(config, control),
    populate: (rootfs) => populate(rootfs, context.folder, source, patterns, config, { name, isControl }, options),
  });
  return image.digest;
}

/** Copies as the library's Dockerfile does: data before code, the server before the model. */
async function populate(
  rootfs: string,
  context: string,
  snapshot: TrussSnapshot,
  patterns: readonly string[],
  config: TrussConfig,
  { name, isControl }: Pick<BuiltImage, "name" | "isControl">,
  { signal, addressOf }: Pick<DirectoryBuilderOptions, "signal" | "addressOf">,
): Promise<void> {
  const [app, control, packages] = [imagePaths.app, imagePaths.control, imagePaths.packages].map((path) =>
    join(rootfs, path),
  ) as [string, string, string];
  for (const folder of [app, control, packages, join(rootfs, "root"), join(rootfs, "tmp")]) await mkdir(folder);
  // The library's copy always leaves out its own list, also where a `.truss_ignore` replaces that list in the hash.
  const leftOut = [...defaultIgnorePatterns, ...patterns];
  await downloadExternalData(join(app, "data"), config, name, signal, addressOf);
  await writeTree(join(app, "data"), treeBelow(snapshot, config.data_dir, leftOut));
  await cp(join(context, "server"), app, { recursive: true });
  if (isControl) await cp(join(context, "control"), control, { recursive: true });
  await writeTree(join(app, "model"), treeBelow(snapshot, config.model_module_dir, leftOut));
  await writeTree(packages, treeBelow(snapshot, config.bundled_packages_dir, leftOut));
  await cp(join(context, "config.yaml"), join(app, "config.yaml"));
}

/** The digest that was built before, if the image and all its layers are still there. */
async function indexedDigest(store: string, index: string, url: string): Promise<string | undefined> {
  const digest = await readFile(index, "utf8").catch(() => undefined);
  if (!digest) return undefined;
  try {
    const { image } = await readImage(store, `${url}@${digest.trim()}`);
    if (!(await hasLayers(image))) return undefined;
    return image.digest;
  } catch {
    return undefined;
  }
}

async function writeIndex(index: string, digest: string): Promise<void> {
  await mkdir(join(index, ".."), { recursive: true });
  const draft = `${index}.${randomBytes(6).toString("hex")}`;
  await writeFile(draft, `${digest}\n`);
  await rename(draft, index);
}
