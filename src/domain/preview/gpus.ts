import { gpuResource } from "../serving/placement.ts";
import type { PreviewState, PreviewStep } from "./preview.ts";

/** GPUs that the models of one pool ask for, before and after. */
export interface PoolGpus {
  readonly pool: string;
  readonly before: number;
  readonly after: number;
}

export interface GpuDemand {
  readonly pools: readonly PoolGpus[];
  /** InferenceServices whose spec the preview hides because it holds a secret. */
  readonly hidden: readonly string[];
}

interface Counted {
  readonly pool: string;
  readonly gpus: number;
}

/** What models ask of each pool, at their highest number of replicas: what a pool must be able to hold. */
export function gpuDemand(steps: readonly PreviewStep[]): GpuDemand {
  const pools = new Map<string, { before: number; after: number }>();
  const hidden: string[] = [];
  for (const step of steps) {
    if (!step.type.endsWith(":InferenceService") || !step.type.startsWith("kubernetes:serving.kserve.io/")) continue;
    for (const side of ["before", "after"] as const) {
      if (side === "after" && step.op === "delete") continue;
      const counted = count(step[side]);
      if (counted === "hidden") {
        if (!hidden.includes(step.name)) hidden.push(step.name);
      } else if (counted && counted.gpus > 0) {
        const known = pools.get(counted.pool) ?? { before: 0, after: 0 };
        pools.set(counted.pool, { ...known, [side]: known[side] + counted.gpus });
      }
    }
  }
  const sorted = [...pools].sort(([one], [other]) => one.localeCompare(other));
  return { pools: sorted.map(([pool, gpus]) => ({ pool, ...gpus })), hidden };
}

function count(state: PreviewState | undefined): Counted | "hidden" | undefined {
  if (!state) return undefined;
  // The engine prints a value that is or holds a secret as the text "[secret]".
  if (typeof state.inputs.spec === "string") return "hidden";
  const predictor = at(state.inputs.spec, "predictor");
  const replicas = Number(at(predictor, "maxReplicas") ?? at(predictor, "minReplicas") ?? 1);
  const pool = at(at(predictor, "nodeSelector"), "menagerie.dev/pool");
  return { pool: typeof pool === "string" ? pool : "(no pool)", gpus: gpusPerReplica(state) * replicas };
}

/** GPUs that one pod of an InferenceService asks for; 0 where the preview hides its spec. */
export function gpusPerReplica(state: PreviewState | undefined): number {
  const containers = at(at(state?.inputs.spec, "predictor"), "containers");
  return (Array.isArray(containers) ? containers : [])
    .map((container) => Number(at(at(at(container, "resources"), "limits"), gpuResource) ?? 0))
    .reduce((sum, gpus) => sum + gpus, 0);
}

function at(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
