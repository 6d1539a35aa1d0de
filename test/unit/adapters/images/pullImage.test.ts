import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { readImage } from "../../../../src/adapters/images/imageStore.ts";
import { pullImage } from "../../../../src/adapters/images/pullImage.ts";
import type { LoginSource } from "../../../../src/adapters/images/registryLogins.ts";
import { tar } from "../../../support/tar.ts";

const oci = "application/vnd.oci.image";
const digestOf = (content: Uint8Array | string) => `sha256:${createHash("sha256").update(content).digest("hex")}`;
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** A registry with one image of two layers, of which tests spoil a part. */
class PlayedRegistry {
  readonly lower = gzipSync(
    tar([
      { name: "app/lower", content: "1" },
      { name: "app/gone", content: "x" },
    ]),
  );
  readonly upper = tar([{ name: "app/.wh.gone" }, { name: "app/main", content: "2", mode: 0o755 }]);
  readonly config = json({ config: { Entrypoint: ["/app/main"], Env: ["A=b"], WorkingDir: "/app" } });
  readonly manifest = json({
    schemaVersion: 2,
    config: { mediaType: `${oci}.config.v1+json`, digest: digestOf(this.config), size: this.config.length },
    layers: [
      { mediaType: `${oci}.layer.v1.tar+gzip`, digest: digestOf(this.lower), size: this.lower.length },
      { mediaType: `${oci}.layer.v1.tar`, digest: digestOf(this.upper), size: this.upper.length },
    ],
  });
  /** What is answered under a digest. */
  readonly documents = new Map(
    [this.lower, this.upper, this.config, this.manifest].map((each) => [digestOf(each), each as Buffer]),
  );
  readonly digest = digestOf(this.manifest);
  /** Whether a request is let in. */
  lets = (_: IncomingMessage): boolean => true;
  readonly seen: string[] = [];
  host = "";

  async listen(): Promise<this> {
    const server = createServer((request, response) => {
      const [, kind = "", digest = ""] = /^\/v2\/models\/iris\/(manifests|blobs)\/(.+)$/.exec(request.url ?? "") ?? [];
      this.seen.push(`${request.method} ${kind}`);
      if (!this.lets(request)) return response.writeHead(401, { "www-authenticate": 'Basic realm="ours"' }).end();
      const found = this.documents.get(digest);
      if (!found) return response.writeHead(404).end();
      response.writeHead(200).end(found);
    });
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return this;
  }

  pull(sources: readonly LoginSource[] = [], digest = this.digest, onProgress?: (done: number, total: number) => void) {
    const reference = `${this.host}/models/iris@${digest}`;
    return pullImage(store, reference, { sources, architecture: "amd64", ...(onProgress ? { onProgress } : {}) });
  }
}

let store: string;
let registry: PlayedRegistry;

beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), "menagerie-store-"));
  onTestFinished(() => rm(store, { recursive: true, force: true }));
  registry = await new PlayedRegistry().listen();
});

describe("an image that is pulled", () => {
  it("is in the store under its digest, layers unpacked one over the other, with what it runs", async () => {
    const image = await registry.pull();
    expect(image).toMatchObject({
      digest: registry.digest,
      url: `${registry.host}/models/iris`,
      layers: [],
      ownSystem: true,
      config: { entrypoint: ["/app/main"], cmd: [], env: { A: "b" }, workingDir: "/app" },
    });
    const { rootfs, image: read } = await readImage(store, `anywhere/else@${registry.digest}`);
    expect(read.ownSystem).toBe(true);
    expect((await readdir(rootfs, { recursive: true })).sort()).toEqual(["app", "app/lower", "app/main"]);
    expect(await readFile(join(rootfs, "app/main"), "utf8")).toBe("2");
    expect(await readdir(store)).toEqual([registry.digest.slice("sha256:".length)]);
  });

  it("shares the lower layers with one that begins alike, and changes nothing of it", async () => {
    // Large enough to be kept unpacked.
    const lower = tar([
      { name: "app/large", content: Buffer.alloc(8 * 1024 * 1024, 1) },
      { name: "app/both", content: "1" },
    ]);
    const imageOf = (upper: Buffer) => {
      const manifest = json({
        config: { mediaType: "c", digest: digestOf(registry.config), size: registry.config.length },
        layers: [lower, upper].map((each) => ({
          mediaType: `${oci}.layer.v1.tar`,
          digest: digestOf(each),
          size: each.length,
        })),
      });
      for (const each of [lower, upper, manifest]) registry.documents.set(digestOf(each), each);
      return digestOf(manifest);
    };
    const rootOf = async (digest: string) => (await readImage(store, `a/b@${digest}`)).rootfs;
    const one = imageOf(tar([{ name: "app/one", content: "1" }]));
    await registry.pull([], one);
    const other = imageOf(tar([{ name: "app/both", content: "2" }, { name: "app/.wh.large" }]));
    registry.documents.delete(digestOf(lower));
    const told: number[] = [];
    await registry.pull([], other, (done, total) => told.push(done / total));
    expect(told.at(-1)).toBe(1);
    expect((await readdir(join(await rootOf(other), "app"))).sort()).toEqual(["both"]);
    expect(await readFile(join(await rootOf(other), "app/both"), "utf8")).toBe("2");
    expect((await readdir(join(await rootOf(one), "app"))).sort()).toEqual(["both", "large", "one"]);
    expect(await readFile(join(await rootOf(one), "app/both"), "utf8")).toBe("1");
    const third = imageOf(tar([{ name: "app/third" }]));
    registry.documents.delete(digestOf(lower));
    await registry.pull([], third);
    const inode = async (digest: string) => (await stat(join(await rootOf(digest), "app/large"))).ino;
    expect(await inode(third)).toBe(await inode(one));
  });

  it("tells how far it is", async () => {
    const told: (readonly [number, number])[] = [];
    await registry.pull([], registry.digest, (done, total) => told.push([done, total]));
    const total = registry.lower.length + registry.upper.length;
    expect(told.at(-1)).toEqual([total, total]);
  });

  it("may be one of several in an index", async () => {
    const index = json({
      manifests: [
        { mediaType: "m", digest: digestOf("other"), size: 1, platform: { os: "linux", architecture: "arm64" } },
        { mediaType: "m", digest: registry.digest, size: 1, platform: { os: "linux", architecture: "amd64" } },
      ],
    });
    registry.documents.set(digestOf(index), index);
    expect((await registry.pull([], digestOf(index))).digest).toBe(digestOf(index));
  });

  it("from a registry that wants a login is asked for with the first that is taken, and with that for each part", async () => {
    const basic = `Basic ${Buffer.from("ada:secret").toString("base64")}`;
    registry.lets = ({ headers }) => headers.authorization === basic;
    const source = (password: string): LoginSource => ({
      name: `source of ${password}`,
      logins: async () => [{ username: "ada", password }],
    });
    await registry.pull([source("old"), source("secret")]);
    expect(registry.seen).toEqual([
      "GET manifests",
      "GET manifests",
      "GET manifests",
      "GET blobs",
      "GET blobs",
      "GET blobs",
    ]);
    const other = await new PlayedRegistry().listen();
    other.lets = () => false;
    await expect(other.pull([source("old")])).rejects.toThrow(
      `${other.host} wants a login; it refuses that of source of old (HTTP 401)`,
    );
  });
});

describe("an image is not kept", () => {
  const nothingKept = async () => expect(await readdir(store).catch(() => [])).toEqual([]);

  it.each([
    ["a layer", (of: PlayedRegistry) => digestOf(of.lower), "layer"],
    ["the config", (of: PlayedRegistry) => digestOf(of.config), "document"],
    ["the manifest", (of: PlayedRegistry) => of.digest, "document"],
  ])("where %s is not what its digest says", async (_, digest, what) => {
    const right = registry.documents.get(digest(registry)) as Buffer;
    const wrong = Buffer.from(right);
    wrong[right.length - 2] = (wrong[right.length - 2] ?? 0) ^ 1;
    registry.documents.set(digest(registry), wrong);
    await expect(registry.pull()).rejects.toThrow(
      `${what} ${digest(registry)} has another content, ${digestOf(wrong)}: the registry, or what is before it, changed it`,
    );
    await nothingKept();
  });

  it("where a layer is cut off, or longer than the manifest says", async () => {
    const digest = digestOf(registry.upper);
    const { length } = registry.upper;
    registry.documents.set(digest, registry.upper.subarray(0, 700));
    await expect(registry.pull()).rejects.toThrow(`layer ${digest} ends after 700 of ${length} bytes`);
    registry.documents.set(digest, Buffer.concat([registry.upper, Buffer.from("x")]));
    await expect(registry.pull()).rejects.toThrow(`layer ${digest} is longer than its ${length} bytes`);
    await nothingKept();
  });

  it("where a layer leads out of it, and says which", async () => {
    const hostile = tar([{ name: "../planted", content: "x" }]);
    const manifest = json({
      config: { mediaType: "c", digest: digestOf(registry.config), size: registry.config.length },
      layers: [{ mediaType: `${oci}.layer.v1.tar`, digest: digestOf(hostile), size: hostile.length }],
    });
    registry.documents.set(digestOf(hostile), hostile).set(digestOf(manifest), manifest);
    await expect(registry.pull([], digestOf(manifest))).rejects.toThrow(
      `layer ${digestOf(hostile)} cannot be unpacked: entry "../planted" leads out of the image`,
    );
    await nothingKept();
  });

  it("where a layer is of an unknown kind", async () => {
    const manifest = json({
      config: { mediaType: "c", digest: digestOf(registry.config), size: registry.config.length },
      layers: [{ mediaType: "application/vnd.example.encrypted", digest: digestOf(registry.upper), size: 1 }],
    });
    registry.documents.set(digestOf(manifest), manifest);
    await expect(registry.pull([], digestOf(manifest))).rejects.toThrow(
      /of a kind that cannot be unpacked: application/,
    );
  });

  it("where the registry has none, lost a part, or does not answer", async () => {
    const absent = digestOf("absent");
    await expect(registry.pull([], absent)).rejects.toThrow(`${registry.host} has no models/iris@${absent}`);
    registry.documents.delete(digestOf(registry.lower));
    await expect(registry.pull()).rejects.toThrow(
      `${registry.host} answers HTTP 404 for blobs/${digestOf(registry.lower)}`,
    );
    registry.host = "127.0.0.1:2";
    await expect(registry.pull()).rejects.toThrow("127.0.0.1:2 does not answer: connect ECONNREFUSED 127.0.0.1:2");
    await nothingKept();
  });
});
