import { short } from "../patch/chain.ts";
import { computePatch } from "../patch/compute.ts";
import type { PatchOperation } from "../patch/operation.ts";
import type { Clause } from "../refusals/clause.ts";
import type { TrussSignature } from "../truss/signature.ts";
import type { TrussSnapshot } from "../truss/snapshot.ts";

/** A development version's truss folder, read once. */
export interface DeclaredFolder {
  /** Content hash: 64 hex digits. */
  readonly hash: string;
  readonly snapshot: TrussSnapshot;
  /** What its `.truss_ignore` leaves out. */
  readonly patterns: readonly string[];
}

/** What is known of a version that was deployed in full before. */
export interface DeployedVersion {
  /** Content that its image was built from: position 0 of the chain. */
  readonly baseHash: string;
  readonly headHash: string;
  /** Patches since the full deployment. */
  readonly seq: number;
  /** What patches are computed against; only asked for when the folder is another than the head. */
  readonly headSignature?: TrussSignature | undefined;
}

export interface DevelopmentState {
  readonly folder: DeclaredFolder;
  /**
   * Hash of the folder at the last `up`.
   * @default the content of the last full deployment
   */
  readonly declaredHash?: string | undefined;
  /** Undefined before the first full deployment. */
  readonly deployed: DeployedVersion | undefined;
  /** Let the folder win where folder and head have both moved since the last `up`. */
  readonly takeover: boolean;
}

/** What an `up` does about a development version's content. */
export type DevelopmentPlan =
  /** The folder is as the last `up` left it: the head stays, however far it is ahead. */
  | { readonly kind: "keep"; readonly headHash: string; readonly ahead: boolean; readonly seq: number }
  /** The head has become what the folder is, the usual end of a `watch`: nothing is sent. */
  | { readonly kind: "adopt"; readonly headHash: string; readonly seq: number }
  | {
      readonly kind: "patch";
      readonly prevHash: string;
      readonly nextHash: string;
      readonly patches: readonly PatchOperation[];
      /** Whether others' patches are replaced, as `takeover` allows. */
      readonly takesOver: boolean;
    }
  /** A new image, and a new pod under the same version. */
  | { readonly kind: "deploy"; readonly nextHash: string; readonly reasons: readonly string[] }
  | { readonly kind: "refused"; readonly reason: Clause }
  /** Folder and head differ, and what the head is made of could not be read. */
  | { readonly kind: "unchecked"; readonly headHash: string; readonly nextHash: string };

/**
 * The decision of DESIGN.md's development flow, from the folder now (F), the folder at the last `up` (D) and the head (H):
 *
 * | F is H                | adopt; keep where D is the same too    |
 * | F is D, H is not      | keep: the head is ahead                |
 * | F is not D, H is D    | patch, or deploy where that cannot be  |
 * | all three differ      | refused; patch or deploy with takeover |
 * | never deployed        | deploy                                 |
 *
 * What the container runs decides nothing here: bringing it to the head is the sync's part.
 * @throws OperatorError when a config.yaml is invalid.
 */
export function planDevelopment({ folder, declaredHash, deployed, takeover }: DevelopmentState): DevelopmentPlan {
  if (!deployed) return { kind: "deploy", nextHash: folder.hash, reasons: ["it is deployed for the first time"] };
  const { headHash, headSignature, seq } = deployed;
  const declared = declaredHash ?? deployed.baseHash;
  if (folder.hash === headHash) {
    return declared === headHash ? { kind: "keep", headHash, ahead: false, seq } : { kind: "adopt", headHash, seq };
  }
  if (folder.hash === declared) return { kind: "keep", headHash, ahead: true, seq };
  const moved = headHash !== declared;
  if (moved && !takeover) return { kind: "refused", reason: bothMoved(folder.hash, headHash, declared) };
  if (!headSignature) return { kind: "unchecked", headHash, nextHash: folder.hash };
  const plan = computePatch(headSignature, folder.snapshot, folder.patterns);
  if ("fullDeployment" in plan) return { kind: "deploy", nextHash: folder.hash, reasons: plan.fullDeployment };
  return { kind: "patch", prevHash: headHash, nextHash: folder.hash, patches: plan.patches, takesOver: moved };
}

/** Content that the version's image is built from, and that its pod starts with, once the plan is carried out. */
export function baseHashOf(plan: DevelopmentPlan, deployed: DeployedVersion | undefined): string {
  if (plan.kind === "deploy") return plan.nextHash;
  if (!deployed) throw new Error(`a version that was never deployed cannot be planned as ${plan.kind}`);
  return deployed.baseHash;
}

/** Whether the plan needs the head's signature, which is read apart because it may be large. */
export function needsSignature(state: DevelopmentState): boolean {
  return planDevelopment(state).kind === "unchecked";
}

function bothMoved(folder: string, head: string, declared: string): Clause {
  return {
    problem: `the folder is ${short(folder)} and the running head ${short(head)}, and both have moved since the last \`up\` (${short(declared)})`,
    fix: "undo the folder's change, or set takeover: true for one `up`, which replaces what others patched",
  };
}
