import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Bucket } from "../../src/adapters/buckets/bucket.ts";
import { type BucketUploads, createBucketUploads } from "../../src/adapters/uploads/bucketUploads.ts";
import { createFolderUploads } from "../../src/adapters/uploads/folderUploads.ts";
import type { UploadStore } from "../../src/adapters/uploads/uploadStore.ts";
import { type S3Server, startS3 } from "../support/s3Server.ts";

/** Uploads in a bucket of a real S3 server (moto's), which checks signatures and rights, beside those in a folder. */

const maximum = 8 * 1024 * 1024;
let server: S3Server | undefined;
let folder: string;
let bucket: Bucket;
let inBucket: BucketUploads;
let inFolder: UploadStore;

beforeAll(async () => {
  const rights = ["GetObject", "PutObject", "DeleteObject", "ListBucket"];
  server = await startS3("uploads", { rights, prefix: "menagerie/" });
  ({ bucket } = server);
  folder = await mkdtemp(join(tmpdir(), "menagerie-uploads-"));
  inBucket = createBucketUploads(bucket, maximum);
  inFolder = createFolderUploads(folder, maximum);
}, 600_000);

afterAll(async () => {
  await server?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const newKey = (): string => `1/${randomUUID()}/truss.tar`;
const anything = (): void => {};

describe.each([
  ["a bucket", () => inBucket],
  ["a folder", () => inFolder],
] as const)("uploads in %s", (_, store) => {
  test("are read as they were stored, and are gone once they are removed", async () => {
    const key = newKey();
    const content = randomBytes(3 * 1024 * 1024);
    const stored = await store().put(key, Readable.from([content.subarray(0, 1000), content.subarray(1000)]), anything);
    expect(stored.size).toBe(content.length);
    expect((await store().read(key))?.equals(content)).toBe(true);
    await store().remove(key);
    expect(await store().read(key)).toBeUndefined();
    // What is gone already is as good as removed.
    await store().remove(key);
  });

  test("keep nothing of what is refused", async () => {
    const key = newKey();
    const refused = store().put(key, Readable.from([Buffer.from("content")]), () => {
      throw new Error("not what was signed");
    });
    await expect(refused).rejects.toThrow("not what was signed");
    expect(await store().read(key)).toBeUndefined();
  });

  test("keep nothing of what is too large", async () => {
    const key = newKey();
    await expect(store().put(key, Readable.from([Buffer.alloc(maximum + 1)]), anything)).rejects.toThrow(
      `more than ${maximum} bytes`,
    );
    expect(await store().read(key)).toBeUndefined();
  });

  test("in parts become one, and the parts go away", async () => {
    const key = newKey();
    const part = (number: number): string => `${key}.parts/${"0".repeat(36)}/${number}`;
    for (const number of [1, 2])
      await store().put(part(number), Readable.from([Buffer.from(`part ${number} `)]), anything);
    expect(await store().join(key, [part(1), part(2), part(3)])).toBeUndefined();
    const joined = await store().join(key, [part(1), part(2)]);
    expect(joined?.size).toBe("part 1 part 2 ".length);
    expect((await store().read(key))?.toString()).toBe("part 1 part 2 ");
    expect(await store().read(part(1))).toBeUndefined();
  });

  test("that were given up in parts are removed together", async () => {
    const key = newKey();
    const folderOfParts = `${key}.parts/${"1".repeat(36)}`;
    for (const number of [1, 2])
      await store().put(`${folderOfParts}/${number}`, Readable.from([Buffer.from("x")]), anything);
    await store().remove(folderOfParts);
    expect(await store().read(`${folderOfParts}/2`)).toBeUndefined();
  });

  test("that nobody deployed are swept", async () => {
    const key = newKey();
    await store().put(key, Readable.from([Buffer.from("old")]), anything);
    await store().sweep(3_600_000);
    expect((await store().read(key))?.toString()).toBe("old");
    await delay(1_100);
    await store().sweep(1_000);
    expect(await store().read(key)).toBeUndefined();
  });
});

test.each([
  [
    "keys that are wrong",
    { secretAccessKey: "wrong" },
    /does not accept or return uploads: SignatureDoesNotMatch; put a valid key pair into the Secret/,
  ],
  [
    "keys that were taken back",
    { accessKeyId: "AKIAGONE00000000" },
    /does not accept or return uploads: InvalidAccessKeyId; put a valid key pair into the Secret of menagerie:services\.uploads\.credentials/,
  ],
  [
    "a bucket that is not there",
    { name: "elsewhere" },
    /bucket "elsewhere" at .* does not accept or return uploads: NoSuchBucket/,
  ],
  ["a server that is not there", { endpoint: "http://127.0.0.1:9" }, /does not accept or return uploads/],
] as const)("%s are told, without the secret", async (_, wrong, sentence) => {
  const store = createBucketUploads({ ...bucket, ...wrong }, maximum);
  const error = await store.put(newKey(), Readable.from([Buffer.from("x")]), anything).catch((e: unknown) => e);
  expect(String(error)).toMatch(sentence);
  expect(String(error)).not.toContain(bucket.secretAccessKey);
});

test("an address gives the content to whoever has it, without a key", async () => {
  const key = newKey();
  await inBucket.put(key, Readable.from([Buffer.from("for the build")]), anything);
  const address = await inBucket.address(key, 60);
  expect(address).not.toContain(bucket.secretAccessKey);
  // Moto knows signatures in headers only: what it is asked next, it answers to anybody.
  await fetch(`${bucket.endpoint}/moto-api/reset-auth`, { method: "POST", body: "1" });
  expect(await (await fetch(address)).text()).toBe("for the build");
});
