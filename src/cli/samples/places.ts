import { resolve } from "node:path";
import type { Bucket } from "../../adapters/buckets/bucket.ts";
import { bucketPlace, bucketPlacesIn } from "../../adapters/samples/bucketPlace.ts";
import { filePlace, filePlacesIn } from "../../adapters/samples/filePlace.ts";
import type { SamplePlace } from "../../adapters/samples/place.ts";
import { folderOf } from "../../domain/samples/folder.ts";
import { refuse } from "../commands/refusals.ts";

/** Names the bucket, and the beginning of keys, where samples are kept that nobody names a place for: `s3://bucket/folder/`. */
const variable = "MENAGERIE_SAMPLES";

/** The sample at a path or at `s3://bucket/key`. */
export function samplePlace(text: string): SamplePlace {
  if (!text.startsWith("s3:")) return filePlace(text);
  const { bucket, key } = bucketOf(text);
  if (key === "" || key.endsWith("/")) throw refuse("sample.bucket-folder", { url: text });
  return bucketPlace(bucket, key);
}

/** The sample at a path or url; of a folder, or of a url that ends in `/`, all samples below it. */
export function samplePlacesIn(text: string): Promise<readonly SamplePlace[]> {
  if (!text.startsWith("s3:")) return filePlacesIn(text);
  const { bucket, key } = bucketOf(text);
  return bucketPlacesIn(bucket, key);
}

/** Where a sample goes that is given no place: the bucket of MENAGERIE_SAMPLES. @throws OperatorError where it is not set. */
export function outputPlace(output: string | undefined, name: string, now: Date): SamplePlace {
  if (output !== undefined) return samplePlace(output.startsWith("s3:") ? output : resolve(output));
  const home = sampleBucket();
  if (home === undefined) throw refuse("sample.no-output", { variable });
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
  return samplePlace(`${home}${folderOf(name)}/${folderOf(name)}-${time}.sample.jsonl`);
}

/** `s3://bucket/` or `s3://bucket/folder/` of MENAGERIE_SAMPLES; undefined where it is not set. */
export function sampleBucket(): string | undefined {
  const home = process.env[variable];
  if (!home) return undefined;
  bucketOf(home);
  return home.endsWith("/") ? home : `${home}/`;
}

/** The bucket of a url, by the variables that S3's own clients take. */
function bucketOf(url: string): { readonly bucket: Bucket; readonly key: string } {
  const [, name, key = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(url) ?? [];
  if (name === undefined) throw refuse("sample.bad-bucket", { url });
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
  if (!accessKeyId || !secretAccessKey) throw refuse("sample.no-bucket-keys", { url });
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env;
  const region = AWS_REGION || AWS_DEFAULT_REGION || "us-east-1";
  const endpoint = (AWS_ENDPOINT_URL_S3 || AWS_ENDPOINT_URL || `https://s3.${region}.amazonaws.com`).replace(
    /\/+$/,
    "",
  );
  return { bucket: { endpoint, name, region, prefix: "", accessKeyId, secretAccessKey }, key };
}
