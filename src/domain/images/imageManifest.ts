import * as z from "zod";

/** Documents of a registry's images: OCI image specification 1.1, and Docker's format 2 before it, which has the same fields. */

const descriptor = z.object({ mediaType: z.string(), digest: z.string(), size: z.number().int().nonnegative() });

/** One blob of an image, by its digest. */
export type BlobDescriptor = z.infer<typeof descriptor>;

const manifest = z.object({ config: descriptor, layers: z.array(descriptor) });
export type ImageManifest = z.infer<typeof manifest>;

const index = z.object({
  manifests: z.array(
    descriptor.extend({ platform: z.object({ os: z.string(), architecture: z.string() }).optional() }),
  ),
});
export type ImageIndex = z.infer<typeof index>;

const imageConfig = z.object({
  config: z
    .object({
      Entrypoint: z.array(z.string()).nullish(),
      Cmd: z.array(z.string()).nullish(),
      Env: z.array(z.string()).nullish(),
      WorkingDir: z.string().nullish(),
    })
    .nullish(),
});

/** An image whose documents cannot be used; the message says why. */
export class ImageMalformed extends Error {
  override readonly name = "ImageMalformed";
}

/** The manifest of one platform, or the index of several. */
export type ImageDocument =
  | { readonly kind: "manifest"; readonly manifest: ImageManifest }
  | { readonly kind: "index"; readonly index: ImageIndex };

/** @throws ImageMalformed for what is neither. */
export function parseImageDocument(text: string): ImageDocument {
  const value = parsed(text);
  const asManifest = manifest.safeParse(value);
  if (asManifest.success) return { kind: "manifest", manifest: asManifest.data };
  const asIndex = index.safeParse(value);
  if (asIndex.success) return { kind: "index", index: asIndex.data };
  throw new ImageMalformed("its manifest is not that of an image");
}

/** Digest of the manifest for Linux on `architecture`, as Kubernetes and Go name it. */
export function manifestFor({ manifests }: ImageIndex, architecture: string): string {
  const found = manifests.find(({ platform }) => platform?.os === "linux" && platform.architecture === architecture);
  if (found) return found.digest;
  const platforms = manifests.flatMap(({ platform }) => (platform ? [`${platform.os}/${platform.architecture}`] : []));
  throw new ImageMalformed(`it has no image for linux/${architecture}, only for ${platforms.join(", ") || "none"}`);
}

/** What a container of the image runs. */
export interface ImageCommand {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
}

/** The part of an image's config that says what its containers run. */
export function parseImageConfig(text: string): ImageCommand {
  const result = imageConfig.safeParse(parsed(text));
  if (!result.success) throw new ImageMalformed("its config is not that of an image");
  const { Entrypoint, Cmd, Env, WorkingDir } = result.data.config ?? {};
  const env = (Env ?? []).map((each): [string, string] => {
    const at = each.indexOf("=");
    return at < 0 ? [each, ""] : [each.slice(0, at), each.slice(at + 1)];
  });
  return { entrypoint: Entrypoint ?? [], cmd: Cmd ?? [], env: Object.fromEntries(env), workingDir: WorkingDir || "/" };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ImageMalformed("one of its documents is not JSON");
  }
}

/** Where an image is kept: `<host>/<repository>@sha256:<64 hex>`. */
export interface RegistryReference {
  /** With its port, where it names one. */
  readonly host: string;
  readonly repository: string;
  readonly digest: string;
}

/** The parts of a reference by digest; undefined where its first part names no host. */
export function registryReference(reference: string): RegistryReference | undefined {
  const [, host = "", repository = "", digest = ""] = /^([^/]+)\/(.+)@(sha256:[0-9a-f]{64})$/.exec(reference) ?? [];
  return /[.:]|^localhost$/.test(host) ? { host, repository, digest } : undefined;
}
