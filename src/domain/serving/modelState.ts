import type { Readiness } from "./readiness.ts";
import { isDown, type Standing } from "./standing.ts";

/** How a model stands. */
export interface ModelState {
  readonly state: Readiness["state"];
  /** Why it is not simply ready; null where it is. */
  readonly because: string | null;
}

/** A model stands as the worst of its parts does: predictor, and recorder where it has one. */
export function modelStateOf(standings: readonly Standing[], namespace: string, service: string): ModelState {
  const own = standings.filter(
    ({ served }) => served.kind === "model" && served.namespace === namespace && served.object === service,
  );
  const unready = own.filter(({ readiness }) => readiness.state !== "ready");
  const worst = unready.find(isDown) ?? unready[0];
  if (own.length === 0) return { state: "down", because: "the cluster does not show it" };
  if (!worst || worst.readiness.state === "ready") return { state: "ready", because: null };
  const { state, reason } = worst.readiness;
  return { state, because: reason };
}
