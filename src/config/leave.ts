import type { Refusal } from "../domain/refusals/refusal.ts";
import { type LeaveRequest, leaveIssues, type ModelKey } from "../domain/zoo/leave.ts";
import type { EnvironmentSpec } from "./environment.ts";
import { keyPath } from "./sentences.ts";

type Spec = Pick<EnvironmentSpec, "zoo" | "migrationTarget">;

/** A key of a zoo model in the config. */
export const zooKey: ModelKey = (model, ...path) => keyPath(["zoo", model, ...path]);

/** The models that list apps to leave, with the list. */
export function leaveRequests({ zoo, migrationTarget }: Spec): LeaveRequest[] {
  return Object.entries(zoo).flatMap(([model, { phase, from, apps, leave }]): LeaveRequest[] => {
    if (leave.length === 0) return [];
    const table = apps && migrationTarget?.table;
    return [{ model, phase, leave, from: from === undefined ? undefined : (apps?.from ?? from), table }];
  });
}

/** Entries of `leave` that leave nothing where it is, as far as the config shows: warnings, with the key. */
export function declaredLeaveWarnings(spec: Spec): Refusal[] {
  return leaveRequests(spec).flatMap((request) => leaveIssues(request, zooKey));
}
