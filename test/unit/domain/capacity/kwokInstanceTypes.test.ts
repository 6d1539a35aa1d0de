import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { parseEnvironment } from "../../../../src/config/parse.ts";
import { stackConfig } from "../../../../src/config/stackConfig.ts";
import { type KwokInstanceType, kwokInstanceTypes } from "../../../../src/domain/capacity/kwokInstanceTypes.ts";
import { type GpuPool, nodePoolManifest } from "../../../../src/domain/serving/nodePool.ts";
import { gpuPool } from "../../../../src/plan/pools.ts";

const size = { cpu: "16", memory: "64Gi", architecture: "amd64" };

/** The pools of a committed stack, on nodes of the kwok provider. */
function committedPools(stack: string): GpuPool[] {
  const file = join(import.meta.dirname, "../../../..", `Pulumi.${stack}.yaml`);
  const { config } = load(readFileSync(file, "utf8")) as { config: Record<string, string> };
  const { pools, nodeClass } = parseEnvironment({ ...stackConfig(config), nodeClass: "kwok" });
  return Object.entries(pools).map(([name, pool]) => gpuPool(name, pool, nodeClass));
}

/** Values of a type by key of a requirement; those of an offering as the node gets them. */
function offered({ name, offerings }: KwokInstanceType): Record<string, string | undefined>[] {
  return offerings.map(({ Requirements }) => ({
    "node.kubernetes.io/instance-type": name,
    ...Object.fromEntries(Requirements.map(({ key, values: [value] }) => [key, value])),
  }));
}

/** Names of the types that a pool's NodePool can take, each with an offering that meets all of its requirements. */
function matching(pool: GpuPool, types: readonly KwokInstanceType[]): string[] {
  const { requirements } = nodePoolManifest(pool).spec.template.spec;
  return types
    .filter((type) =>
      offered(type).some((values) =>
        requirements.every((requirement) => requirement.values.includes(values[requirement.key] ?? "")),
      ),
    )
    .map(({ name }) => name);
}

describe("the instance types of the kwok provider", () => {
  it.each(["staging", "prod"])("meet the requirements of every pool of %s by the types that it names", (stack) => {
    const pools = committedPools(stack);
    expect(pools).not.toEqual([]);
    for (const pool of pools) expect(matching(pool, kwokInstanceTypes(pools, size))).toEqual(pool.instanceTypes);
  });

  it("are in the pool's zones, have its GPUs, and cost more in the order in which it names them", () => {
    const gpu = { kind: "a10g", perNode: 4 };
    const types = kwokInstanceTypes([{ gpu, instanceTypes: ["g5.12xlarge", "g5.24xlarge"], zones: ["a", "b"] }], size);
    expect(types.map(({ name, offerings }) => [name, offerings.map(({ Price }) => Price)])).toEqual([
      ["g5.12xlarge", [1, 1]],
      ["g5.24xlarge", [2, 2]],
    ]);
    expect(types[0]).toMatchObject({ architecture: "amd64", resources: { cpu: "16", "nvidia.com/gpu": "4" } });
    expect(
      types[0]?.offerings.map(({ Requirements }) => Requirements.find(({ key }) => /zone$/.test(key))?.values),
    ).toEqual([["a"], ["b"]]);
  });

  it("are shared by pools of the same GPUs, and the first pool's where two claim others", () => {
    const pool = (kind: string, zone: string) => ({
      gpu: { kind, perNode: 1 },
      instanceTypes: ["g5.xlarge"],
      zones: [zone],
    });
    const [type, ...others] = kwokInstanceTypes([pool("a10g", "a"), pool("a10g", "b"), pool("t4", "c")], size);
    expect(others).toEqual([]);
    expect(
      type &&
        offered(type).map((values) => [
          values["topology.kubernetes.io/zone"],
          values["karpenter.k8s.aws/instance-gpu-name"],
        ]),
    ).toEqual([
      ["a", "a10g"],
      ["b", "a10g"],
    ]);
  });

  it("have one of their own for a pool that names none", () => {
    const types = kwokInstanceTypes([{ gpu: { kind: "t4", perNode: 2 }, instanceTypes: [], zones: [] }], size);
    expect(types.map(({ name, resources }) => [name, resources["nvidia.com/gpu"]])).toEqual([["t4-2.kwok", "2"]]);
  });
});
