import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OperatorError } from "../../domain/errors.ts";
import { refusal, refuse } from "../refusals.ts";
import { imageDigest } from "./digest.ts";
import type { DirectoryImage, ImageConfig, KeyedLayer } from "./directoryImage.ts";

/** Thrown by {@link readImage} for a reference that the store does not hold. */
export class ImageMissing extends OperatorError {
  readonly reference: string;

  constructor(reference: string, store: string) {
    super(refusal("image.missing", null, { reference, store }));
    this.reference = reference;
  }
}

/** Half-made images older than this are left by a killed process, in milliseconds. */
const abandonedAfter = 60 * 60 * 1000;

/** `<url>@<digest>`: how a pod's container names the image. */
export function imageReference(image: Pick<DirectoryImage, "url" | "digest">): string {
  return `${image.url}@${image.digest}`;
}

/**
 * The image that `reference` (`<url>@sha256:<64 hex>`) names and its root folder. The digest alone decides: the url
 * in the answer is the reference's, because equal content may be stored under one name and asked for by another.
 * @throws OperatorError when the reference has no digest; {@link ImageMissing} when the store does not hold it.
 */
export async function readImage(store: string, reference: string): Promise<{ image: DirectoryImage; rootfs: string }> {
  const match = /^(.+)@sha256:([0-9a-f]{64})$/.exec(reference);
  if (!match?.[1] || !match[2]) {
    throw refuse("image.no-digest", { reference });
  }
  const folder = join(store, match[2]);
  const image = await readConfig(folder);
  if (!image) throw new ImageMissing(reference, store);
  return { image: { ...image, url: match[1] }, rootfs: join(folder, "rootfs") };
}

/** Whether the store holds an image. @throws OperatorError when the reference has no digest. */
export async function holdsImage(store: string, reference: string): Promise<boolean> {
  try {
    await readImage(store, reference);
    return true;
  } catch (error) {
    if (error instanceof ImageMissing) return false;
    throw error;
  }
}

/** Whether all folders are there that an image shares with others. */
export async function hasLayers({ layers }: Pick<DirectoryImage, "layers">): Promise<boolean> {
  const found = await Promise.all(layers.map(({ source }) => stat(source).catch(absent(undefined))));
  return found.every((each) => each !== undefined);
}

/**
 * Stores an image. `populate` fills a temporary root folder; what it leaves there, the layers' keys and the config
 * give the digest. The image appears under `<store>/<hex>/` in one rename, so a half-made one never counts, and
 * several processes may put the same content at once: the first wins, the others find it there.
 */
export function putImage(store: string, parts: ImageParts): Promise<DirectoryImage> {
  return keep(store, parts, (rootfs) => imageDigest(rootfs, parts.layers, parts.config));
}

/** What an image is made of. */
export interface ImageParts extends Pick<DirectoryImage, "url" | "ownSystem"> {
  readonly layers: readonly KeyedLayer[];
  readonly config: ImageConfig;
  populate(rootfs: string): Promise<void>;
}

/** Stores an image, as {@link putImage} does, under a digest that it has elsewhere: `populate` rejects for another content. */
export function keepImage(store: string, parts: ImageParts & { readonly digest: string }): Promise<DirectoryImage> {
  return keep(store, parts, async () => parts.digest);
}

async function keep(
  store: string,
  parts: ImageParts,
  digestOf: (rootfs: string) => Promise<string>,
): Promise<DirectoryImage> {
  await mkdir(store, { recursive: true });
  await sweepAbandoned(store);
  const temporary = join(store, `.tmp-${randomBytes(8).toString("hex")}`);
  const rootfs = join(temporary, "rootfs");
  try {
    await mkdir(rootfs, { recursive: true });
    await parts.populate(rootfs);
    const image: DirectoryImage = {
      formatVersion: 1,
      digest: await digestOf(rootfs),
      url: parts.url,
      layers: parts.layers.map(({ source, target }) => ({ source, target })),
      config: parts.config,
      ...(parts.ownSystem ? { ownSystem: true } : {}),
    };
    await writeFile(join(temporary, "image.json"), `${JSON.stringify(image, null, 2)}\n`);
    await publish(temporary, join(store, image.digest.slice("sha256:".length)), image);
    return image;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** All complete images of the store, in digest order; none when the store does not exist yet. */
export async function listImages(store: string): Promise<DirectoryImage[]> {
  const names = await readdir(store).catch(absent<string[]>([]));
  const images = await Promise.all(
    names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) => readConfig(join(store, name))),
  );
  return images.filter((image) => image !== undefined).sort((a, b) => (a.digest < b.digest ? -1 : 1));
}

async function publish(temporary: string, final: string, image: DirectoryImage): Promise<void> {
  try {
    await rename(temporary, final);
  } catch (error) {
    if (!isCode(error, "ENOTEMPTY", "EEXIST")) throw error;
    // Equal digest, but layers may have moved since (another cache folder): running pods keep what they mounted.
    const json = join(final, "image.json");
    const fresh = `${json}.${randomBytes(8).toString("hex")}`;
    await writeFile(fresh, `${JSON.stringify(image, null, 2)}\n`);
    await rename(fresh, json);
  }
}

async function readConfig(folder: string): Promise<DirectoryImage | undefined> {
  const text = await readFile(join(folder, "image.json"), "utf8").catch(absent(undefined));
  if (text === undefined) return undefined;
  const image = JSON.parse(text) as DirectoryImage;
  return image.formatVersion === 1 ? image : undefined;
}

/** By age alone: a process id says nothing to a reader in another PID namespace. */
async function sweepAbandoned(store: string): Promise<void> {
  const limit = Date.now() - abandonedAfter;
  for (const name of await readdir(store)) {
    if (!name.startsWith(".tmp-")) continue;
    const folder = join(store, name);
    const made = await stat(folder).catch(absent(undefined));
    if (made && made.mtimeMs < limit) await rm(folder, { recursive: true, force: true });
  }
}

function isCode(error: unknown, ...codes: string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException | undefined)?.code ?? "");
}

/** Handler that turns "no such file" into `value` and passes every other error on. */
function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isCode(error, "ENOENT", "ENOTDIR")) return value;
    throw error;
  };
}
