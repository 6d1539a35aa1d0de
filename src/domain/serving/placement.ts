import type { Placement, Toleration } from "./servedModel.ts";

/** A node's taint. */
export interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: Toleration["effect"];
}

/** The taint of every node with GPUs, so that only pods that ask for one land there. */
export const gpuTaint: Taint = { key: "nvidia.com/gpu", value: "present", effect: "NoSchedule" };

/** Labels of a node's GPUs, as Karpenter's AWS provider has them: https://karpenter.sh/docs/concepts/scheduling/ */
export const gpuNameLabel = "karpenter.k8s.aws/instance-gpu-name";
export const gpuCountLabel = "karpenter.k8s.aws/instance-gpu-count";

/** Name of whole GPUs among a container's resources. */
export const gpuResource = "nvidia.com/gpu";

/** What a container requests and is limited to: cores, bytes with a suffix, whole GPUs. */
export function resourceAmounts({
  cpu,
  memory,
  gpus,
}: {
  readonly cpu: string;
  readonly memory: string;
  readonly gpus: number;
}): Record<string, string> {
  return { cpu, memory, ...(gpus > 0 ? { [gpuResource]: String(gpus) } : {}) };
}

/** Placement on a pool whose nodes carry exactly `taints`. */
export function placementOn(pool: string, taints: readonly Taint[]): Placement {
  return { pool, tolerations: taints.map(({ key, value, effect }) => ({ key, operator: "Equal", value, effect })) };
}
