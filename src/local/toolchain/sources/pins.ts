import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { load } from "js-yaml";
import { z } from "zod";
import { messageOf } from "../../../domain/errors.ts";
import { toolsFolder } from "../fingerprint.ts";
import { refuse } from "../refusals.ts";
import type { AnyTool } from "../tools.ts";

/** The file that holds all release hosts and hashes. */
export const releasesFile = join(toolsFolder, "releases.yaml");

const pin = z.strictObject({
  /** Algorithm and hexadecimal digest: of the archive, or of an image's index of all architectures. */
  digest: z.string().regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/),
  /** Bytes of the archive, for its progress line until the host tells them. */
  size: z.number().int().positive().optional(),
  /** The public record in which the digest was read. */
  record: z.string().min(1),
});

const relative = z.string().regex(/^[^/\s][^\s]*$/, "a path without a leading slash");

const release = z
  .strictObject({
    name: z.string().min(1),
    version: z.string().min(1),
    base: z.url({ protocol: /^https?$/ }),
    archive: relative.optional(),
    image: relative.optional(),
    tag: z.string().optional(),
    checksums: relative.optional(),
    architectures: z.strictObject({ x64: z.string(), arm64: z.string() }),
    executables: z.record(z.string(), relative),
    pins: z.strictObject({ x64: pin.optional(), arm64: pin.optional() }),
  })
  .refine(({ archive, image }) => (archive === undefined) !== (image === undefined), {
    message: "names an archive or an image",
  });

export type Release = z.infer<typeof release>;
export type Pin = z.infer<typeof pin>;

/** One release as this machine needs it. */
export interface PinnedRelease {
  readonly name: string;
  readonly version: string;
  /** Without a trailing slash. */
  readonly base: string;
  readonly kind: "archive" | "image";
  /** Path of the archive below `base`, or repository of the image. */
  readonly path: string;
  /** As the publisher calls it, such as `amd64`. */
  readonly architecture: string;
  readonly digest: string;
  readonly size?: number;
  /** Executable → its path inside. */
  readonly executables: Readonly<Record<string, string>>;
}

/** @throws OperatorError with the file, the place in it and what is wrong there */
export async function readReleases(file: string = releasesFile): Promise<readonly Release[]> {
  let content: unknown;
  try {
    content = load(await readFile(file, "utf8"));
  } catch (error) {
    throw refuse("tools.pins-unreadable", { file, reason: messageOf(error) }, error);
  }
  const parsed = z.array(release).safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refuse("tools.pins-wrong", { file, path: issue?.path.join(".") ?? "", reason: issue?.message ?? "is wrong" });
}

/** What stands behind `{version}` and `{arch}` in a path. */
export function fillIn(template: string, { version, architecture }: { version: string; architecture: string }): string {
  return template.replaceAll("{version}", version).replaceAll("{arch}", architecture);
}

/** The pinned releases for an architecture of Node's naming; those with an empty pin are left out. */
export function pinnedReleases(releases: readonly Release[], architecture: string): readonly PinnedRelease[] {
  if (architecture !== "x64" && architecture !== "arm64") return [];
  return releases.flatMap((each) => {
    const found = each.pins[architecture];
    if (!found) return [];
    const values = { version: each.version, architecture: each.architectures[architecture] };
    const inside = Object.entries(each.executables).map(([name, path]) => [name, fillIn(path, values)]);
    return {
      name: each.name,
      version: each.version,
      base: each.base.replace(/\/+$/, ""),
      kind: each.image === undefined ? ("archive" as const) : ("image" as const),
      path: fillIn(each.archive ?? each.image ?? "", values),
      architecture: values.architecture,
      digest: found.digest,
      ...(found.size === undefined ? {} : { size: found.size }),
      executables: Object.fromEntries(inside) as Record<string, string>,
    };
  });
}

/** Where each executable of a tool comes from, or undefined unless all of them are released and pinned. */
export function releasesOf(
  tool: AnyTool,
  pinned: readonly PinnedRelease[],
): ReadonlyMap<PinnedRelease, readonly string[]> | undefined {
  const chosen = new Map<PinnedRelease, string[]>();
  for (const executable of Object.keys(tool.packages)) {
    const found = pinned.find((each) => executable in each.executables);
    if (!found) return undefined;
    chosen.set(found, [...(chosen.get(found) ?? []), executable]);
  }
  return chosen;
}
