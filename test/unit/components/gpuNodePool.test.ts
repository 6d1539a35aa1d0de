import { expect, it } from "vitest";
import { GpuNodePool } from "../../../components/gpuNodePool.ts";
import { partsOf } from "../../support/playedEngine.ts";

const args = {
  gpu: { kind: "t4", perNode: 1 },
  size: { replicas: 2 },
  nodes: { kind: "local", capacity: { cpu: "8", memory: "32Gi" } },
  taints: [{ key: "team", value: "vision", effect: "NoSchedule" }],
} as const;

it("a pool with another kind of nodes is deleted before the new one is made, under the same name", async () => {
  const made = await partsOf(() => new GpuNodePool("t4", args));
  expect(made("NodePool t4").options).toEqual({
    deleteBeforeReplace: true,
    replaceOnChanges: ["spec.template.spec.nodeClassRef"],
    dependsOn: ["LocalNodeClass t4-nodes"],
  });
});

it("its models tolerate the taint of GPUs and its own", async () => {
  let placement: unknown;
  await partsOf(() => {
    placement = new GpuNodePool("t4", args).placement;
  });
  expect(placement).toMatchObject({
    pool: "t4",
    tolerations: [expect.objectContaining({ key: "nvidia.com/gpu" }), expect.objectContaining({ key: "team" })],
  });
});
