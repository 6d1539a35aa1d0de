import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, link, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf } from "../../domain/errors.ts";
import { refuse } from "../refusals.ts";
import type { SamplePlace } from "./place.ts";

/** A sample in a file, which only its owner may read. */
export function filePlace(file: string): SamplePlace {
  return {
    name: file,
    baseName: basename(file),
    isThere: () =>
      access(file).then(
        () => true,
        () => false,
      ),
    async *read() {
      try {
        yield* createReadStream(file) as AsyncIterable<Uint8Array>;
      } catch (error) {
        throw refuse("sample.unreadable", { file, reason: messageOf(error) }, error);
      }
    },
    write: (content, options) => placeFile(file, content, options),
    remove: () => rm(file, { force: true }),
    removeFormer: () => Promise.resolve(),
  };
}

/** The sample of a path; of a folder every file in it and below, but those whose names begin with a dot. */
export async function filePlacesIn(path: string): Promise<readonly SamplePlace[]> {
  const found = await stat(path).catch((error: unknown) => {
    throw refuse("sample.unreadable", { file: path, reason: messageOf(error) }, error);
  });
  if (!found.isDirectory()) return [filePlace(path)];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map(filePlace);
}

/** @throws OperatorError where something is there and may not be replaced. */
export async function requireFree(place: SamplePlace, isForced: boolean): Promise<void> {
  if (!isForced && (await place.isThere())) throw refuse("sample.file-there", { file: place.name });
}

async function placeFile(
  file: string,
  content: Uint8Array,
  { isForced, signal }: Parameters<SamplePlace["write"]>[1],
): Promise<void> {
  const whole = join(dirname(file), `.${basename(file)}.${randomBytes(4).toString("hex")}`);
  try {
    await writeFile(whole, content, { mode: 0o600, flag: "wx", flush: true, signal });
    // A link fails where somebody else has made the file meanwhile.
    if (isForced) await rename(whole, file);
    else await link(whole, file);
  } catch (error) {
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw refuse("sample.file-there", { file }, error);
    throw refuse("sample.not-written", { file, reason: messageOf(error) }, error);
  } finally {
    await rm(whole, { force: true });
  }
}
