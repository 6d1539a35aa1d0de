import type { ParsedEnvironment } from "./environment.ts";
import { keyPath } from "./sentences.ts";

/** Phases in which the apps of the table are moved. Entering `done` asks for them too, which the plan judges: see `withMigrationTarget`. */
const movingPhases: readonly string[] = ["forward", "bake", "reverted"];

/** Ids in an existing database's table are said where there is one, by every rollout that has come so far. */
export function migrationMistakes({
  zoo,
  migrationTarget,
}: Pick<ParsedEnvironment, "zoo" | "migrationTarget">): string[] {
  return Object.entries(zoo).flatMap(([name, { apps, from, phase }]) => {
    const at = keyPath(["zoo", name, "apps"]);
    if (apps && !migrationTarget) {
      return [
        `${at}: is for ${keyPath(["migrationTarget"])}, which is missing; name the table there, or remove the key`,
      ];
    }
    if (apps && from === undefined) {
      return [`${at}: is for a rollout, and ${keyPath(["zoo", name, "from"])} is missing; give it, or remove the key`];
    }
    if (apps && (phase === "off" || phase === "copy")) {
      return [
        `${at}: belongs to an earlier rollout, for before phase version the new version has no id in ${migrationTarget?.table}; remove the key`,
      ];
    }
    if (!apps && migrationTarget && from !== undefined && movingPhases.includes(phase)) {
      return [
        `${at}: missing; phase ${phase} concerns the apps in ${migrationTarget.table} too: give the ids of the old and the new version there, {from: …, to: …}`,
      ];
    }
    return [];
  });
}
