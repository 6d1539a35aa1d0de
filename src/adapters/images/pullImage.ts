import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Response } from "undici";
import { messageOf } from "../../domain/errors.ts";
import {
  type BlobDescriptor,
  type ImageManifest,
  manifestFor,
  parseImageConfig,
  parseImageDocument,
  registryReference,
} from "../../domain/images/imageManifest.ts";
import type { DirectoryImage } from "./directoryImage.ts";
import { keepImage } from "./imageStore.ts";
import { askRegistry, type RegistryPlace, reasonOf, sendTo } from "./registryAccess.ts";
import type { LoginSource } from "./registryLogins.ts";
import { acceptedManifests } from "./registryProtocol.ts";
import { UnpackedLayers } from "./unpackedLayers.ts";
import { unpackLayer } from "./unpackLayer.ts";

/** Longest manifest or config, in bytes. */
const longestDocument = 4 * 1024 * 1024;
/** How long a registry may take to begin an answer, in milliseconds. */
const withinMs = 30_000;

/** An image that could not be pulled; the message says why, for whoever reads the pod's status. */
export class PullFailed extends Error {
  override readonly name = "PullFailed";
}

export interface PullOptions extends Pick<RegistryPlace, "dispatcher" | "signal"> {
  readonly sources: readonly LoginSource[];
  /** Of the machine, as Kubernetes names it: `amd64`. */
  readonly architecture: string;
  /** Called as layers arrive, with compressed bytes. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Pulls an image by its digest into a store, checks each part of it by its digest, and unpacks its layers one over the other. It appears
 * in the store whole, as images that are built there do, under the digest of the reference.
 *
 * @param reference `<host>/<repository>@sha256:<64 hex>`
 * @throws PullFailed
 */
export async function pullImage(store: string, reference: string, options: PullOptions): Promise<DirectoryImage> {
  const named = registryReference(reference);
  if (!named) throw new PullFailed(`"${reference}" names no registry`);
  const { host, repository, digest } = named;
  try {
    const from = await Repository.open({ ...options, host, repository, withinMs }, digest, options.sources);
    const { config, layers } = await from.manifest(digest, options.architecture);
    const command = parseImageConfig(await from.document(config));
    return await keepImage(store, {
      digest,
      url: `${host}/${repository}`,
      layers: [],
      config: command,
      ownSystem: true,
      populate: (rootfs) => unpackAll(from, layers, rootfs, new UnpackedLayers(store), options.onProgress),
    });
  } catch (error) {
    if (error instanceof PullFailed) throw error;
    throw new PullFailed(reasonOf(error), { cause: error });
  }
}

async function unpackAll(
  from: Repository,
  layers: readonly BlobDescriptor[],
  rootfs: string,
  unpacked: UnpackedLayers,
  onProgress: PullOptions["onProgress"],
): Promise<void> {
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  const blobs = `${rootfs}.blobs`;
  await mkdir(blobs);
  const there = await unpacked.restore(layers, rootfs);
  for (const [at, layer] of layers.entries()) {
    if (at < there) {
      done += layer.size;
      continue;
    }
    if (!/\.tar(?:[.+](?:gzip|zstd))?$/.test(layer.mediaType)) {
      throw new PullFailed(`layer ${layer.digest} is of a kind that cannot be unpacked: ${layer.mediaType}`);
    }
    const archive = join(blobs, String(at));
    await from.save(layer, archive, (bytes) => {
      done += bytes;
      onProgress?.(done, total);
    });
    await unpackLayer(archive, rootfs).catch((error: unknown) => {
      throw new PullFailed(`layer ${layer.digest} cannot be unpacked: ${messageOf(error)}`, { cause: error });
    });
    await rm(archive);
    await unpacked.keep(layers.slice(0, at + 1), rootfs);
  }
  await rm(blobs, { recursive: true });
}

/** What was asked for first, which told how the registry lets this process in. */
interface FirstManifest {
  readonly digest: string;
  readonly text: string;
}

/** A repository that lets this process read, and what it answered first. */
class Repository {
  readonly #place: RegistryPlace;
  readonly #authorization: string | undefined;
  readonly #first: FirstManifest;

  private constructor(place: RegistryPlace, authorization: string | undefined, first: FirstManifest) {
    this.#place = place;
    this.#authorization = authorization;
    this.#first = first;
  }

  static async open(place: RegistryPlace, digest: string, sources: readonly LoginSource[]): Promise<Repository> {
    const request = { method: "GET", path: `manifests/${digest}`, headers: { accept: acceptedManifests } } as const;
    const answer = await askRegistry(place, request, sources).catch((error: unknown) => {
      throw new PullFailed(`${place.host} does not answer: ${reasonOf(error)}`, { cause: error });
    });
    if ("reason" in answer) throw new PullFailed(answer.reason);
    const { response, authorization } = answer;
    if (!response.ok) throw new PullFailed(`${place.host} has no ${place.repository}@${digest}`);
    return new Repository(place, authorization, { digest, text: await documentOf(response, digest) });
  }

  /** The manifest under `digest`, or that for this architecture in the index there. */
  async manifest(digest: string, architecture: string): Promise<ImageManifest> {
    const found = parseImageDocument(await this.#manifestText(digest));
    if (found.kind === "manifest") return found.manifest;
    const inner = parseImageDocument(await this.#manifestText(manifestFor(found.index, architecture)));
    if (inner.kind === "manifest") return inner.manifest;
    throw new PullFailed("its index leads to another index");
  }

  async document({ digest, size }: BlobDescriptor): Promise<string> {
    if (size > longestDocument) throw new PullFailed(`its config has ${size} bytes`);
    return documentOf(await this.#get(`blobs/${digest}`, {}), digest);
  }

  /** Writes a blob into a file; rejects where it is not what its digest says. */
  async save({ digest, size }: BlobDescriptor, file: string, onBytes: (bytes: number) => void): Promise<void> {
    const { body } = await this.#get(`blobs/${digest}`, {});
    const hash = createHash("sha256");
    let length = 0;
    await pipeline(
      body ? Readable.fromWeb(body) : Readable.from([]),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          length += chunk.length;
          if (length > size) throw new PullFailed(`layer ${digest} is longer than its ${size} bytes`);
          hash.update(chunk);
          onBytes(chunk.length);
          yield chunk;
        }
      },
      createWriteStream(file, { flags: "wx" }),
    );
    if (length < size) throw new PullFailed(`layer ${digest} ends after ${length} of ${size} bytes`);
    requireDigest(hash.digest("hex"), digest, "layer");
  }

  async #manifestText(digest: string): Promise<string> {
    if (digest === this.#first.digest) return this.#first.text;
    return documentOf(await this.#get(`manifests/${digest}`, { accept: acceptedManifests }), digest);
  }

  async #get(path: string, headers: Readonly<Record<string, string>>): Promise<Response> {
    const response = await sendTo(this.#place, { method: "GET", path, headers, follow: true }, this.#authorization);
    if (response.ok) return response;
    await response.body?.cancel();
    throw new PullFailed(`${this.#place.host} answers HTTP ${response.status} for ${path}`);
  }
}

async function documentOf(response: Response, digest: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > longestDocument) throw new PullFailed(`document ${digest} has more than ${longestDocument} bytes`);
    chunks.push(chunk);
  }
  const found = Buffer.concat(chunks);
  requireDigest(createHash("sha256").update(found).digest("hex"), digest, "document");
  return found.toString("utf8");
}

function requireDigest(found: string, digest: string, what: string): void {
  if (digest === `sha256:${found}`) return;
  throw new PullFailed(
    `${what} ${digest} has another content, sha256:${found}: the registry, or what is before it, changed it`,
  );
}
