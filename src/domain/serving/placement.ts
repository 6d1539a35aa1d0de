import type { Placement, Toleration } from "./servedModel.ts";

/** A node's taint. */
export interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: Toleration["effect"];
}

/** The taint of every node with GPUs, so that only pods that ask for one land there. */
export const gpuTaint: Taint = { key: "nvidia.com/gpu", value: "present", effect: "NoSchedule" };

/** Placement on a pool whose nodes carry exactly `taints`. */
export function placementOn(pool: string, taints: readonly Taint[]): Placement {
  return { pool, tolerations: taints.map(({ key, value, effect }) => ({ key, operator: "Equal", value, effect })) };
}
