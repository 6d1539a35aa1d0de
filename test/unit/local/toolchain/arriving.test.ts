import { describe, expect, it } from "vitest";
import { ArrivingToolchain, partNames, type ToolchainParts } from "../../../../src/local/toolchain/arriving.ts";

function allParts(tekton: boolean): Partial<ToolchainParts> {
  return Object.fromEntries(partNames(tekton).map((name) => [name, name === "python" ? {} : `/bin/${name}`]));
}

describe("a toolchain whose parts arrive", () => {
  it("hands out each part as soon as it is there", async () => {
    const arriving = new ArrivingToolchain(false);
    const etcd = arriving.part("etcd");
    arriving.add({ etcd: "/cache/etcd" });
    expect(await etcd).toBe("/cache/etcd");
    expect(await arriving.part("etcd")).toBe("/cache/etcd");
  });

  it("keeps a part that arrived before", async () => {
    const arriving = new ArrivingToolchain(false);
    arriving.add({ etcd: "/one" });
    arriving.add({ etcd: "/other" });
    expect(await arriving.part("etcd")).toBe("/one");
  });

  it.each([true, false])("is complete with its last part (Tekton: %s)", async (tekton) => {
    const arriving = new ArrivingToolchain(tekton);
    const whole = arriving.complete();
    const { pulumi, ...others } = allParts(tekton);
    arriving.add(others);
    expect(arriving.isComplete).toBe(false);
    arriving.add({ pulumi: pulumi as string });
    expect(arriving.isComplete).toBe(true);
    expect((await whole).bin.pulumi).toBe("/bin/pulumi");
    expect("tekton" in (await whole)).toBe(tekton);
  });

  it("tells whoever waits, then and later, why nothing more arrives; what is there can still be had", async () => {
    const arriving = new ArrivingToolchain(false);
    arriving.add({ etcd: "/cache/etcd" });
    const waiting = arriving.part("pulumi");
    arriving.fail(new Error("the disk is full"));
    await expect(waiting).rejects.toThrow("the disk is full");
    await expect(arriving.part("kserve-manager")).rejects.toThrow("the disk is full");
    expect(await arriving.part("etcd")).toBe("/cache/etcd");
  });

  it("does not end the process of somebody who has asked and not looked yet when it fails", async () => {
    const unhandled: unknown[] = [];
    const keep = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", keep);
    const arriving = new ArrivingToolchain(false);
    const asked = arriving.part("python");
    arriving.fail(new Error("interrupted"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off("unhandledRejection", keep);
    expect(unhandled).toEqual([]);
    await expect(asked).rejects.toThrow("interrupted");
  });

  it("tells listeners of what is new only", () => {
    const arriving = new ArrivingToolchain(false);
    let calls = 0;
    arriving.onArrival(() => {
      calls += 1;
    });
    arriving.add({ etcd: "/cache/etcd" });
    arriving.add({ etcd: "/cache/etcd" });
    arriving.add({});
    expect(calls).toBe(1);
  });
});
