import { createReadStream } from "node:fs";
import { chmod, link, lstat, mkdir, readdir, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { extract, list, type Parser, type ReadEntry } from "tar";
import { messageOf } from "../../domain/errors.ts";

/** A layer that cannot be unpacked; the message says why, with the entry's name. */
export class LayerUnusable extends Error {
  override readonly name = "LayerUnusable";
}

/** What a layer's archive says of one path: which is relative, and without `.` and `..`. */
interface LayerEntry {
  readonly path: string;
  readonly kind: "folder" | "file" | "symlink" | "link";
  readonly mode: number;
  /** Of a symlink as it stands, of a hard link a path as above. */
  readonly target: string;
}

interface LayerContent {
  readonly entries: readonly LayerEntry[];
  /** Paths of lower layers that are gone. */
  readonly removed: readonly string[];
  /** Folders of which nothing of lower layers is left. */
  readonly emptied: readonly string[];
}

const whiteout = ".wh.";
/** Marks a folder; other names that begin like it are those of an old storage driver's own files. */
const opaque = ".wh..wh..opq";

const kinds: Readonly<Record<string, LayerEntry["kind"] | undefined>> = {
  File: "file",
  OldFile: "file",
  ContiguousFile: "file",
  Directory: "folder",
  GNUDumpDir: "folder",
  SymbolicLink: "symlink",
  Link: "link",
};

/**
 * Unpacks a layer (tar, also gzipped or by zstd) over those below it in `root`, as the OCI image specification has it. Nothing is
 * written or removed outside of `root`, and no symbolic link is followed: a container's own are made for its own root. Owners and devices
 * are left out, since one user id has no others and can make none.
 */
export async function unpackLayer(archive: string, root: string): Promise<void> {
  const { entries, removed, emptied } = await contentOf(archive);
  // Whiteouts are of what lies below this layer, wherever in it they stand.
  for (const path of removed) await removeAt(root, path);
  for (const path of emptied) await emptyAt(root, path);
  await makeRoom(root, entries);
  await extractPlain(archive, root);
  for (const entry of entries) await setMode(root, entry);
  for (const entry of entries)
    if (entry.kind === "symlink") await placed(root, entry, (at) => symlink(entry.target, at));
  for (const entry of entries) if (entry.kind === "link") await placed(root, entry, (at) => linkTo(root, entry, at));
}

async function contentOf(archive: string): Promise<LayerContent> {
  const entries: LayerEntry[] = [];
  const removed: string[] = [];
  const emptied: string[] = [];
  let wrong: unknown;
  const take = (entry: ReadEntry): void => {
    entry.resume();
    try {
      const path = plainPath(entry.path, `entry "${entry.path}"`);
      const kind = kinds[entry.type];
      const name = path.slice(path.lastIndexOf("/") + 1);
      const folder = path.slice(0, Math.max(0, path.length - name.length - 1));
      if (name === opaque) emptied.push(folder);
      else if (name.startsWith(opaque.slice(0, -"opq".length))) return;
      else if (name.startsWith(whiteout)) removed.push(whitedOut(folder, name.slice(whiteout.length), path));
      else if (kind && path !== "")
        entries.push({ path, kind, mode: entry.mode ?? 0o755, target: targetOf(kind, entry) });
    } catch (error) {
      wrong ??= error;
    }
  };
  await readArchive(archive, (onwarn) => list({ onwarn, onReadEntry: take }));
  if (wrong) throw wrong;
  return { entries, removed, emptied };
}

function targetOf(kind: LayerEntry["kind"], { path, linkpath = "" }: ReadEntry): string {
  if (kind !== "link") return linkpath;
  return plainPath(linkpath, `hard link "${path}"`);
}

function whitedOut(folder: string, name: string, path: string): string {
  if (name === "" || name === "." || name === "..") throw new LayerUnusable(`whiteout "${path}" names nothing`);
  return folder === "" ? name : `${folder}/${name}`;
}

/** Absolute paths are those of the image's root. */
function plainPath(path: string, what: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new LayerUnusable(`${what} leads out of the image`);
  if (parts.some((part) => part.includes("\0"))) throw new LayerUnusable(`${what} has no name that a file can have`);
  return parts.join("/");
}

async function extractPlain(archive: string, root: string): Promise<void> {
  await readArchive(archive, (onwarn) =>
    extract({
      cwd: root,
      preserveOwner: false,
      onwarn,
      filter: (path, entry) => {
        const kind = "type" in entry ? kinds[entry.type] : undefined;
        const name = path.slice(path.replace(/\/$/, "").lastIndexOf("/") + 1);
        return (kind === "file" || kind === "folder") && !name.startsWith(whiteout);
      },
    }),
  );
}

/** As it was packed, whatever this process masks. */
async function setMode(root: string, { path, kind, mode }: LayerEntry): Promise<void> {
  if (kind === "file") await chmod(join(root, path), mode & 0o7777);
  // Else whoever deletes the image later could not.
  if (kind === "folder") await chmod(join(root, path), (mode & 0o7777) | 0o700);
}

type Warn = (code: string, message: string | Error) => void;

/** Reads an archive to its end; rejects for whatever the library warns of. */
async function readArchive(archive: string, make: (onwarn: Warn) => Parser): Promise<void> {
  let wrong: string | undefined;
  let ended = false;
  const reader = make((code, message) => {
    // Absolute paths are told, and are in order.
    if (code !== "TAR_ENTRY_INFO") wrong ??= messageOf(message);
  });
  reader.on("eof", () => {
    ended = true;
  });
  try {
    await pipeline(createReadStream(archive), reader);
  } catch (error) {
    wrong ??= messageOf(error);
  }
  // A layer without entries, such as BuildKit makes, is the end of an archive alone, which the library does not know for one.
  if (wrong && !(ended && /Unrecognized archive format/.test(wrong))) throw new LayerUnusable(wrong);
}

/** Removes what entries take the place of: a folder stays where a folder comes, with what is in it. */
async function makeRoom(root: string, entries: readonly LayerEntry[]): Promise<void> {
  // A layer has thousands of entries in few folders.
  const reached = new Map<string, boolean>();
  for (const { path, kind } of entries) {
    const folder = dirname(path);
    const isThere = reached.get(folder) ?? (await isReached(root, folder));
    reached.set(folder, isThere);
    const there = isThere ? await kindAt(join(root, path)) : undefined;
    if (there === undefined || (kind === "folder" && there === "folder")) continue;
    await rm(join(root, path), { recursive: true });
    reached.clear();
  }
}

async function removeAt(root: string, path: string): Promise<void> {
  if (await isReached(root, dirname(path))) await rm(join(root, path), { recursive: true, force: true });
}

async function emptyAt(root: string, path: string): Promise<void> {
  if (!(await isReached(root, path))) return;
  const folder = join(root, path);
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
}

/** Makes a link at its place, which an earlier entry of the same layer may have. */
async function placed(root: string, { path, kind }: LayerEntry, make: (at: string) => Promise<void>): Promise<void> {
  const folder = dirname(path);
  if (!(await isReached(root, folder, { make: true }))) {
    throw new LayerUnusable(`${kind === "link" ? "hard " : ""}link "${path}" is below a path that is not a folder`);
  }
  const at = join(root, path);
  const there = await kindAt(at);
  if (there === "folder") throw new LayerUnusable(`"${path}" is a folder and a link`);
  if (there !== undefined) await rm(at);
  await make(at);
}

async function linkTo(root: string, { path, target }: LayerEntry, at: string): Promise<void> {
  const there = (await isReached(root, dirname(target))) ? await kindAt(join(root, target)) : undefined;
  if (there !== "other")
    throw new LayerUnusable(`hard link "${path}" leads to "${target}", which is not a file of the image`);
  await link(join(root, target), at);
}

/** Whether a path leads through folders alone to a folder. */
async function isReached(root: string, path: string, { make = false } = {}): Promise<boolean> {
  let at = root;
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    at = join(at, part);
    const there = await kindAt(at);
    if (there === undefined && make) await mkdir(at);
    else if (there !== "folder") return false;
  }
  return true;
}

async function kindAt(path: string): Promise<"folder" | "other" | undefined> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  return found && (found.isDirectory() ? "folder" : "other");
}
