import { expect, it } from "vitest";
import { GpuNodePool } from "../../../components/gpuNodePool.ts";
import type { Environment } from "../../../src/environment/environment.ts";
import { environmentOf } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

const pool = {
  gpu: { kind: "t4", perNode: 1 },
  replicas: 2,
  capacity: { cpu: "8", memory: "32Gi" },
  taints: [{ key: "team", value: "vision", effect: "NoSchedule" }],
} as const;

it("a pool with another kind of nodes is deleted before the new one is made, under the same name", async () => {
  const made = await partsOf(() => new GpuNodePool("t4", { environment: environmentOf(), ...pool }));
  expect(made("NodePool t4").options).toEqual({
    deleteBeforeReplace: true,
    replaceOnChanges: ["spec.template.spec.nodeClassRef"],
    dependsOn: ["LocalNodeClass t4-nodes"],
  });
});

it("its models tolerate the taint of GPUs and its own, and wait for it", async () => {
  let found: ReturnType<Environment["nodesOf"]> | undefined;
  await partsOf(() => {
    const environment = environmentOf();
    const declared = new GpuNodePool("t4", { environment, ...pool });
    found = environment.nodesOf("t4");
    expect(found.resources).toEqual([declared]);
    return declared;
  });
  expect(found?.placement).toMatchObject({
    pool: "t4",
    tolerations: [expect.objectContaining({ key: "nvidia.com/gpu" }), expect.objectContaining({ key: "team" })],
  });
});

it("is refused as in a stack's config, and twice under one name", async () => {
  await partsOf(() => {
    const environment = environmentOf();
    expect(() => new GpuNodePool("t4", { environment, ...pool, limits: { gpus: 4 } })).toThrow(
      "menagerie:pools.t4.limits: the pool has a fixed number of nodes by replicas: 2; remove one of the two",
    );
    new GpuNodePool("a10g", { environment, ...pool });
    expect(() => new GpuNodePool("a10g", { environment, ...pool })).toThrow(
      'the program has two components of pools with the name "a10g"; give one of them another name',
    );
  });
});
