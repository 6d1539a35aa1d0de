import { S3mini, S3ServiceError } from "s3mini";
import { messageOf } from "../../domain/errors.ts";

/** A bucket of a store that speaks S3, and a key pair that may read, write, list and delete in it. */
export interface Bucket {
  /** Such as `https://s3.eu-central-1.amazonaws.com`, without a slash at the end; the bucket's name goes into the path. */
  readonly endpoint: string;
  readonly name: string;
  readonly region: string;
  /** What keys begin with, ending in `/`; "" for none. */
  readonly prefix: string;
  readonly accessKeyId: string;
  /** A secret. */
  readonly secretAccessKey: string;
}

/** Until the store has answered one request, in milliseconds. */
const answerWithin = 60_000;

/** @param within - until the store has answered one request, in milliseconds. @default a minute */
export function bucketClient(bucket: Bucket, within: number = answerWithin): S3mini {
  return new S3mini({
    accessKeyId: bucket.accessKeyId,
    secretAccessKey: bucket.secretAccessKey,
    region: bucket.region,
    endpoint: `${bucket.endpoint}/${bucket.name}`,
    requestAbortTimeout: within,
  });
}

/** S3's codes for key pairs that are wrong, were taken back or have expired. */
const ofKeys = new Set(["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "AccessDenied"]);

/** Why the store did not do what it was asked, in its own code where it has one. */
export function bucketFailure(error: unknown): { readonly why: string; readonly isOfKeys: boolean } {
  const why = error instanceof S3ServiceError ? (error.serviceCode ?? `HTTP ${error.status}`) : messageOf(error);
  return { why, isOfKeys: ofKeys.has(why) };
}
