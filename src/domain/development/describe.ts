import { short } from "../patch/chain.ts";
import { describeOperation } from "../patch/describe.ts";
import { sentenceOf } from "../refusals/clause.ts";
import type { DevelopmentPlan } from "./plan.ts";

/** The plan as previews show it: what happens in the first line, file by file below it. */
export function describeDevelopment(plan: DevelopmentPlan): string {
  switch (plan.kind) {
    case "keep":
      return plan.ahead
        ? `nothing to send: the folder is as the last up left it, and the head ${short(plan.headHash)} is ahead of it (${patches(plan.seq)} since the last full deployment)`
        : `nothing to send: folder and head are ${short(plan.headHash)}`;
    case "adopt":
      return `nothing to send: the head is already ${short(plan.headHash)}, as the folder`;
    case "patch":
      return lines(
        `patch ${short(plan.prevHash)} → ${short(plan.nextHash)}${plan.takesOver ? ", replacing what others patched (takeover)" : ""}, without a new image`,
        plan.patches.length > 0
          ? plan.patches.map(describeOperation)
          : ["nothing that the container reads has changed"],
      );
    case "deploy":
      return lines(`full deployment of ${short(plan.nextHash)}: new image, the pod is replaced`, plan.reasons);
    case "refused":
      return `refused: ${sentenceOf(plan.reason)}`;
    case "unchecked":
      return `patch or full deployment of ${short(plan.nextHash)}: the head ${short(plan.headHash)} could not be compared (not checked)`;
  }
}

function patches(count: number): string {
  return count === 1 ? "1 patch" : `${count} patches`;
}

function lines(first: string, rest: readonly string[]): string {
  return [first, ...rest.map((line) => `  ${line}`)].join("\n");
}
