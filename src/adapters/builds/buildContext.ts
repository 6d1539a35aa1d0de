import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { archiveOf } from "../../domain/builds/contextArchive.ts";
import { badInput } from "../../domain/errors.ts";
import { isControlTruss, parseTrussConfig } from "../../domain/truss/config.ts";
import { hashSnapshot } from "../../domain/truss/hash.ts";
import { configText } from "../../domain/truss/signature.ts";
import type { SnapshotEntry } from "../../domain/truss/snapshot.ts";
import { type Tree, treeBelow } from "../../domain/truss/tree.ts";
import { ensureBuildContext, snapshotToBuild, type TrussLibrary } from "../truss/buildContext.ts";
import type { TrussReading } from "../truss/snapshot.ts";

/** What a build starts from, packed. */
export interface PackedContext {
  /** Gzipped tar. */
  readonly archive: Uint8Array;
  /** 64 hex digits. */
  readonly sha256: string;
}

/** Secrets are kept in etcd, which is no place for weights; in bytes of the gzipped archive. */
const longestContext = 16 * 1024 * 1024;

/**
 * The Docker build context of a truss, as the truss library makes it. The library runs here, where it is pinned, so that build
 * pods need BuildKit alone. Contexts that are kept for directory images will not do: their Dockerfile names another truss's
 * hash and folders.
 */
export async function dockerContext(
  name: string,
  { snapshot }: TrussReading,
  options: {
    readonly cache: string;
    readonly python: TrussLibrary;
    readonly env: NodeJS.ProcessEnv;
    readonly signal: AbortSignal;
    /** With a control server. @default as its config says */
    readonly control?: boolean;
  },
): Promise<PackedContext> {
  const { cache, python, env, signal, control } = options;
  const config = parseTrussConfig(configText(snapshot), `${name}/config.yaml`);
  const contexts = join(cache, "contexts");
  await mkdir(contexts, { recursive: true });
  const own = await mkdtemp(join(contexts, ".docker-"));
  try {
    const source = snapshotToBuild(snapshot, config, control ?? isControlTruss(config));
    const { folder } = await ensureBuildContext(own, name, source, python, { env, signal });
    return await pack(name, await treeOn(folder));
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

/** The truss itself, for a builder that knows trusses. Refuses one whose content an archive cannot carry. */
export async function trussContext(name: string, { snapshot, patterns }: TrussReading): Promise<PackedContext> {
  const tree = treeBelow(snapshot, "");
  const carried = new Map([...tree].map(([path, file]): [string, SnapshotEntry] => [path, entryOf(file)]));
  if (hashSnapshot({ entries: carried }, patterns) !== hashSnapshot(snapshot, patterns)) {
    throw badInput(
      `truss "${name}": holds symbolic links to folders, sockets or devices, which a build by a pipeline cannot carry; replace them by files`,
    );
  }
  return pack(name, tree);
}

async function pack(name: string, tree: Tree): Promise<PackedContext> {
  const archive = await promisify(gzip)(archiveOf(tree), { level: 6 });
  if (archive.length > longestContext) {
    throw badInput(
      `truss "${name}": its build context has ${mebibytes(archive.length)} MiB packed; at most ${mebibytes(longestContext)} reach a build pod; ` +
        "let the build fetch weights (external_data, model_cache or weights of config.yaml), or load them in load()",
    );
  }
  return { archive, sha256: createHash("sha256").update(archive).digest("hex") };
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1).replace(/\.0$/, "");
}

function entryOf(file: { readonly bytes: Uint8Array; readonly executable: boolean } | undefined): SnapshotEntry {
  return file ? { kind: "file", ...file } : { kind: "dir" };
}

async function treeOn(folder: string): Promise<Map<string, { bytes: Uint8Array; executable: boolean } | undefined>> {
  const tree = new Map<string, { bytes: Uint8Array; executable: boolean } | undefined>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const full = join(entry.parentPath, entry.name);
    const path = full.slice(folder.length + 1);
    if (entry.isDirectory()) tree.set(path, undefined);
    else tree.set(path, { bytes: await readFile(full), executable: ((await stat(full)).mode & 0o111) !== 0 });
  }
  return tree;
}
