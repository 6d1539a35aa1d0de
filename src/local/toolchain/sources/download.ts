import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ReleaseFailure, type ReleaseHosts } from "./releaseHost.ts";

export interface DownloadItem {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** `sha256:…` or `sha512:…` of the whole file. */
  readonly digest: string;
  /** Bytes, where they are known before the host tells. */
  readonly size?: number;
}

export interface DownloadOptions {
  readonly hosts: ReleaseHosts;
  readonly signal: AbortSignal;
  /** Told how far it is, such as `12.4 of 55.0 MB`. */
  readonly say: (detail: string) => void;
}

/** What is known of a partial file: a resumed one is of the same address and, where the host has one, validator. */
interface PartRecord {
  readonly url: string;
  readonly validator?: string;
}

/** How often one call goes on after a cut connection that brought something. */
const resumptions = 3;

/**
 * Downloads a file of known content to `file`. What an earlier call (interrupted, cut off, killed) left in `<file>.part` is gone on
 * from; the whole is hashed before it gets its name. The caller holds a lock on it.
 *
 * @throws ReleaseFailure with what happened; file system errors as they are; the signal's reason when aborted
 */
export async function download(file: string, item: DownloadItem, options: DownloadOptions): Promise<void> {
  const part = `${file}.part`;
  await mkdir(dirname(file), { recursive: true });
  for (let fresh = (await sizeOf(part)) === 0; ; fresh = true) {
    await fetchRest(part, item, options);
    const found = await digestOf(part, item.digest);
    if (found === item.digest) {
      await rename(part, file);
      await rm(`${part}.json`, { force: true });
      return;
    }
    await discard(part);
    // A part may be of other content than the rest (a replaced file, a power cut): the whole is asked for once more.
    if (fresh) {
      throw new ReleaseFailure(
        `what ${item.url} sent is not what tools/releases.yaml pins (${found} instead of ${item.digest}), so nothing of it was kept`,
      );
    }
  }
}

async function fetchRest(part: string, item: DownloadItem, options: DownloadOptions): Promise<void> {
  for (let left = resumptions; ; left -= 1) {
    const before = await sizeOf(part);
    if (item.size !== undefined && before === item.size) return;
    try {
      await transfer(part, item, before, options);
      return;
    } catch (error) {
      const progressed = (await sizeOf(part)) > before;
      if (!(error instanceof CutOff) || !progressed || left === 0) throw error;
      options.say("the connection was cut, going on");
    }
  }
}

class CutOff extends ReleaseFailure {}

async function transfer(part: string, item: DownloadItem, have: number, options: DownloadOptions): Promise<void> {
  const { hosts, signal, say } = options;
  const known = await readPartRecord(part);
  const resumed = have > 0 && known?.url === item.url;
  const headers: Record<string, string> = { ...item.headers };
  if (resumed) {
    headers.range = `bytes=${have}-`;
    if (known.validator) headers["if-range"] = known.validator;
  }
  const stall = new AbortController();
  const answer = await hosts.get(item.url, headers, AbortSignal.any([signal, stall.signal]));
  // A range that begins at the end of the file: all of it is here.
  if (answer.status === 416 && resumed) {
    await answer.body?.cancel();
    return;
  }
  if (answer.status !== 200 && answer.status !== 206) {
    await answer.body?.cancel();
    const found = answer.status === 404 ? "there is no such file" : "it is not a file";
    throw new ReleaseFailure(`${item.url} answers ${answer.status}: ${found}`);
  }
  const from = answer.status === 206 ? have : 0;
  const length = Number(answer.headers.get("content-length") ?? Number.NaN);
  const total = item.size ?? (Number.isNaN(length) ? undefined : from + length);
  const validator = strongValidator(answer.headers);
  await writeFile(`${part}.json`, JSON.stringify({ url: item.url, ...(validator ? { validator } : {}) }));

  let received = from;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      received += chunk.length;
      say(progressText(received, total));
      callback(null, chunk);
    },
  });
  let mark = received;
  const { bytes, milliseconds } = hosts.patience.stall;
  const timer = setInterval(() => {
    if (received - mark < bytes) {
      stall.abort(
        new ReleaseFailure(
          `${new URL(item.url).host} sent ${received - mark} bytes in ${milliseconds / 1000} s (${progressText(received, total)} are here)`,
        ),
      );
    }
    mark = received;
  }, milliseconds);
  try {
    const body = answer.body ?? [];
    const sink = createWriteStream(part, { flags: from > 0 ? "a" : "w" });
    await pipeline(body, meter, sink);
  } catch (error) {
    signal.throwIfAborted();
    stall.signal.throwIfAborted();
    // A file system's error is not the host's.
    if (typeof (error as NodeJS.ErrnoException).syscall === "string" && isOfFiles(error)) throw error;
    const where = progressText(received, total);
    throw new CutOff(`${hosts.explain(item.url, error)} after ${where}`, { cause: error });
  } finally {
    clearInterval(timer);
    await answer.body?.cancel().catch(() => {});
  }
  if (total !== undefined && received < total) {
    throw new CutOff(`${new URL(item.url).host} ended the connection after ${progressText(received, total)}`);
  }
}

function isOfFiles(error: unknown): boolean {
  return (
    /^(write|open|fsync|ftruncate|writev)$/.test((error as NodeJS.ErrnoException).syscall ?? "") &&
    !/^(EPIPE|ECONN)/.test((error as NodeJS.ErrnoException).code ?? "")
  );
}

/** A weak ETag does not promise the same bytes (RFC 9110, 13.1.5). */
function strongValidator(headers: { get(name: string): string | null }): string | undefined {
  const etag = headers.get("etag");
  return etag && !etag.startsWith("W/") ? etag : (headers.get("last-modified") ?? undefined);
}

async function readPartRecord(part: string): Promise<PartRecord | undefined> {
  return await readFile(`${part}.json`, "utf8").then(
    (text) => JSON.parse(text) as PartRecord,
    () => undefined,
  );
}

async function discard(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(`${part}.json`, { force: true });
}

async function sizeOf(file: string): Promise<number> {
  return await stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

async function digestOf(file: string, like: string): Promise<string> {
  const algorithm = like.split(":")[0] ?? "";
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return `${algorithm}:${hash.digest("hex")}`;
}

/** `12.4 of 55.0 MB`, in millions of bytes. */
export function progressText(received: number, total?: number): string {
  const millions = (bytes: number) => (bytes / 1e6).toFixed(1);
  return total === undefined ? `${millions(received)} MB` : `${millions(received)} of ${millions(total)} MB`;
}

/** Name of a file of that content in the downloads' folder. */
export function downloadName(path: string, digest: string): string {
  return `${digest.replace(":", "-").slice(0, 23)}-${basename(path).replaceAll(/[^\w.-]/g, "-")}`;
}

/** Whether a whole file of that digest is there (it got its name only after it was hashed). */
export function isDownloaded(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** Folder of what is on its way, in the cache. */
export function downloadsFolder(cache: string): string {
  return join(cache, "downloads");
}
