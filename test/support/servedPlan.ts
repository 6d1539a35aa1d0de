import type { ServedPlan } from "../../src/plan/zooModel.ts";
import { irisServing } from "./irisServing.ts";

/** A version of iris as a plan has it: `iris-v<number>`, its image in the registry. */
export function servedPlan(number: number, more: Partial<ServedPlan> = {}): ServedPlan {
  return {
    model: "iris",
    service: `iris-v${number}`,
    number,
    versionId: undefined,
    hash: `hash-${number}`,
    row: undefined,
    current: true,
    replaces: undefined,
    renamed: false,
    serving: irisServing,
    image: `registry/iris@sha256:${String(number).repeat(64)}`,
    changes: false,
    takesPlaceOf: undefined,
    ...more,
  };
}
