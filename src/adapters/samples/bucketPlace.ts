import { Readable } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { type Bucket, bucketClient, bucketFailure } from "../buckets/bucket.ts";
import { refuse } from "../refusals.ts";
import type { SamplePlace } from "./place.ts";

/** Until a whole sample has been sent or read, in milliseconds. */
const within = 600_000;

/** What S3 calls it; the client answers with nothing then. */
const noBucket = "NoSuchBucket";

/** A sample in a bucket, under the bucket's prefix and `key`. */
export function bucketPlace(bucket: Bucket, key: string): SamplePlace {
  const client = bucketClient(bucket, within);
  const path = `${bucket.prefix}${key}`;
  const name = `s3://${bucket.name}/${path}`;
  const asking = <T>(ask: Promise<T>): Promise<T> =>
    ask.catch((error: unknown) => {
      throw refused(bucket, error);
    });
  const removeVersions = async (isAll: boolean): Promise<void> => {
    const versions = await asking(client.listObjectVersions(path));
    if (!versions) throw refused(bucket, new Error(noBucket));
    for (const { VersionId: versionId, IsLatest: isLatest } of versions) {
      if (isAll || !isLatest) await asking(client.deleteObject(versionId ? { key: path, versionId } : path));
    }
  };
  return {
    name,
    baseName: path.split("/").at(-1) ?? path,
    isThere: async () => (await asking(client.objectExists(path))) === true,
    async *read() {
      const response = await asking(client.getObjectResponse(path));
      if (!response?.body) throw refuse("sample.unreadable", { file: name, reason: "it is not there" });
      try {
        yield* Readable.fromWeb(response.body as NodeReadableStream<Uint8Array>) as AsyncIterable<Uint8Array>;
      } catch (error) {
        throw refused(bucket, error);
      }
    },
    async write(content, { isForced, signal }) {
      signal.throwIfAborted();
      // The store refuses where somebody else has put something there meanwhile.
      const unless = isForced ? undefined : ({ "if-none-match": "*" } as Record<string, string>);
      try {
        await client.putObject(path, Buffer.from(content), "application/octet-stream", undefined, unless);
      } catch (error) {
        if (bucketFailure(error).why === "PreconditionFailed") throw refuse("sample.file-there", { file: name }, error);
        throw refused(bucket, error);
      }
    },
    remove: () => removeVersions(true),
    removeFormer: () => removeVersions(false),
  };
}

/** The sample under a key, which ends in no `/`; else all samples whose keys begin with it. */
export async function bucketPlacesIn(bucket: Bucket, key: string): Promise<readonly SamplePlace[]> {
  if (key !== "" && !key.endsWith("/")) return [bucketPlace(bucket, key)];
  try {
    const objects = await bucketClient(bucket, within).listObjects("/", `${bucket.prefix}${key}`);
    if (!objects) throw new Error(noBucket);
    return objects.map(({ Key }) => bucketPlace({ ...bucket, prefix: "" }, Key));
  } catch (error) {
    throw refused(bucket, error);
  }
}

function refused({ name, endpoint }: Bucket, error: unknown) {
  const { why, isOfKeys } = bucketFailure(error);
  const fix = isOfKeys ? "give a key pair that may read, write, list and delete in it" : "check its name and address";
  return refuse("sample.bucket", { name, endpoint, why, fix }, error);
}
