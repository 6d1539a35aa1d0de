import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Bucket } from "../../src/adapters/buckets/bucket.ts";
import { ensurePythonLayers } from "../../src/adapters/truss/python.ts";
import { ensureRequirementLayer } from "../../src/adapters/truss/requirementLayer.ts";
import { type BucketUploads, createBucketUploads } from "../../src/adapters/uploads/bucketUploads.ts";
import { createFolderUploads } from "../../src/adapters/uploads/folderUploads.ts";
import type { UploadStore } from "../../src/adapters/uploads/uploadStore.ts";
import { silent } from "../../src/domain/progress.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { freePort } from "../support/freePort.ts";

/** Uploads in a bucket of a real S3 server (moto's), which checks signatures and rights, beside those in a folder. */

const maximum = 8 * 1024 * 1024;
let server: ChildProcess;
let folder: string;
let bucket: Bucket;
let inBucket: BucketUploads;
let inFolder: UploadStore;

/** Makes a bucket, and a user who may do in it what the stack's documentation says; prints the user's keys. */
const prepare = `
import json, sys, boto3
to = dict(endpoint_url=sys.argv[1], region_name="eu-central-1", aws_access_key_id="any", aws_secret_access_key="any")
boto3.client("s3", **to).create_bucket(Bucket="uploads", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
iam = boto3.client("iam", **to)
iam.create_user(UserName="menagerie")
allow = [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"], "Resource": "*"}]
iam.put_user_policy(UserName="menagerie", PolicyName="uploads", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}))
key = iam.create_access_key(UserName="menagerie")["AccessKey"]
print(json.dumps({"accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"]}))`;
const preparations = 4;

beforeAll(async () => {
  const options = { cache: menagerieCache(), progress: silent, signal: AbortSignal.timeout(590_000) };
  const layers = await ensurePythonLayers(options);
  const request = { name: "moto", pythonVersion: layers.python.version, requirements: ["moto[server]==5.2.5"] };
  const python = join((await ensureRequirementLayer(layers, request, options)).folder, "bin", "python");
  folder = await mkdtemp(join(tmpdir(), "menagerie-uploads-"));
  const port = await freePort();
  server = spawn(python, ["-m", "moto.server", "--host", "127.0.0.1", "--port", String(port)], {
    stdio: "ignore",
    env: { ...process.env, INITIAL_NO_AUTH_ACTION_COUNT: String(preparations) },
  });
  const endpoint = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${endpoint}/moto-api/`).catch(() => undefined))?.ok) {
    if (server.exitCode !== null) throw new Error(`the S3 server ended with ${server.exitCode}`);
    await delay(100);
  }
  const keys = JSON.parse(execFileSync(python, ["-c", prepare, endpoint], { encoding: "utf8" })) as {
    accessKeyId: string;
    secretAccessKey: string;
  };
  bucket = { endpoint, name: "uploads", region: "eu-central-1", prefix: "menagerie/", ...keys };
  inBucket = createBucketUploads(bucket, maximum);
  inFolder = createFolderUploads(folder, maximum);
}, 600_000);

afterAll(async () => {
  if (server && server.exitCode === null) {
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
  }
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
