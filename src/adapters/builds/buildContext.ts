import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { contextLimits } from "../../domain/builds/contextArchive.ts";
import type { OperatorError } from "../../domain/errors.ts";
import { isControlTruss, parseTrussConfig } from "../../domain/truss/config.ts";
import { mebibytes, sizeOf } from "../../domain/truss/content.ts";
import { hashSnapshot } from "../../domain/truss/hash.ts";
import { configText } from "../../domain/truss/signature.ts";
import type { SnapshotEntry } from "../../domain/truss/snapshot.ts";
import { type Tree, type TreeFile, treeBelow } from "../../domain/truss/tree.ts";
import { ensureBuildContext, snapshotToBuild, type TrussLibrary } from "../truss/buildContext.ts";
import { FileReader, LargeFileReader } from "../truss/fileContent.ts";
import type { TrussReading } from "../truss/snapshot.ts";
import { refuse } from "./refusals.ts";
import { archiveOf } from "./treeArchive.ts";

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
    throw refuse("build.links", { name });
  }
  return pack(name, tree);
}

async function pack(name: string, tree: Tree): Promise<PackedContext> {
  const unpacked = [...tree.values()].reduce((sum, file) => sum + (file ? sizeOf(file.content) : 0), 0);
  if (unpacked > contextLimits.size) throw tooLarge(name, `${mebibytes(unpacked)} MiB`, contextLimits.size);
  const chunks: Buffer[] = [];
  let size = 0;
  await pipeline(archiveOf(tree), createGzip({ level: 6 }), async (packed: AsyncIterable<Buffer>) => {
    for await (const chunk of packed) {
      size += chunk.length;
      if (size > longestContext) {
        throw tooLarge(name, `more than ${mebibytes(longestContext)} MiB packed`, longestContext);
      }
      chunks.push(chunk);
    }
  });
  const archive = Buffer.concat(chunks);
  return { archive, sha256: createHash("sha256").update(archive).digest("hex") };
}

function tooLarge(name: string, has: string, limit: number): OperatorError {
  return refuse("build.context-too-large", { name, has, limit: mebibytes(limit) });
}

function entryOf(file: TreeFile | undefined): SnapshotEntry {
  return file ? { kind: "file", ...file } : { kind: "dir" };
}

async function treeOn(folder: string): Promise<Tree> {
  const files = new FileReader();
  const large = new LargeFileReader();
  const tree = new Map<string, TreeFile | undefined>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const full = join(entry.parentPath, entry.name);
    const path = full.slice(folder.length + 1);
    if (entry.isDirectory()) {
      tree.set(path, undefined);
      continue;
    }
    const read = files.read(full);
    const { content, stats } = "large" in read ? await large.read(read) : read;
    tree.set(path, { content, executable: (stats.mode & 0o111) !== 0 });
  }
  return tree;
}
