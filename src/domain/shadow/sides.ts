import { type Replicas, usualIdleMinutes } from "../serving/scaleTarget.ts";
import type { DeploymentMode } from "../serving/servedModel.ts";
import { sleeps } from "../zoo/serving.ts";
import { noiseSide, primarySide, shadowService } from "./names.ts";

interface Side {
  readonly mode: DeploymentMode;
  readonly replicas: Replicas;
}

/** A shadow deployment, as far as its models' pods go. */
export interface Sides<Model extends Side> {
  readonly primary: Model;
  readonly shadows: Readonly<Record<string, Model>>;
  readonly noiseFloor: boolean;
}

/** The models that get copies, by name; the noise floor's is the primary once more, in the mode of shadows. */
export function copiedSides<Model extends Side>({ primary, shadows, noiseFloor }: Sides<Model>): [string, Model][] {
  const { idleMinutes = usualIdleMinutes, ...pods } = primary.replicas;
  const replicas = pods.min === 0 ? { ...pods, idleMinutes } : primary.replicas;
  return [
    ...Object.entries(shadows),
    ...(noiseFloor ? [[noiseSide, { ...primary, mode: "Standard" as const, replicas }] as [string, Model]] : []),
  ];
}

/** InferenceServices that the API service stops while nobody uses them. */
export function sleepingSides(deployment: string, sides: Sides<Side>): string[] {
  return [[primarySide, sides.primary] as const, ...copiedSides(sides)]
    .filter(([, model]) => sleeps(model))
    .map(([side]) => shadowService(deployment, side));
}
