import { mkdir, readdir, rm, stat, symlink, utimes } from "node:fs/promises";
import { basename, join } from "node:path";
import { hasLayers, ImageMissing, imageReference, readImage } from "../../adapters/images/imageStore.ts";
import { PullFailed, pullImage } from "../../adapters/images/pullImage.ts";
import { type LoginSource, userLogins } from "../../adapters/images/registryLogins.ts";
import { builtBefore, createDirectoryBuilder } from "../../adapters/truss/builder.ts";
import { ensurePythonLayers } from "../../adapters/truss/python.ts";
import { readTruss } from "../../adapters/truss/snapshot.ts";
import { registryReference } from "../../domain/images/imageManifest.ts";
import type { Progress } from "../../domain/progress.ts";
import { type Refusal, refused } from "../../domain/refusals/refusal.ts";
import type { RunnableContent, RunnableModel, TrussContent } from "../../domain/trial/combination.ts";
import { hashSnapshot } from "../../domain/truss/hash.ts";
import { egressAddress } from "../network/egressPolicy.ts";
import { localStoreHost, mebibytes } from "../node/imagePuller.ts";
import { thisMachine } from "../node/machine.ts";
import { trialRefusal } from "./refusals.ts";

/** Where images of trials are looked for, and come to. */
export interface TrialImages {
  /** Stores that are only read, such as an environment's. */
  readonly stores: readonly string[];
  /** Store for what is in none of them: it is built, or pulled. */
  readonly own: string;
  readonly cache: string;
  /**
   * Whether what is built here installs wheels alone, so that no code of its packages runs outside of the trial, and takes external data
   * from public addresses alone. @default false
   */
  readonly wheelsOnly?: boolean | undefined;
  /** Logins of registries. @default the user's own, of `docker login` and `podman login` */
  readonly logins?: readonly LoginSource[] | undefined;
}

interface Work {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** An image, and its folder in a store. */
interface FoundImage {
  /** `<url>@sha256:<64 hex>` */
  readonly reference: string;
  readonly folder: string;
}

/**
 * Finds the image of each model, builds what is a folder that was not built before, and pulls what is in a registry; answers the
 * references, in the models' order. `store` gets a link to each: nothing is copied.
 * @throws OperatorError with a line for each image that is gone.
 */
export async function placeImages(
  models: readonly RunnableModel[],
  store: string,
  images: TrialImages,
  work: Work,
): Promise<readonly string[]> {
  await forgetUnused(images.own);
  const gone: Refusal[] = [];
  const found: FoundImage[] = [];
  const finder = new Finder(images, work);
  for (const { name, content } of models) {
    const image = await finder.find(name, content);
    if ("gone" in image) gone.push(image.gone);
    else found.push(image);
  }
  if (gone.length > 0) throw refused(gone);
  await mkdir(store, { recursive: true, mode: 0o700 });
  for (const { folder } of new Map(found.map((each) => [each.folder, each])).values()) {
    await symlink(folder, join(store, basename(folder)));
  }
  return found.map(({ reference }) => reference);
}

class Finder {
  readonly #images: TrialImages;
  readonly #work: Work;

  constructor(images: TrialImages, work: Work) {
    this.#images = images;
    this.#work = work;
  }

  find(model: string, content: RunnableContent): Promise<FoundImage | { readonly gone: Refusal }> {
    return "image" in content ? this.#ofReference(model, content) : this.#ofFolder(model, content);
  }

  async #ofReference(
    model: string,
    { image, builtFrom }: Extract<RunnableContent, { image: string }>,
  ): Promise<FoundImage | { readonly gone: Refusal }> {
    const there = (await this.#inStores(image)) ?? (await this.#pulled(model, image));
    if (!("gone" in there)) return there;
    return builtFrom && (await hasContent(builtFrom)) ? this.#ofFolder(model, builtFrom) : there;
  }

  async #pulled(model: string, image: string): Promise<FoundImage | { readonly gone: Refusal }> {
    const host = registryReference(image)?.host;
    if (host === undefined || host === localStoreHost) {
      return { gone: trialRefusal("trial.image-gone", null, { model, image }) };
    }
    const task = this.#work.progress.begin(`image of ${model}`);
    try {
      await pullImage(this.#images.own, image, {
        sources: this.#images.logins ?? userLogins(),
        architecture: (await thisMachine()).architecture,
        signal: this.#work.signal,
        onProgress: (done, total) => task.update(`${mebibytes(done)} of ${mebibytes(total)} MiB`),
      });
      task.done();
      return await this.#inOwn(image);
    } catch (error) {
      task.failed();
      if (!(error instanceof PullFailed)) throw error;
      return { gone: trialRefusal("trial.image-not-pulled", null, { model, image, reason: error.message }) };
    }
  }

  async #ofFolder(model: string, { folder, hash }: TrussContent): Promise<FoundImage> {
    const { progress, signal } = this.#work;
    const { cache, own, stores, wheelsOnly } = this.#images;
    const python = await ensurePythonLayers({ cache, progress, signal });
    // The name is a part of its url, and says nothing about its content.
    const request = { folder, hash, name: model };
    for (const store of stores) {
      const before = await builtBefore({ store, python }, request);
      const there = before && (await imageIn(store, imageReference(before)));
      if (there) return there;
    }
    const addressOf = wheelsOnly ? egressAddress : undefined;
    const options = { store: own, cache, python, progress, signal, wheelsOnly, addressOf };
    const built = await createDirectoryBuilder(options).build(request);
    return this.#inOwn(imageReference(built));
  }

  async #inStores(reference: string): Promise<FoundImage | undefined> {
    for (const store of this.#images.stores) {
      const there = await imageIn(store, reference);
      if (there) return there;
    }
    const own = await imageIn(this.#images.own, reference);
    return own && this.#inOwn(reference);
  }

  async #inOwn(reference: string): Promise<FoundImage> {
    const there = await imageIn(this.#images.own, reference);
    if (there) await utimes(there.folder, new Date(), new Date());
    if (!there) throw new Error(`${reference} was put into ${this.#images.own} and is not there`);
    return there;
  }
}

/** Whether a folder still holds a content. */
async function hasContent({ folder, hash }: TrussContent): Promise<boolean> {
  try {
    const { snapshot, patterns } = await readTruss(folder);
    return hashSnapshot(snapshot, patterns) === hash;
  } catch {
    return false;
  }
}

/** The image in a store, with everything that it shares with others. */
async function imageIn(store: string, reference: string): Promise<FoundImage | undefined> {
  try {
    const { image } = await readImage(store, reference);
    if (!(await hasLayers(image))) return undefined;
    return { reference, folder: join(store, image.digest.slice("sha256:".length)) };
  } catch (error) {
    if (error instanceof ImageMissing) return undefined;
    throw error;
  }
}

/** Images that no trial has asked for in this time are deleted, in milliseconds. */
const unusedAfterMs = 30 * 86_400_000;

/** The store grows with each content that is tried. */
async function forgetUnused(store: string): Promise<void> {
  for (const name of await readdir(store).catch(() => [])) {
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    const folder = join(store, name);
    const used = await stat(folder).catch(() => undefined);
    if (used && used.mtimeMs < Date.now() - unusedAfterMs) await rm(folder, { recursive: true, force: true });
  }
}
