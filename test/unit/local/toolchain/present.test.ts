import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { presentBinaries } from "../../../../src/local/toolchain/present.ts";
import { Lanes, laneCount } from "../../../../src/local/toolchain/schedule.ts";
import { type ToolSpec, tools, withoutBinaries } from "../../../../src/local/toolchain/tools.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "present-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const script = (name: string, says: string) =>
  writeFile(join(folder, name), `#!/bin/sh\necho '${says}'\n`, { mode: 0o755 });

function tool(name: string): ToolSpec {
  const found = tools.find((each) => each.name === name);
  if (!found) throw new Error(`no tool ${name}`);
  return found;
}

describe("what is on the machine already", () => {
  it("is a pulumi of exactly the pinned version with its language host", async () => {
    await script("pulumi", "v3.259.0");
    const env = { PATH: folder };
    expect(await presentBinaries(tool("pulumi"), env)).toEqual({});
    await script("pulumi-language-nodejs", "");
    expect(await presentBinaries(tool("pulumi"), env)).toEqual({ pulumi: join(folder, "pulumi") });
    await script("pulumi", "v3.258.0");
    expect(await presentBinaries(tool("pulumi"), env)).toEqual({});
  });

  it("is a kube-apiserver of the same minor release; the rest of the control plane is still built", async () => {
    await script("kube-apiserver", "Kubernetes v1.36.0");
    await script("etcd", "etcd Version: 3.5.1");
    const env = { KUBEBUILDER_ASSETS: folder };
    const present = await presentBinaries(tool("kubernetes"), env);
    expect(present).toEqual({ "kube-apiserver": join(folder, "kube-apiserver") });
    const rest = withoutBinaries(tool("kubernetes"), new Set(Object.keys(present)));
    expect(Object.keys(rest.packages)).toEqual(["kube-controller-manager", "kube-scheduler"]);
    expect(await presentBinaries(tool("etcd"), env)).toEqual({});
  });

  it("is a plugin whose download has ended", async () => {
    const plugin = join(folder, "plugins", "resource-kubernetes-v4.25.0");
    await mkdir(plugin, { recursive: true });
    await writeFile(join(plugin, "pulumi-resource-kubernetes"), "", { mode: 0o755 });
    const env = { PULUMI_HOME: folder };
    expect(Object.keys(await presentBinaries(tool("kubernetes-provider"), env))).toEqual([
      "pulumi-resource-kubernetes",
    ]);
    await writeFile(`${plugin}.partial`, "");
    expect(await presentBinaries(tool("kubernetes-provider"), env)).toEqual({});
  });
});

describe("lanes", () => {
  it("are two on two cores, and one where memory is short", () => {
    expect(laneCount(2, 8 * 2 ** 30)).toBe(2);
    expect(laneCount(2, 4 * 2 ** 30)).toBe(1);
    expect(laneCount(32, 64 * 2 ** 30)).toBe(4);
  });

  it("admit the lowest rank first of those who wait", async () => {
    const lanes = new Lanes(1);
    const order: number[] = [];
    const enter = (rank: number) => lanes.run(rank, async () => void order.push(rank));
    await Promise.all([enter(9), enter(5), enter(1), enter(3)]);
    expect(order).toEqual([9, 1, 3, 5]);
  });
});
