import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EnvironmentLayout, environmentLayout } from "../../../src/local/layout.ts";
import { ArrivingToolchain, partNames, type ToolchainParts } from "../../../src/local/toolchain/arriving.ts";
import { ToolchainFile } from "../../../src/local/toolchainFile.ts";

let home: string;
let layout: EnvironmentLayout;
const ends: AbortController[] = [];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "toolchain-file-"));
  layout = environmentLayout("local", home);
});
afterEach(async () => {
  for (const end of ends.splice(0)) end.abort();
  await rm(home, { recursive: true, force: true });
});

const everything = Object.fromEntries(
  partNames(false).map((name) => [name, `/bin/${name}`]),
) as Partial<ToolchainParts>;

/** An `up` that publishes what arrives, until it is ended. */
async function publishing() {
  const arriving = new ArrivingToolchain(false);
  const end = new AbortController();
  ends.push(end);
  await new ToolchainFile(layout).publish(arriving, end.signal);
  return { arriving, end };
}

describe("the toolchain of an environment", () => {
  it("reaches its processes part by part", async () => {
    const { arriving } = await publishing();
    const followed = await new ToolchainFile(layout).follow();
    const [etcd, apiserver] = [followed.part("etcd"), followed.part("kube-apiserver")];
    arriving.add({ etcd: "/cache/etcd" });
    expect(await etcd).toBe("/cache/etcd");
    expect(followed.arrived["kube-apiserver"]).toBeUndefined();
    arriving.add({ "kube-apiserver": "/cache/kube-apiserver" });
    expect(await apiserver).toBe("/cache/kube-apiserver");
  });

  it("counts as a whole only when its last part is there", async () => {
    const { arriving } = await publishing();
    const { pulumi, ...others } = everything;
    arriving.add(others);
    const file = new ToolchainFile(layout);
    await expect.poll(async () => (await file.read())?.arrived.etcd).toBe("/bin/etcd");
    expect(await file.readComplete()).toBeUndefined();
    arriving.add({ pulumi: pulumi as string });
    await expect.poll(async () => (await file.readComplete())?.bin.pulumi).toBe("/bin/pulumi");
  });

  it("is nobody's after the run that was to complete it has ended, and only then", async () => {
    const { end } = await publishing();
    let abandoned = false;
    const file = new ToolchainFile(layout);
    // Twenty looks that are 100 ms apart, at a file that is touched each second.
    void file.abandoned(100).then(() => {
      abandoned = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect(abandoned).toBe(false);
    end.abort();
    await expect.poll(() => abandoned).toBe(true);
  });

  it("is never nobody's once it is complete", async () => {
    const { arriving } = await publishing();
    arriving.add(everything);
    let abandoned = false;
    void new ToolchainFile(layout).abandoned(5).then(() => {
      abandoned = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(abandoned).toBe(false);
  });

  it("of another version of this program, or cut off, is none", async () => {
    const { arriving } = await publishing();
    arriving.add(everything);
    const path = join(layout.root, "toolchain.json");
    await expect.poll(async () => (await new ToolchainFile(layout).read())?.isComplete).toBe(true);
    for (const text of ['{"bin":{"etcd":"/bin/etcd"}}', '{"formatVersion":2,"par']) {
      await writeFile(path, text);
      expect(await new ToolchainFile(layout).read()).toBeUndefined();
    }
  });
});
