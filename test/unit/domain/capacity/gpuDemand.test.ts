import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gpuShortages, podsAtPeak } from "../../../../src/domain/capacity/gpuDemand.ts";
import { leastNodes, poolNodes } from "../../../../src/domain/capacity/poolNodes.ts";

const shortages = (...asked: Parameters<typeof gpuShortages>) => gpuShortages(...asked).map(({ message }) => message);

describe("GPUs of a pool", () => {
  const t4 = new Map([
    ["t4", { ...poolNodes({ replicas: 1, gpu: { perNode: 1 } }), key: "menagerie:pools.t4.replicas" }],
  ]);
  const on = (name: string, gpus = 1, pods = 1, pool = "t4") => ({ name, gpus, pods, pool });

  it("must hold old and new side by side, else the pool, the need and the have are told", () => {
    expect(shortages([on("multiplier version 1")], t4)).toEqual([]);
    expect(shortages([on("multiplier version 1"), on("multiplier_copy", 2, 2), on("other", 8, 1, "a10g")], t4)).toEqual(
      [
        "menagerie:pools.t4.replicas: pool t4 needs 5 GPUs at once (multiplier version 1 1, multiplier_copy 4) and has 1; raise it for the time of the rollout, or move a model to another pool",
      ],
    );
  });

  it("at the peak hold what has to answer first, and in Knative mode old and new revision", () => {
    const model = { replicas: { min: 2 }, mode: "Standard" as const, isNew: false, changes: false };
    expect(podsAtPeak(model)).toBe(2);
    expect(podsAtPeak({ ...model, changes: true })).toBe(2);
    expect(podsAtPeak({ ...model, changes: true, mode: "Knative" })).toBe(4);
    expect(podsAtPeak({ ...model, replicas: { min: 0 } })).toBe(0);
    expect(podsAtPeak({ ...model, replicas: { min: 0 }, isNew: true })).toBe(1);
  });

  it("are those of whole nodes: what a limit leaves below one node is none", () => {
    const key = "menagerie:pools.t4.limits.gpus";
    const limited = new Map([["t4", { ...poolNodes({ limits: { gpus: 3 }, gpu: { perNode: 2 } }), key }]]);
    expect(shortages([on("multiplier version 1", 1, 2)], limited)).toEqual([]);
    expect(shortages([on("multiplier version 1", 1, 3)], limited)).toEqual([
      "menagerie:pools.t4.limits.gpus: pool t4 needs 3 GPUs at once (multiplier version 1 3) and has 2 (whole nodes of 2 within 3); raise it for the time of the rollout, or move a model to another pool",
    ]);
  });

  it("are on nodes, and a pod has all of its on one", () => {
    const two = new Map([
      ["t4", { ...poolNodes({ replicas: 2, gpu: { perNode: 4 } }), key: "menagerie:pools.t4.replicas" }],
    ]);
    expect(shortages([on("a", 3, 2), on("b", 1, 2)], two)).toEqual([]);
    expect(shortages([on("a", 3, 2), on("b", 2)], two)).toEqual([
      "menagerie:pools.t4.replicas: pool t4 needs 3 nodes of 4 GPUs at once (pods: a 2 of 3, b 1 of 2 GPUs) and has 2; raise it for the time of the rollout, or move a model to another pool",
    ]);
  });
});

describe("the nodes that pods need at least", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 12 });

  it("are never more than what placing one after the other takes", () => {
    fc.assert(fc.property(sizes, (gpus) => leastNodes(gpus, 8) <= placed(gpus, 8)));
  });

  it("are exactly that many where sizes divide each other", () => {
    const powers = fc.array(fc.constantFrom(1, 2, 4, 8), { maxLength: 12 });
    fc.assert(fc.property(powers, (gpus) => leastNodes(gpus, 8) === placed(gpus, 8)));
  });

  /** The largest first, each on the first node that has room. */
  function placed(gpus: readonly number[], perNode: number): number {
    const free: number[] = [];
    for (const size of gpus.toSorted((a, b) => b - a)) {
      const at = free.findIndex((left) => left >= size);
      if (at < 0) free.push(perNode - size);
      else free[at] = (free[at] ?? 0) - size;
    }
    return free.length;
  }
});
