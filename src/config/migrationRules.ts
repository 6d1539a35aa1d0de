import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { keyPath } from "./sentences.ts";

/** Phases in which the apps of the table are moved. Entering `done` asks for them too, which the plan judges: see `withMigrationTarget`. */
const movingPhases: readonly string[] = ["forward", "bake", "reverted"];

/** Ids in an existing database's table are said where there is one, by every rollout that has come so far. */
export function migrationIssues({
  zoo,
  migrationTarget,
}: Pick<ParsedEnvironment, "zoo" | "migrationTarget">): Refusal[] {
  return Object.entries(zoo).flatMap(([name, { apps, from, phase }]) => {
    const at = keyPath(["zoo", name, "apps"]);
    if (apps && !migrationTarget) {
      return [refusal("apps.no-target", at, { target: keyPath(["migrationTarget"]) })];
    }
    if (apps && from === undefined) {
      return [refusal("apps.no-rollout", at, { from: keyPath(["zoo", name, "from"]) })];
    }
    if (apps && (phase === "off" || phase === "copy")) {
      return [refusal("apps.too-early", at, { table: migrationTarget?.table ?? "" })];
    }
    if (!apps && migrationTarget && from !== undefined && movingPhases.includes(phase)) {
      return [refusal("apps.missing", at, { phase, table: migrationTarget.table })];
    }
    return [];
  });
}
