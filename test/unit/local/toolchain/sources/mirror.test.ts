import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silent } from "../../../../../src/domain/progress.ts";
import { mirror } from "../../../../../src/local/toolchain/sources/mirror.ts";
import type { Release } from "../../../../../src/local/toolchain/sources/pins.ts";
import { publishedPin } from "../../../../../src/local/toolchain/sources/published.ts";
import { ReleaseSource } from "../../../../../src/local/toolchain/sources/release.ts";
import { ReleaseHosts } from "../../../../../src/local/toolchain/sources/releaseHost.ts";
import { archiveRelease, imageRelease } from "../../../../support/packedReleases.ts";
import { type ReleaseServer, startReleaseServer } from "../../../../support/releaseServer.ts";

const { signal } = new AbortController();
let folder: string;
let server: ReleaseServer;
let hosts: ReleaseHosts;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mirror-"));
  server = await startReleaseServer();
  hosts = new ReleaseHosts({});
});
afterEach(async () => {
  await hosts.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

it("a folder that was mirrored serves all releases, and is not downloaded twice", async () => {
  const pins = [
    archiveRelease(server, "etcd", { etcd: "a" }),
    imageRelease(server, "kserve/manager", { manager: "b" }),
  ];
  await mirror(pins, folder, { hosts, signal, say: () => {} });
  const asked = server.requests.filter((each) => /blobs|tar\.gz/.test(each)).length;
  await mirror(pins, folder, { hosts, signal, say: () => {} });
  expect(server.requests.filter((each) => /blobs|tar\.gz/.test(each))).toHaveLength(asked);

  const web = await startReleaseServer();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile()) web.files.set(relative(folder, file), { file });
  }
  const both = { name: "both", title: "both", version: "1", packages: { etcd: ".", manager: "." } };
  const context = { cache: join(folder, "cache"), env: { MENAGERIE_TOOLS_URL: web.url }, progress: silent, signal };
  const found = await new ReleaseSource(context, "release", pins, [both]).obtain(both, join(folder, "made"), () => {});
  expect(await readFile(found?.manager ?? "", "utf8")).toBe("b");
  await web.close();
});

describe("what a publisher says today", () => {
  const release: Release = {
    name: "etcd",
    version: "3.6.5",
    base: "http://replaced.invalid",
    archive: "v{version}/etcd-{arch}.tar.gz",
    checksums: "v{version}/SHA256SUMS",
    architectures: { x64: "amd64", arm64: "arm64" },
    executables: { etcd: "etcd" },
    pins: {},
  };
  const [amd64, arm64] = ["a".repeat(64), "b".repeat(64)];

  it("is read in its checksum file, by the name of the architecture's archive", async () => {
    server.files.set("v3.6.5/SHA256SUMS", Buffer.from(`${amd64}  etcd-amd64.tar.gz\n${arm64} *etcd-arm64.tar.gz\n`));
    const pin = await publishedPin(release, "arm64", { hosts, signal, base: server.url });
    expect(pin).toEqual({ digest: `sha256:${arm64}`, record: `${server.url}/v3.6.5/SHA256SUMS` });
  });

  it("is what a registry has under the tag", async () => {
    const { digest } = imageRelease(server, "etcd", { etcd: "x" });
    const index = server.files.get(`v2/etcd/manifests/${digest}`);
    if (index) server.files.set("v2/etcd/manifests/v3.6.5", index);
    const { archive: _, checksums: __, ...others } = release;
    const image = { ...others, image: "etcd", tag: "v{version}" };
    expect(await publishedPin(image, "x64", { hosts, signal, base: server.url })).toMatchObject({ digest });
  });

  it("is nothing where there is no such file, which is said", async () => {
    await expect(publishedPin(release, "x64", { hosts, signal, base: server.url })).rejects.toThrow(
      /SHA256SUMS answers 404/,
    );
    server.files.set("v3.6.5/SHA256SUMS", Buffer.from("nothing\n"));
    await expect(publishedPin(release, "x64", { hosts, signal, base: server.url })).rejects.toThrow(
      /has no SHA-256 of/,
    );
  });
});
