import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pinnedReleases, readReleases, releasesOf } from "../../../../../src/local/toolchain/sources/pins.ts";
import { tools, versions } from "../../../../../src/local/toolchain/tools.ts";

/** Version of the release that has an executable. The released language host is the engine's, built it is another module's. */
const releasedVersions: Readonly<Record<string, string>> = {
  pulumi: versions.pulumi,
  "pulumi-language-nodejs": versions.pulumi,
  "pulumi-resource-kubernetes": versions.kubernetesProvider,
  "kube-apiserver": versions.kubernetes,
  "kube-controller-manager": versions.kubernetes,
  "kube-scheduler": versions.kubernetes,
  etcd: versions.etcd,
  "kserve-manager": versions.kserve,
};

describe("tools/releases.yaml", () => {
  it("has the versions that the tools have, and no executable that is none of theirs", async () => {
    for (const release of await readReleases()) {
      for (const executable of Object.keys(release.executables)) {
        expect([executable, release.version]).toEqual([executable, releasedVersions[executable]]);
      }
    }
  });

  it.each(["x64", "arm64"])("releases these tools for %s; the others are built", async (architecture) => {
    const pinned = pinnedReleases(await readReleases(), architecture);
    const released = tools.filter((tool) => releasesOf(tool, pinned)).map(({ name }) => name);
    expect(released.sort()).toEqual(["etcd", "kubernetes", "kubernetes-provider", "pulumi"]);
  });

  it("fills in versions and the publisher's name of an architecture", async () => {
    const etcd = pinnedReleases(await readReleases(), "arm64").find(({ name }) => name === "etcd");
    expect(etcd).toMatchObject({
      path: "etcd-io/etcd/releases/download/v3.6.5/etcd-v3.6.5-linux-arm64.tar.gz",
      executables: { etcd: "etcd-v3.6.5-linux-arm64/etcd" },
    });
  });

  it("has nothing for other architectures", async () => {
    expect(pinnedReleases(await readReleases(), "riscv64")).toEqual([]);
  });
});

describe("a pins file with a mistake is refused with its place", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "pins-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const good = {
    name: "etcd",
    version: "1",
    base: "https://example.com",
    archive: "etcd.tar.gz",
    architectures: { x64: "amd64", arm64: "arm64" },
    executables: { etcd: "etcd" },
    pins: { x64: { digest: `sha256:${"a".repeat(64)}`, record: "a record" } },
  };

  it.each([
    ["a key that does not exist", { ...good, pin: {} }, /0: Unrecognized key: "pin"/],
    [
      "a digest that is cut off",
      { ...good, pins: { x64: { digest: "sha256:aaaa", record: "r" } } },
      /0.pins.x64.digest/,
    ],
    ["a digest without its record", { ...good, pins: { x64: { digest: good.pins.x64.digest } } }, /0.pins.x64.record/],
    ["an archive and an image", { ...good, image: "etcd" }, /names an archive or an image/],
    ["a path that leads to the host's root", { ...good, archive: "/etcd.tar.gz" }, /without a leading slash/],
  ])("%s", async (_issue, content, sentence) => {
    const file = join(folder, "releases.yaml");
    await writeFile(file, JSON.stringify([content]));
    await expect(readReleases(file)).rejects.toThrow(sentence);
    await writeFile(file, JSON.stringify([good]));
    expect(await readReleases(file)).toHaveLength(1);
  });
});
