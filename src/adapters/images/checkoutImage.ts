import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isPackaged } from "../files/packaged.ts";
import { pinnedNodeFolder } from "../processes/pinnedNode.mjs";
import { refuse } from "../refusals.ts";
import type { KeyedLayer } from "./directoryImage.ts";
import { imageReference, putImage } from "./imageStore.ts";

/** What the services of a checkout consist of, besides its packages. */
export const ofServices = ["src/adapters", "src/domain", "src/services", "package.json"];
const place = "/app";
const packages = `${place}/node_modules`;

/** What starts the program `entry` (its path in the checkout) in an image of the checkout. */
export function serviceCommand(entry: string): readonly string[] {
  return [`${packages}/${pinnedNodeFolder}/node`, `${place}/${entry}`];
}

/**
 * Content hash of the services' code and the lock of their packages, in the checkout `project`. Throws an `OperatorError` where a program
 * uses the package, which holds no services.
 */
export async function serviceSource(project: string): Promise<string> {
  if (isPackaged) throw refuse("image.services-elsewhere", { project });
  return sourceOf(project, ofServices);
}

/**
 * Content hash of a pipeline's folder and the lock of the packages that lie beside it, in the checkout `project`. Throws an `OperatorError`
 * where a program uses the package, beside which lies another program's lock.
 */
export async function pipelineSource(project: string, folder: string): Promise<string> {
  if (isPackaged) throw refuse("image.pipeline-elsewhere", { project });
  return sourceOf(project, ofPipeline(folder));
}

const ofPipeline = (folder: string): string[] => [folder, "package.json"];

/**
 * Lays the checkout out as an image of the store and answers its reference: the code copied, the packages, with the
 * pinned Node.js among them, as a read-only layer. Throws an `OperatorError` when the code is not what `hash` says any more.
 */
export function putCheckoutImage(
  store: string,
  project: string,
  service: {
    readonly name: string;
    readonly entry: string;
    readonly hash: string;
    /** Further read-only parts. @default none */
    readonly layers?: readonly KeyedLayer[];
    /** Variables of its containers. @default none */
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<string> {
  return putImageOf(store, project, {
    what: `service ${service.name}`,
    url: `menagerie.local/service/${service.name}`,
    hash: service.hash,
    copied: ofServices,
    entrypoint: serviceCommand(service.entry),
    layers: service.layers,
    env: service.env,
  });
}

/** Lays a pipeline's folder out in the same way, at `/app/<folder>`; what it runs, its container says. */
export function putPipelineImage(
  store: string,
  project: string,
  { name, folder, hash }: { readonly name: string; readonly folder: string; readonly hash: string },
): Promise<string> {
  return putImageOf(store, project, {
    what: `pipeline ${name}`,
    url: `menagerie.local/pipeline/${name}`,
    hash,
    copied: ofPipeline(folder),
    entrypoint: [],
  });
}

interface CheckoutPart {
  /** For sentences. */
  readonly what: string;
  readonly url: string;
  readonly hash: string;
  /** Files and folders, relative to the project. */
  readonly copied: readonly string[];
  readonly entrypoint: readonly string[];
  /** Further read-only parts. @default none */
  readonly layers?: readonly KeyedLayer[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

async function putImageOf(
  store: string,
  project: string,
  { what, url, hash, copied, entrypoint, layers = [], env = {} }: CheckoutPart,
): Promise<string> {
  if ((await sourceOf(project, copied)) !== hash) {
    throw refuse("image.code-changed", { what });
  }
  const lock = createHash("sha256")
    .update(await readFile(join(project, "package-lock.json")))
    .digest("hex");
  const image = await putImage(store, {
    url,
    layers: [{ source: join(project, "node_modules"), target: packages, key: `packages ${lock}` }, ...layers],
    config: {
      entrypoint,
      cmd: [],
      workingDir: place,
      env: { PATH: `${packages}/${pinnedNodeFolder}:/usr/local/bin:/usr/bin:/bin`, NODE_ENV: "production", ...env },
    },
    populate: async (rootfs) => {
      for (const path of copied) await cp(join(project, path), join(rootfs, place, path), { recursive: true });
      await mkdir(join(rootfs, packages), { recursive: true });
    },
  });
  return imageReference(image);
}

async function sourceOf(project: string, copied: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of [...(await filesOf(project, copied)), "package-lock.json"]) {
    const content = await readFile(join(project, path));
    hash.update(`${path.length}:${path}:${content.length}:`).update(content);
  }
  return hash.digest("hex");
}

async function filesOf(project: string, copied: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of copied) {
    if (path.endsWith(".json")) {
      found.push(path);
      continue;
    }
    const entries = await readdir(join(project, path), { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (entry.isFile()) found.push(join(entry.parentPath, entry.name).slice(project.length + 1));
    }
  }
  return found.sort();
}
