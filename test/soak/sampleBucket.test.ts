import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { S3mini } from "s3mini";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { bucketPlace, bucketPlacesIn } from "../../src/adapters/samples/bucketPlace.ts";
import { requireFree } from "../../src/adapters/samples/filePlace.ts";
import { checkSample, sampledRequests } from "../../src/adapters/samples/readSample.ts";
import { outputPlace, samplePlace, samplePlacesIn } from "../../src/cli/samples/places.ts";
import type { SampledRequest } from "../../src/domain/samples/format.ts";
import { headerLine, requestLine } from "../../src/domain/samples/write.ts";
import { type S3Server, startS3 } from "../support/s3Server.ts";

/** Samples in a bucket of a real S3 server (moto's), which checks signatures and rights, and keeps former versions. */

const rights = ["GetObject", "PutObject", "DeleteObject", "ListBucket", "ListBucketVersions", "DeleteObjectVersion"];
const { signal } = new AbortController();
let server: S3Server;
let versions: () => Promise<number>;
let key: string;

beforeAll(async () => {
  server = await startS3("samples", { rights, keepsVersions: true });
  const { endpoint, name, ...keys } = server.bucket;
  const client = new S3mini({ ...keys, endpoint: `${endpoint}/${name}` });
  versions = async () => (await client.listObjectVersions(key))?.length ?? 0;
}, 600_000);
afterAll(() => server?.stop());
beforeEach(() => {
  key = `iris/${randomBytes(4).toString("hex")}.jsonl`;
});

const place = () => bucketPlace(server.bucket, key);
const write = (text: string, isForced = false) => place().write(Buffer.from(text), { isForced, signal });

describe("a sample in a bucket", () => {
  it("is read as it was written, and is not replaced by accident", async () => {
    expect(await place().isThere()).toBe(false);
    await write("whole");
    expect((await buffer(place().read())).toString()).toBe("whole");
    await expect(requireFree(place(), false)).rejects.toThrow(`s3://samples/${key} already exists`);
    await expect(write("other")).rejects.toThrow(`s3://samples/${key} already exists`);
    await write("other", true);
    expect((await buffer(place().read())).toString()).toBe("other");
  });

  it("leaves no former version behind where requests in it are forgotten, or all of it", async () => {
    await write("with ada");
    await write("without", true);
    expect(await versions()).toBe(2);
    await place().removeFormer();
    expect(await versions()).toBe(1);
    expect((await buffer(place().read())).toString()).toBe("without");
    await place().remove();
    expect(await versions()).toBe(0);
    await expect(buffer(place().read())).rejects.toThrow("cannot be read: it is not there");
  });

  it("is found by the beginning of its key", async () => {
    await write("x");
    const named = async (from: string) => (await bucketPlacesIn(server.bucket, from)).map(({ name }) => name);
    expect(await named("iris/")).toContain(`s3://samples/${key}`);
    expect(await named(key)).toEqual([`s3://samples/${key}`]);
    expect(await named("none/")).toEqual([]);
  });
});

describe("the variables of S3's clients", () => {
  beforeEach(() => {
    const { endpoint, region, accessKeyId, secretAccessKey } = server.bucket;
    const set = {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      MENAGERIE_SAMPLES: "s3://samples/kept",
    };
    const before = { ...process.env };
    Object.assign(process.env, set);
    onTestFinished(() => {
      for (const name of Object.keys(set)) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    });
  });

  it("open the bucket, and a sample without a place goes into that of MENAGERIE_SAMPLES", async () => {
    const now = new Date("2026-11-30T12:34:56.789Z");
    const out = outputPlace(undefined, "iris", now);
    expect(out.name).toBe("s3://samples/kept/iris/iris-20261130T123456Z.sample.jsonl");
    const request: SampledRequest = {
      id: "r1",
      attempt: 1,
      at: now.toISOString(),
      operation: "predict",
      path: "/v1/models/model:predict",
      headers: {},
      body: { json: { values: [1] } },
      answer: {
        status: 200,
        latencyMs: 1,
        streamed: false,
        firstTokenMs: null,
        completionTokens: null,
        encoding: null,
        body: { json: { results: [1] } },
      },
    };
    const lines = [requestLine(request)];
    const { line } = headerLine(
      {
        source: {
          environment: "local",
          name: "iris",
          kind: "zoo",
          schema: "recorded_iris",
          versions: [],
          since: "2026-11-29T00:00:00.000Z",
          until: "2026-11-30T00:00:00.000Z",
          organization: null,
        },
        redaction: { rules: [], unredacted: null },
        by: { who: "ada@host", key: "abcdefgh" },
        stratify: [],
        strata: [],
        addresses: 0,
        createdAt: now.toISOString(),
        expiresAt: "2999-01-01T00:00:00.000Z",
      },
      lines,
    );
    await out.write(Buffer.concat([line, ...lines]), { isForced: false, signal });
    const sample = { place: samplePlace(out.name) };
    expect(await checkSample(sample, now)).toMatchObject({ problems: [], header: { count: 1 } });
    const ids: string[] = [];
    for await (const { id } of sampledRequests(sample)) ids.push(id);
    expect(ids).toEqual(["r1"]);
    expect((await samplePlacesIn("s3://samples/kept/iris/")).map(({ name }) => name)).toEqual([out.name]);
  });

  it.each<[string, () => unknown, RegExp]>([
    ["a key pair that is wrong", () => samplePlacesIn("s3://samples/"), /SignatureDoesNotMatch; give a key pair/],
    ["a bucket that is not there", () => samplePlacesIn("s3://elsewhere/"), /NoSuchBucket|404/],
    ["no bucket's name", () => samplePlace("s3://No_Bucket/x"), /does not name a bucket; write s3:/],
    ["no sample's name", () => samplePlace("s3://samples/iris/"), /does not name one sample/],
  ])("%s is told in a sentence, without the secret", async (name, ask, sentence) => {
    if (name.startsWith("a key pair")) process.env.AWS_SECRET_ACCESS_KEY = "wrong";
    const error = await Promise.try(ask).catch((each: unknown) => each);
    expect(String(error)).toMatch(sentence);
    expect(String(error)).not.toContain(server.bucket.secretAccessKey);
  });
});
