import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";

/** What a test pushes: layers that are tar archives, and what a container runs. */
export interface PushedImage {
  /** Files, the lowest layer first. */
  readonly layers: readonly string[];
  readonly config: {
    readonly entrypoint?: readonly string[];
    readonly cmd?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly workingDir?: string;
  };
}

const ociType = "application/vnd.oci.image";

/** Pushes an image to a registry that wants no login, under a tag, and answers its digest. */
export async function pushImage(
  registry: string,
  repository: string,
  tag: string,
  image: PushedImage,
): Promise<string> {
  const layers = await Promise.all(image.layers.map(describeFile));
  for (const [at, { digest, size }] of layers.entries()) {
    await pushBlob(registry, repository, digest, size, () => createReadStream(image.layers[at] ?? ""));
  }
  const { entrypoint = [], cmd = [], env = {}, workingDir = "/" } = image.config;
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: {
        Entrypoint: entrypoint,
        Cmd: cmd,
        WorkingDir: workingDir,
        Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      },
      // Layers are not compressed, so these are their digests too.
      rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
      history: layers.map(() => ({ created_by: "a test" })),
    }),
  );
  const configDigest = sha256(config);
  await pushBlob(registry, repository, configDigest, config.length, () => Readable.from([config]));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${ociType}.manifest.v1+json`,
      config: { mediaType: `${ociType}.config.v1+json`, digest: configDigest, size: config.length },
      layers: layers.map((layer) => ({ mediaType: `${ociType}.layer.v1.tar`, ...layer })),
    }),
  );
  await sent(`${registry}/v2/${repository}/manifests/${tag}`, {
    method: "PUT",
    headers: { "content-type": `${ociType}.manifest.v1+json` },
    body: manifest,
  });
  return sha256(manifest);
}

async function describeFile(file: string): Promise<{ digest: string; size: number }> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return { digest: `sha256:${hash.digest("hex")}`, size: (await stat(file)).size };
}

async function pushBlob(
  registry: string,
  repository: string,
  digest: string,
  size: number,
  content: () => Readable,
): Promise<void> {
  const begun = await sent(`${registry}/v2/${repository}/blobs/uploads/`, { method: "POST" });
  const place = new URL(begun.headers.get("location") ?? "", registry);
  place.searchParams.set("digest", digest);
  await sent(place.href, {
    method: "PUT",
    duplex: "half",
    headers: { "content-length": String(size), "content-type": "application/octet-stream" },
    body: Readable.toWeb(content()) as ReadableStream,
  } as RequestInit);
}

async function sent(url: string, init: RequestInit): Promise<Response> {
  const answer = await fetch(url, init);
  if (!answer.ok) throw new Error(`${init.method} ${url}: HTTP ${answer.status}: ${await answer.text()}`);
  return answer;
}

function sha256(content: Uint8Array): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}
