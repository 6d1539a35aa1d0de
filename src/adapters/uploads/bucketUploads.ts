import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import type { OperatorError } from "../../domain/errors.ts";
import { type Bucket, bucketClient, bucketFailure } from "../buckets/bucket.ts";
import { refuse } from "../refusals.ts";
import { refuseOtherKey, type StoredContent, type UploadStore, UploadTooLarge } from "./uploadStore.ts";

/** A store whose content others can be given for a while, without keys of their own. */
export interface BucketUploads extends UploadStore {
  /** Address that answers a GET with the content for so many seconds (604,800 at most). A secret. */
  address(key: string, seconds: number): Promise<string>;
}

/**
 * Keeps uploads in a bucket, so that any replica of the service, and the pods that build, find them. Contents are held in
 * memory on their way: they are hashed and checked before anything is sent. `maximum` in bytes.
 */
export function createBucketUploads(bucket: Bucket, maximum: number): BucketUploads {
  const client = bucketClient(bucket);
  const pathOf = (key: string): string => {
    refuseOtherKey(key);
    return `${bucket.prefix}${key}`;
  };
  const asking = <T>(ask: Promise<T>): Promise<T> =>
    ask.catch((error: unknown) => Promise.reject(failure(bucket, error)));
  const write = async (key: string, content: Buffer): Promise<StoredContent> => {
    await asking(client.putObject(pathOf(key), content, "application/octet-stream"));
    return describe(content);
  };
  const read = async (key: string): Promise<Buffer | undefined> => {
    const content = await asking(client.getObjectArrayBuffer(pathOf(key)));
    return content ? Buffer.from(content) : undefined;
  };
  const list = async (prefix: string) => (await asking(client.listObjects("/", prefix))) ?? [];
  const removeAll = async (paths: readonly string[]): Promise<void> => {
    for (const path of paths) await asking(client.deleteObject(path));
  };
  return {
    async put(key, content, check) {
      const bytes = await collected(content, maximum);
      check(describe(bytes));
      return write(key, bytes);
    },
    read,
    async join(key, parts) {
      const contents: Buffer[] = [];
      let size = 0;
      for (const part of parts) {
        const content = await read(part);
        if (!content) return undefined;
        contents.push(content);
        size += content.length;
        if (size > maximum) throw new UploadTooLarge(`more than ${maximum} bytes`);
      }
      const stored = await write(key, Buffer.concat(contents));
      await removeAll(parts.map(pathOf));
      return stored;
    },
    async remove(key) {
      const below = await list(`${pathOf(key)}/`);
      await removeAll([pathOf(key), ...below.map(({ Key }) => Key)]);
    },
    async sweep(milliseconds) {
      const oldest = Date.now() - milliseconds;
      const objects = await list(bucket.prefix);
      await removeAll(
        objects.filter(({ LastModified }) => new Date(LastModified).getTime() < oldest).map(({ Key }) => Key),
      );
    },
    address: (key, seconds) => client.getPresignedUrl("GET", pathOf(key), seconds),
  };
}

function describe(content: Buffer): StoredContent {
  const digest = (algorithm: string) => createHash(algorithm).update(content).digest("hex");
  return { size: content.length, etag: digest("md5"), sha256: digest("sha256") };
}

async function collected(content: Readable, maximum: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += (chunk as Buffer).length;
    if (size > maximum) throw new UploadTooLarge(`more than ${maximum} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** What the operator can do about it: the store's own code says which of bucket, key pair and address is wrong. */
function failure({ name, endpoint }: Bucket, error: unknown): OperatorError {
  const { why, isOfKeys } = bucketFailure(error);
  const renew = isOfKeys
    ? "; put a valid key pair into the Secret of menagerie:services.uploads.credentials and restart the API service"
    : "";
  return refuse("uploads.bucket", { name, endpoint, why, renew }, error);
}
