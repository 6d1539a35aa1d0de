import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dump } from "js-yaml";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silent } from "../../../../../src/domain/progress.ts";
import { fingerprint } from "../../../../../src/local/toolchain/fingerprint.ts";
import { ensureBinaries } from "../../../../../src/local/toolchain/goTools.ts";
import { toolsForGo } from "../../../../../src/local/toolchain/sources/index.ts";
import { packageName } from "../../../../../src/local/toolchain/sources/package.ts";
import { tools } from "../../../../../src/local/toolchain/tools.ts";
import { archiveRelease } from "../../../../support/packedReleases.ts";
import { type ReleaseServer, startReleaseServer } from "../../../../support/releaseServer.ts";

const fakeGo = `#!/bin/sh
case "$1" in
  build) while [ "$1" != -o ]; do shift; done; echo built > "$2" ;;
  env) echo go1.26.0 ;;
esac`;

const shim = tools.filter((tool) => tool.name === "container-shim");
let folder: string;
let server: ReleaseServer;
let notes: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sources-"));
  server = await startReleaseServer();
  notes = [];
  await writeFile(join(folder, "go"), fakeGo, { mode: 0o755 });
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function ensured(env: NodeJS.ProcessEnv): Promise<string> {
  const { binaries } = await ensureBinaries(shim, {
    cache: join(folder, "cache"),
    progress: { ...silent, note: (line) => void notes.push(line) },
    signal: new AbortController().signal,
    env: { PATH: `${folder}:/usr/bin:/bin`, ...env },
    manifests: false,
    places: { packages: join(folder, "node_modules"), releases: join(folder, "releases.yaml") },
  });
  return (await readFile(binaries["container-shim"] ?? "", "utf8")).trim();
}

async function publish(): Promise<string> {
  const pin = archiveRelease(server, "shim", { "container-shim": "released" });
  const pins = { [process.arch]: { digest: pin.digest, record: "this test" } };
  const { name, version, base, path: archive, executables } = pin;
  const architectures = { x64: "amd64", arm64: "arm64" };
  await writeFile(
    join(folder, "releases.yaml"),
    dump([{ name, version, base, archive, architectures, executables, pins }]),
  );
  return archive;
}

async function install(pins?: string): Promise<void> {
  const [tool] = shim;
  if (!tool) throw new Error("no container shim");
  const at = join(folder, "node_modules", packageName(tool.name));
  await mkdir(join(at, "bin"), { recursive: true });
  await writeFile(join(at, "bin", "container-shim"), "packed");
  await writeFile(join(at, "tool.json"), JSON.stringify({ goVersion: "go1.26.0" }));
  const menagerie = { tool: tool.name, pins: pins ?? (await fingerprint(tool)) };
  await writeFile(
    join(at, "package.json"),
    JSON.stringify({ name: packageName(tool.name), version: "1.0.0", menagerie }),
  );
}

describe("a tool comes from", () => {
  it("its installed package, before a release, and neither Go nor a host is asked", async () => {
    await publish();
    await install();
    expect(await ensured({ PATH: "/nonexistent" })).toBe("packed");
    expect(server.requests).toEqual([]);
  });

  it("its release, where the package is of other pins", async () => {
    await publish();
    await install("0123456789abcdef");
    expect(await ensured({ PATH: "/nonexistent" })).toBe("released");
  });

  it("a build, where MENAGERIE_TOOLS=build says so", async () => {
    await publish();
    await install();
    expect(await ensured({ MENAGERIE_TOOLS: "build" })).toBe("built");
    expect(server.requests).toEqual([]);
  });

  it("a build, where its release fails and the mode is auto", async () => {
    server.behaviour.set(await publish(), { status: 404 });
    expect(await ensured({})).toBe("built");
    expect(notes).toEqual([
      "MENAGERIE_TOOLS=auto: downloading container shim",
      expect.stringMatching(/^container shim: .* answers 404: there is no such file; building it instead$/),
    ]);
  });

  it("nowhere, where its release fails and the mode is release", async () => {
    server.behaviour.set(await publish(), { status: 404 });
    await expect(ensured({ MENAGERIE_TOOLS: "release" })).rejects.toThrow(
      /^container shim cannot be downloaded: .* MENAGERIE_TOOLS=build to build it$/,
    );
  });

  it("the cache, whatever the mode", async () => {
    await publish();
    await ensured({ MENAGERIE_TOOLS: "build" });
    await install();
    expect(await ensured({ MENAGERIE_TOOLS: "release" })).toBe("built");
  });
});

describe("a wrong setting is refused", () => {
  it.each([
    [{ MENAGERIE_TOOLS: "download" }, 'MENAGERIE_TOOLS is "download"; use auto, release or build'],
    [{ MENAGERIE_TOOLS_URL: "mirror" }, /MENAGERIE_TOOLS_URL is "mirror"; use an address such as https:/],
  ])("%o", async (env, sentence) => {
    await publish();
    await expect(ensured(env)).rejects.toThrow(sentence);
  });
});

it("Go is needed for what is neither packed nor released", async () => {
  const places = { packages: join(folder, "node_modules"), releases: join(folder, "releases.yaml") };
  await writeFile(places.releases, "[]");
  const needed = async (env: NodeJS.ProcessEnv = {}) => (await toolsForGo(shim, env, places)).length;
  expect(await needed()).toBe(1);
  await publish();
  expect(await needed()).toBe(0);
  await writeFile(places.releases, "[]");
  await install();
  expect(await needed()).toBe(0);
  expect(await needed({ MENAGERIE_TOOLS: "build" })).toBe(1);
});
