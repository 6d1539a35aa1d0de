import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PartSpec } from "../../../../src/local/supervisor/supervisedProcess.ts";
import { Supervisor } from "../../../../src/local/supervisor/supervisor.ts";
import { ArrivingToolchain } from "../../../../src/local/toolchain/arriving.ts";

let logs: string;
let supervisor: Supervisor | undefined;

beforeEach(async () => {
  logs = await mkdtemp(join(tmpdir(), "supervisor-"));
});
afterEach(async () => {
  await supervisor?.stop(1_000);
  await rm(logs, { recursive: true, force: true });
});

function supervise(...parts: PartSpec[]): Supervisor {
  supervisor = new Supervisor({ parts, steps: [], logs, log: () => {} });
  void supervisor.start();
  return supervisor;
}

/** A part that runs the shell, once it has arrived under the name of an executable. */
function part(tools: ArrivingToolchain, name: "etcd" | "kube-apiserver", after: readonly string[] = []): PartSpec {
  return {
    name,
    launch: async () => ({ command: await tools.part(name), args: ["-c", "echo started; exec sleep 60"] }),
    after,
    ready: async () => (await readFile(join(logs, `${name}.log`), "utf8")).includes("started"),
  };
}

const stateOf = (name: string) => supervisor?.status.parts.find((each) => each.name === name)?.state;

describe("parts whose executables are still being made", () => {
  it("start as soon as theirs has arrived, while others wait for theirs", async () => {
    const tools = new ArrivingToolchain(false);
    supervise(part(tools, "etcd"), part(tools, "kube-apiserver", ["etcd"]));
    tools.add({ etcd: "/bin/sh" });
    await expect.poll(() => stateOf("etcd")).toBe("ready");
    expect(stateOf("kube-apiserver")).toBe("pending");
    expect(supervisor?.status.ready).toBe(false);
    tools.add({ "kube-apiserver": "/bin/sh" });
    await expect.poll(() => supervisor?.status.ready).toBe(true);
  });

  it("still start in their order", async () => {
    const tools = new ArrivingToolchain(false);
    supervise(part(tools, "etcd"), part(tools, "kube-apiserver", ["etcd"]));
    tools.add({ "kube-apiserver": "/bin/sh" });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(stateOf("kube-apiserver")).toBe("pending");
    tools.add({ etcd: "/bin/sh" });
    await expect.poll(() => supervisor?.status.ready).toBe(true);
  });

  it("do not start after the environment was stopped", async () => {
    const tools = new ArrivingToolchain(false);
    const stopped = supervise(part(tools, "etcd"));
    await stopped.stop(1_000);
    tools.add({ etcd: "/bin/sh" });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(stopped.status.parts[0]?.pid).toBeNull();
    await expect(readFile(join(logs, "etcd.log"))).rejects.toThrow("ENOENT");
  });

  it("try again when what they are started with cannot be made, and tell why meanwhile", async () => {
    const tools = new ArrivingToolchain(false);
    tools.add({ etcd: "/bin/sh" });
    const { launch, ...spec } = part(tools, "etcd");
    let tries = 0;
    supervise({
      ...spec,
      launch: async () => {
        tries += 1;
        if (tries < 3) throw new Error("no space left on device");
        return launch();
      },
    });
    await expect.poll(() => supervisor?.status.parts[0]?.lastExit).toBe("could not start: no space left on device");
    await expect.poll(() => supervisor?.status.ready).toBe(true);
  });
});

describe("a part that is stopped", () => {
  it.each<[string, () => Promise<void>]>([
    ["finishes first what it does", () => new Promise((resolve) => setTimeout(resolve, 300))],
    ["does not wait for what fails", () => Promise.reject(new Error("no answer"))],
    ["nor for what never ends", () => new Promise(() => {})],
  ])("%s", async (title, drain) => {
    const tools = new ArrivingToolchain(false);
    tools.add({ etcd: "/bin/sh" });
    let [drained, state] = [false, ""];
    const stopping = supervise({
      ...part(tools, "etcd"),
      drain: () => {
        state = `${stateOf("etcd")}`;
        return drain().then(() => {
          drained = stateOf("etcd") === "ready";
        });
      },
    });
    await expect.poll(() => stateOf("etcd")).toBe("ready");
    const startedAt = performance.now();
    await stopping.stop(8_000);
    expect(performance.now() - startedAt).toBeLessThan(7_500);
    expect(state).toBe("ready");
    expect(drained).toBe(title === "finishes first what it does");
  });
});
