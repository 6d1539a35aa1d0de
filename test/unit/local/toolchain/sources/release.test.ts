import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ToolsMode } from "../../../../../src/local/toolchain/sources/mode.ts";
import type { PinnedRelease } from "../../../../../src/local/toolchain/sources/pins.ts";
import { ReleaseSource } from "../../../../../src/local/toolchain/sources/release.ts";
import { ReleaseHosts } from "../../../../../src/local/toolchain/sources/releaseHost.ts";
import type { AnyTool } from "../../../../../src/local/toolchain/tools.ts";
import { archiveRelease, imageRelease } from "../../../../support/packedReleases.ts";
import { type ReleaseServer, startProxy, startReleaseServer } from "../../../../support/releaseServer.ts";

const patience = { decide: 10_000, answer: 10_000, stall: { bytes: 1_000, milliseconds: 1_000 } };
/** Larger than what sockets and pipes hold, so that an end in the middle is one. */
const large = randomBytes(3_000_000);

let folder: string;
let server: ReleaseServer;
/** Address of a host that is not there. */
let gone: string;
let notes: string[];
let said: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "releases-"));
  server = await startReleaseServer();
  const other = await startReleaseServer();
  gone = other.url;
  await other.close();
  notes = [];
  said = [];
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

function tool(name: string, ...executables: string[]): AnyTool {
  return { name, title: name, version: "1", packages: Object.fromEntries(executables.map((each) => [each, "."])) };
}

interface Run {
  readonly mode?: Exclude<ToolsMode, "build">;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
}

function source(
  pins: readonly PinnedRelease[],
  wanted: readonly AnyTool[],
  { mode = "release", env = {}, signal }: Run = {},
) {
  const task = { update: () => {}, done: () => {}, failed: () => {} };
  const progress = { begin: () => task, note: (line: string) => void notes.push(line) };
  const context = { cache: folder, env, progress, signal: signal ?? new AbortController().signal };
  return new ReleaseSource(context, mode, pins, wanted, new ReleaseHosts(env, patience));
}

async function obtain(pins: readonly PinnedRelease[], wanted: AnyTool, run: Run = {}) {
  return await source(pins, [wanted], run).obtain(wanted, target(wanted), (detail) => said.push(detail));
}

const etcdOnly = tool("etcd", "etcd");
const target = ({ name }: AnyTool) => join(folder, "tools", `${name}-pins`);
const downloads = async () => (await readdir(join(folder, "downloads")).catch(() => [])).sort();
const requestsFor = ({ path }: PinnedRelease) => server.requests.filter((each) => each.includes(path));

describe("a released tool", () => {
  const etcd = tool("etcd", "etcd");

  it("is downloaded, with its progress in bytes, and leaves nothing but itself", async () => {
    const found = await obtain([archiveRelease(server, "etcd", { etcd: large, etcdctl: "other" })], etcd);
    expect((await readFile(found?.etcd ?? "")).equals(large)).toBe(true);
    expect((await readdir(target(etcd))).sort()).toEqual(["etcd", "tool.json"]);
    expect(await downloads()).toEqual([]);
    expect(await readdir(join(folder, "tools"))).toEqual(["etcd-pins"]);
    expect(said).toContainEqual(expect.stringMatching(/^\d\.\d of 3\.0 MB$/));
    expect(notes).toEqual(["MENAGERIE_TOOLS=release: downloading etcd"]);
    expect(JSON.parse(await readFile(join(target(etcd), "tool.json"), "utf8"))).toMatchObject({
      sizes: { etcd: large.length },
      origin: expect.stringMatching(/^release sha256:/),
    });
  });

  it("comes out of an image's layers, the last first, by the digest of its index", async () => {
    const pin = imageRelease(server, "kube-apiserver", { "kube-apiserver": large });
    const found = await obtain([pin], tool("kubernetes", "kube-apiserver"));
    expect((await readFile(found?.["kube-apiserver"] ?? "")).equals(large)).toBe(true);
    expect(server.requests.filter((each) => each.includes("/blobs/"))).toHaveLength(2);
    expect(await downloads()).toEqual([]);
  });

  it("comes out of an image of a registry that gives everybody a token", async () => {
    server.token = "for-everybody";
    const pin = imageRelease(server, "kserve/kserve-controller", { manager: "manager" });
    expect(await obtain([pin], tool("kserve", "manager"))).toBeDefined();
    expect(server.requests).toContain("GET token?service=test&scope=repository%3Ax%3Apull");
  });

  it("comes out of an image of a registry behind another name", async () => {
    const front = await startReleaseServer();
    // Another host to those who ask, so that no token goes along when they are sent on.
    front.registry = server.url.replace("127.0.0.1", "localhost");
    server.token = "for-everybody";
    const pin = imageRelease(server, "kube-apiserver", { "kube-apiserver": "server" });
    const found = await obtain([{ ...pin, base: front.url }], tool("kubernetes", "kube-apiserver"));
    expect(await readFile(found?.["kube-apiserver"] ?? "", "utf8")).toBe("server");
    await front.close();
  });

  it("is one archive for two tools, downloaded once", async () => {
    const pin = archiveRelease(server, "pulumi", { pulumi: large, "pulumi-language-nodejs": "host" });
    const [engine, host] = [tool("pulumi", "pulumi"), tool("language-nodejs", "pulumi-language-nodejs")];
    const both = source([pin], [engine, host]);
    const ignore = () => {};
    await Promise.all([both.obtain(engine, target(engine), ignore), both.obtain(host, target(host), ignore)]);
    expect(await readFile(join(target(host), "pulumi-language-nodejs"), "utf8")).toBe("host");
    expect(requestsFor(pin)).toHaveLength(1);
    expect(await downloads()).toEqual([]);
  });

  it("goes on where an interrupted download stopped", async () => {
    const pin = archiveRelease(server, "etcd", { etcd: large });
    server.behaviour.set(pin.path, { stallAfter: 1_000_000 });
    const interrupt = new AbortController();
    const going = obtain([pin], etcd, { signal: interrupt.signal });
    await expect.poll(() => said.at(-1)).toBe("1.0 of 3.0 MB");
    interrupt.abort(new Error("Ctrl-C"));
    await expect(going).rejects.toThrow("Ctrl-C");
    server.behaviour.clear();
    const found = await obtain([pin], etcd);
    expect((await readFile(found?.etcd ?? "")).equals(large)).toBe(true);
    expect(requestsFor(pin)).toEqual([`GET ${pin.path}`, `GET ${pin.path} bytes=1000000-`]);
  });

  it("starts again where the file on the host is not the one that was interrupted", async () => {
    const pin = archiveRelease(server, "etcd", { etcd: large });
    server.behaviour.set(pin.path, { stallAfter: 1_000_000, etag: '"old"' });
    await expect(obtain([pin], etcd)).rejects.toThrow(/sent 0 bytes in 1 s/);
    server.behaviour.clear();
    expect(await obtain([pin], etcd)).toBeDefined();
  });

  it("starts again where what is here does not belong to the rest", async () => {
    const pin = archiveRelease(server, "etcd", { etcd: large });
    server.behaviour.set(pin.path, { stallAfter: 1_000_000 });
    await expect(obtain([pin], etcd)).rejects.toThrow(/sent 0 bytes/);
    const part = (await downloads()).find((name) => name.endsWith(".part")) ?? "";
    await writeFile(join(folder, "downloads", part), Buffer.alloc(1_000_000));
    server.behaviour.clear();
    expect(await obtain([pin], etcd)).toBeDefined();
    expect(requestsFor(pin).at(-1)).toBe(`GET ${pin.path}`);
  });

  it("goes on by itself when the connection is cut and brought something", async () => {
    const pin = archiveRelease(server, "etcd", { etcd: large });
    server.behaviour.set(pin.path, { cutAfter: 1_200_000 });
    expect(await obtain([pin], etcd)).toBeDefined();
    expect(requestsFor(pin)).toHaveLength(3);
  });
});

describe("one sentence says why a release cannot be had", () => {
  const etcd = tool("etcd", "etcd");

  it("when its hash is wrong, and nothing of it is kept", async () => {
    const pin = archiveRelease(server, "etcd", { etcd: large });
    const wrong = { ...pin, digest: `sha256:${"0".repeat(64)}` };
    await expect(obtain([wrong], etcd)).rejects.toThrow(
      /^etcd cannot be downloaded: what http:.* sent is not what tools\/releases.yaml pins \(sha256:[0-9a-f]{64} instead of sha256:0{64}\)/,
    );
    expect(await downloads()).toEqual([]);
    expect(await readdir(join(folder, "tools"))).toEqual([]);
  });

  it("when a layer is not the one that its image names", async () => {
    const pin = imageRelease(server, "kserve", { manager: large });
    for (const path of server.files.keys()) if (path.includes("/blobs/")) server.files.set(path, Buffer.from("other"));
    await expect(obtain([pin], tool("kserve", "manager"))).rejects.toThrow(/is not what tools\/releases.yaml pins/);
  });

  it.each([
    ["is not there", { status: 404 }, /answers 404: there is no such file/],
    ["stops", { stallAfter: 1_000_000 }, /127.0.0.1:\d+ sent 0 bytes in 1 s \(1.0 of 3.0 MB are here\)/],
    ["is cut off again and again", { cutAfter: 1 }, /ended the connection after 0.0 of 3.0 MB/],
  ])("when the file %s", async (_case, behaviour, sentence) => {
    const pin = archiveRelease(server, "etcd", { etcd: large });
    server.behaviour.set(pin.path, behaviour);
    await expect(obtain([pin], etcd)).rejects.toThrow(sentence);
  });

  it("when it is slower than anybody waits", async () => {
    const slow = await startReleaseServer(300);
    const pin = archiveRelease(slow, "etcd", { etcd: large });
    await expect(obtain([pin], etcd)).rejects.toThrow(/sent \d{1,3} bytes in 1 s/);
    await slow.close();
  });

  it("when the archive does not hold the executable", async () => {
    const pin = archiveRelease(server, "etcd", { etcd: "x" });
    await expect(obtain([{ ...pin, executables: { etcd: "elsewhere/etcd" } }], etcd)).rejects.toThrow(
      /does not hold etcd/,
    );
  });

  it("when the executable is of another architecture", async () => {
    const elf = Buffer.from("\x7fELF".padEnd(18, "\0"), "latin1");
    const pin = archiveRelease(server, "etcd", { etcd: Buffer.concat([elf, Buffer.from([8, 0])]) });
    await expect(obtain([pin], etcd)).rejects.toThrow(/is not an executable for/);
  });

  it("when no host is there", async () => {
    const pin = archiveRelease(server, "etcd", { etcd: "x" });
    await expect(obtain([{ ...pin, base: gone }], etcd)).rejects.toThrow(/127.0.0.1:\d+ refuses connections/);
    const unknown = { ...pin, base: "http://releases.invalid" };
    await expect(obtain([unknown], etcd)).rejects.toThrow(/releases.invalid is not known here/);
  });
});

describe("a proxy", () => {
  const etcd = tool("etcd", "etcd");

  it("is used for hosts that NO_PROXY does not name, with the login that its address holds", async () => {
    const proxy = await startProxy("ada:s3cret");
    const pin = archiveRelease(server, "etcd", { etcd: large });
    const HTTP_PROXY = proxy.url.replace("//", "//ada:s3cret@");
    await obtain([pin], etcd, { env: { HTTP_PROXY, NO_PROXY: "127.0.0.1" } });
    expect(proxy.through).toEqual([]);
    await rm(target(etcd), { recursive: true });
    await obtain([pin], etcd, { env: { HTTP_PROXY } });
    expect(proxy.through).toContain(`${server.url}/${pin.path}`);
    await proxy.close();
  });

  it("that wants a login is named, with what to set", async () => {
    const proxy = await startProxy("ada:s3cret");
    const { host } = new URL(proxy.url);
    const pin = archiveRelease(server, "etcd", { etcd: large });
    await expect(obtain([pin], etcd, { env: { HTTP_PROXY: proxy.url } })).rejects.toThrow(
      `etcd cannot be downloaded: the proxy ${host} wants a login: set HTTP_PROXY to http://USER:PASSWORD@${host}`,
    );
    // Through a tunnel, as for every https address.
    const secure = { ...pin, base: "https://releases.invalid" };
    const env = { HTTPS_PROXY: proxy.url.replace("//", "//ada:wrong@") };
    await expect(obtain([secure], etcd, { env })).rejects.toThrow(
      `the proxy ${host} wants a login: set HTTPS_PROXY to http://USER:PASSWORD@${host}`,
    );
    await proxy.close();
  });
});

describe("MENAGERIE_TOOLS=auto", () => {
  it("decides once, says so in one line, and takes what it can", async () => {
    const pin = archiveRelease(server, "etcd", { etcd: "released" });
    const silent = { ...archiveRelease(server, "pulumi", { pulumi: "x" }), base: gone };
    const wanted = [tool("etcd", "etcd"), tool("pulumi", "pulumi"), tool("shim", "shim")];
    const all = source([pin, silent], wanted, { mode: "auto" });
    const found = await Promise.all(wanted.map((each) => all.obtain(each, target(each), () => {})));
    expect(found.map((each) => each !== undefined)).toEqual([true, false, false]);
    expect(notes).toEqual([
      `MENAGERIE_TOOLS=auto: downloading etcd; building shim, pulumi (${new URL(gone).host} refuses connections)`,
    ]);
    expect(server.requests.filter((each) => each.startsWith("HEAD"))).toEqual(["HEAD "]);
  });

  it("leaves a tool to its build, with a line, where its release fails", async () => {
    const pin = archiveRelease(server, "etcd", { etcd: "x" });
    server.behaviour.set(pin.path, { status: 404 });
    expect(await obtain([pin], tool("etcd", "etcd"), { mode: "auto" })).toBeUndefined();
    expect(notes.at(-1)).toMatch(/^etcd: .* answers 404: there is no such file; building it instead$/);
  });

  it("asks nobody, and says nothing, where nothing that is missing is released", async () => {
    expect(await obtain([], tool("shim", "shim"), { mode: "auto" })).toBeUndefined();
    expect([notes, server.requests]).toEqual([[], []]);
  });
});

it("MENAGERIE_TOOLS_URL is asked in place of every host", async () => {
  const pins = [archiveRelease(server, "etcd", { etcd: "a" }), imageRelease(server, "kserve", { manager: "b" })];
  const elsewhere = pins.map((pin) => ({ ...pin, base: gone }));
  const wanted = tool("both", "etcd", "manager");
  expect(await obtain(elsewhere, wanted, { env: { MENAGERIE_TOOLS_URL: `${server.url}/` } })).toBeDefined();
});

it("what kill -9 left is gone on with, and its lock is broken", async () => {
  const pin = archiveRelease(server, "etcd", { etcd: large });
  server.behaviour.set(pin.path, { stallAfter: 1_000_000 });
  const script = `
    import { ReleaseSource } from ${JSON.stringify(join(import.meta.dirname, "../../../../../src/local/toolchain/sources/release.ts"))};
    const task = { update() {}, done() {}, failed() {} };
    const context = { cache: ${JSON.stringify(folder)}, env: {}, progress: { begin: () => task, note() {} }, signal: new AbortController().signal };
    const tool = ${JSON.stringify(etcdOnly)};
    await new ReleaseSource(context, "release", [${JSON.stringify(pin)}], [tool]).obtain(tool, ${JSON.stringify(target(etcdOnly))}, () => {});`;
  const killed = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], { stdio: "ignore" });
  const begun = async () => {
    const part = (await downloads()).find((name) => name.endsWith(".part"));
    return part ? (await stat(join(folder, "downloads", part))).size : 0;
  };
  await expect.poll(begun, { timeout: 30_000 }).toBe(1_000_000);
  killed.kill("SIGKILL");
  await new Promise((resolve) => killed.once("exit", resolve));
  expect((await downloads()).some((name) => name.endsWith(".lock"))).toBe(true);
  server.behaviour.clear();
  expect(await obtain([pin], etcdOnly)).toBeDefined();
  expect(requestsFor(pin).at(-1)).toBe(`GET ${pin.path} bytes=1000000-`);
  expect(await downloads()).toEqual([]);
});

it("a disk that fills is no reason to build: the error says so, and the next run goes on from what is whole", async () => {
  const pin = archiveRelease(server, "etcd", { etcd: large });
  const cache = join(folder, "small");
  const script = `
    import { readdirSync } from "node:fs";
    import { ReleaseSource } from ${JSON.stringify(join(import.meta.dirname, "../../../../../src/local/toolchain/sources/release.ts"))};
    const task = { update() {}, done() {}, failed() {} };
    const context = { cache: ${JSON.stringify(cache)}, env: {}, progress: { begin: () => task, note() {} }, signal: new AbortController().signal };
    const tool = ${JSON.stringify(etcdOnly)};
    const obtain = () => new ReleaseSource(context, "auto", [${JSON.stringify(pin)}], [tool]).obtain(tool, ${JSON.stringify(join(cache, "tools", "etcd-pins"))}, () => {});
    const { code } = await obtain().catch((error) => error);
    console.log(code);
    const { execFileSync } = await import("node:child_process");
    execFileSync("mount", ["-o", "remount,size=20m", ${JSON.stringify(cache)}]);
    console.log(Object.keys(await obtain()).join());`;
  await mkdir(cache);
  // A disk of a megabyte and a half, in a mount namespace of its own.
  const mounted = `mount -t tmpfs -o size=1500k none "$1" && shift && exec "$@"`;
  const output = await promisify(execFile)("unshare", [
    ...["-Urm", "--", "sh", "-c", mounted, "sh", cache],
    ...[process.execPath, "--input-type=module-typescript", "-e", script],
  ]).catch((error: unknown) => error);
  expect(output).toMatchObject({ stdout: "ENOSPC\netcd\n" });
  expect(requestsFor(pin).at(-1)).toMatch(/bytes=\d{6,}-$/);
});
