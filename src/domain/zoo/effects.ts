import type { Phase } from "./phases.ts";

/** What one phase of a rollout does. */
export interface PhaseEffects {
  /** What is built of the folder's content and served: nothing, `<model>_copy`, or the model's new version. */
  readonly content: null | "copy" | "new";
  /** The old version: the route leads to it, it is served beside the new one, or it is removed unless apps point at it. */
  readonly old: "current" | "beside" | "removed";
  /** Where apps that exist are moved, once everything that is served answers; by the journal, so that each moves once. */
  readonly apps: null | "forward" | "reverted";
  /**
   * The smoke set: `tried` before any request reaches the content, `tried again` where `bake.smoke` says so before the old version
   * goes, or `required`, with every other gate, as evidence that it passed.
   */
  readonly evidence: null | "tried" | "required" | "tried again";
}

/**
 * What each phase does, of a rollout that leaves a version by `from`. Without one the content is deployed directly: `version` and `done`
 * do the same, and the version before goes once nothing points at it. A version that apps point at is served whatever the phase.
 */
export const effects: Readonly<Record<Phase, PhaseEffects>> = {
  off: { content: null, old: "current", apps: null, evidence: null },
  copy: { content: "copy", old: "current", apps: null, evidence: "tried" },
  version: { content: "new", old: "beside", apps: null, evidence: "tried" },
  forward: { content: "new", old: "beside", apps: "forward", evidence: "required" },
  bake: { content: "new", old: "beside", apps: "forward", evidence: null },
  done: { content: "new", old: "removed", apps: null, evidence: "tried again" },
  reverted: { content: null, old: "current", apps: "reverted", evidence: null },
};
