import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Progress, silent } from "../../../../src/domain/progress.ts";
import { ensureBinaries } from "../../../../src/local/toolchain/goTools.ts";
import { tools } from "../../../../src/local/toolchain/tools.ts";

// A go that takes FAKE_GO_SECONDS for a build, or until the file FAKE_GO_GATE with the executable's name behind it is there, notes
// it in FAKE_GO_BUILDS, and writes an executable where -o says.
const fakeGo = `#!/bin/sh
case "$1" in
  build)
    echo built >> "$FAKE_GO_BUILDS"
    sleep "\${FAKE_GO_SECONDS:-0}"
    [ -n "$FAKE_GO_ERROR" ] && { echo "$FAKE_GO_ERROR" >&2; exit 1; }
    while [ "$1" != -o ]; do shift; done
    while [ -n "$FAKE_GO_GATE" ] && [ ! -e "$FAKE_GO_GATE$(basename "$2")" ]; do sleep 0.05; done
    echo program > "$2" ;;
  env) echo go1.26.0 ;;
esac`;

const shim = tools.filter((tool) => tool.name === "container-shim");
let folder: string;
let cache: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "toolchain-"));
  cache = join(folder, "cache");
  await writeFile(join(folder, "go"), fakeGo, { mode: 0o755 });
  env = { PATH: `${folder}:/usr/bin:/bin`, FAKE_GO_BUILDS: join(folder, "builds") };
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function ensure(extra: NodeJS.ProcessEnv = {}, signal: AbortSignal = new AbortController().signal) {
  return ensureBinaries(shim, { cache, progress: silent, signal, env: { ...env, ...extra }, manifests: false });
}

async function builds(): Promise<number> {
  return (await readFile(join(folder, "builds"), "utf8").catch(() => "")).split("\n").length - 1;
}

describe("a tool that is not in the cache", () => {
  it("is built once, and found there without Go afterwards", async () => {
    const { binaries } = await ensure();
    expect(await readFile(binaries["container-shim"] ?? "", "utf8")).toBe("program\n");
    expect((await ensure({ PATH: "/nonexistent" })).binaries).toEqual(binaries);
    expect(await builds()).toBe(1);
  });

  it("is built once when two ask at the same time", async () => {
    const [one, other] = await Promise.all([ensure({ FAKE_GO_SECONDS: "0.3" }), ensure()]);
    expect(one).toEqual(other);
    expect(await builds()).toBe(1);
  });

  it("is built again when its file was cut off", async () => {
    const { binaries } = await ensure();
    await writeFile(binaries["container-shim"] ?? "", "pro");
    await ensure();
    expect(await readFile(binaries["container-shim"] ?? "", "utf8")).toBe("program\n");
  });

  it("leaves nothing behind when it is interrupted, and ends the compiler", async () => {
    const abort = new AbortController();
    const going = ensure({ FAKE_GO_SECONDS: "30" }, abort.signal);
    await expect.poll(builds).toBe(1);
    abort.abort(new Error("Ctrl-C"));
    await expect(going).rejects.toThrow("Ctrl-C");
    expect(await readdir(join(cache, "tools"))).toEqual([]);
  });

  it("is built by the next process after one was killed midway", async () => {
    const script = `
      import { ensureBinaries } from ${JSON.stringify(join(import.meta.dirname, "../../../../src/local/toolchain/goTools.ts"))};
      import { tools } from ${JSON.stringify(join(import.meta.dirname, "../../../../src/local/toolchain/tools.ts"))};
      const task = { update() {}, done() {}, failed() {} };
      await ensureBinaries(tools.filter((tool) => tool.name === "container-shim"), {
        cache: ${JSON.stringify(cache)}, progress: { begin: () => task, note() {} }, signal: new AbortController().signal, manifests: false,
      });`;
    const killed = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
      env: { ...env, FAKE_GO_SECONDS: "1" },
      stdio: "ignore",
    });
    await expect.poll(builds).toBe(1);
    killed.kill("SIGKILL");
    await new Promise((resolve) => killed.once("exit", resolve));
    // Its go ends with it, and builds nothing that nobody asks for any more.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const [abandoned = ""] = (await readdir(join(cache, "tools"))).filter((name) => name.startsWith(".work-"));
    expect(await readdir(join(cache, "tools", abandoned, "out"))).toEqual([]);
    expect(await readdir(join(cache, "tools"))).toContain("container-shim.lock");
    await ensure();
    const left = await readdir(join(cache, "tools"));
    expect(left).toHaveLength(1);
    expect(left[0]).toMatch(/^container-shim-[0-9a-f]{16}$/);
  });
});

describe("several tools", () => {
  const several = tools.filter(({ name }) => ["language-nodejs", "etcd", "container-shim"].includes(name));

  it("arrive one by one, each as soon as it is built, and what is in the cache at once", async () => {
    await ensure();
    const gate = join(folder, "gate-");
    const arrived: string[] = [];
    const going = ensureBinaries(several, {
      cache,
      progress: silent,
      signal: new AbortController().signal,
      manifests: false,
      env: { ...env, FAKE_GO_GATE: gate },
      onArrival: (parts) => arrived.push(...Object.keys(parts)),
    });
    await expect.poll(() => arrived).toEqual(["container-shim"]);
    await writeFile(`${gate}pulumi-language-nodejs`, "");
    await expect.poll(() => arrived).toEqual(["container-shim", "pulumi-language-nodejs"]);
    await writeFile(`${gate}etcd`, "");
    await going;
    expect(arrived).toEqual(["container-shim", "pulumi-language-nodejs", "etcd"]);
  });

  it("tell in minutes what is left of each, and how many are still to be made", async () => {
    const told = new Map<string, string[]>();
    const progress: Progress = {
      note: () => {},
      begin: (name) => {
        const lines: string[] = [];
        told.set(name, lines);
        const keep = (detail = "") => void lines.push(detail);
        return { update: keep, done: keep, failed: keep };
      },
    };
    const signal = new AbortController().signal;
    await ensureBinaries(several, { cache, progress, signal, env, manifests: false });
    expect([...told.keys()]).toEqual([
      "container shim of this checkout",
      "etcd 3.6.5",
      "Pulumi's Node.js language host 3.66.0",
    ]);
    for (const lines of told.values()) expect(lines).toContain("compiling, less than a minute left");
    expect([...told.values()].map((lines) => lines.at(-1)).sort()).toEqual(["", "1 more to make", "2 more to make"]);
  });

  it("leave what is whole when one of them fails, and no compiler at work", async () => {
    const failing = ensureBinaries(several, {
      cache,
      progress: silent,
      signal: new AbortController().signal,
      manifests: false,
      env: { ...env, FAKE_GO_SECONDS: "0.1", FAKE_GO_ERROR: "link: write out: no space left on device" },
    });
    await expect(failing).rejects.toThrow(/ran out of disk space; free about 8 GB/);
    expect(
      (await readdir(join(cache, "tools"))).filter((name) => name.startsWith(".work") || name.endsWith(".lock")),
    ).toEqual([]);
  });
});

describe("a failed build tells what to do", () => {
  it.each([
    ["link: write out: no space left on device", /ran out of disk space; free about 8 GB/],
    ["go: x: Get x: dial tcp: lookup proxy: no such host", /could not download its Go modules .*GOPROXY/],
    [
      "go: go.mod requires go >= 1.26 (running go 1.22.2; GOTOOLCHAIN=local)",
      /needs Go 1.26 or newer and this is Go 1.22.2/,
    ],
    [
      "go: errors parsing go.mod: go.mod:3: invalid go version '1.26.6': must match format 1.23",
      /1\.26 or newer .*too old/,
    ],
    ["go: errors parsing go.mod: go.mod:5: unknown directive: tool", /1\.26 or newer .*too old/],
    ["go: download go1.26.6 for linux/amd64: toolchain not available", /could not fetch .*install Go 1\.26 or newer/],
    ["link: running: signal: bus error (core dumped)", /ran out of disk space/],
    ["compile: signal: killed", /lack of memory/],
    ["main.go:3:1: undefined: x", /failed: main.go:3:1: undefined: x \(whole log: .*container-shim.log\)/],
  ])("%s", async (said, sentence) => {
    await expect(ensure({ FAKE_GO_ERROR: said })).rejects.toThrow(sentence);
  });

  it("when there is no Go", async () => {
    await expect(ensure({ PATH: "/nonexistent" })).rejects.toThrow(/there is no go on PATH; install it/);
  });
});
