import { ReleaseRecord } from "../../components/releaseRecord.ts";
import type { Environment } from "../environment/environment.ts";
import type { PlannedRelease } from "../plan/release.ts";

/** The record of this deployment; undefined for a stack without a database. */
export function declareRelease({ spec, facts, parts, database }: Environment): ReleaseRecord | undefined {
  const { release } = facts;
  if (!release) return undefined;
  if (!parts.tables) throw new Error("a stack with a release has the platform's tables");
  const record = new ReleaseRecord("release", {
    intent: release.intent,
    due: release.due,
    isPartial: release.isPartial,
    plan: describe(release),
    tables: parts.tables,
    namespace: spec.namespace,
    kubeContext: spec.kubeContext,
    database,
  });
  // What a release is made of waits for its intent, and its end for all of them.
  parts.ofRelease.push(record.intent);
  return record;
}

function describe({ intent, basis, recorded, due, isPartial }: PlannedRelease): string {
  if (isPartial) return `release ${intent.tag} is not recorded by a run with --target or --exclude`;
  if (basis === "not checked") return `release ${intent.tag} as of the last up: the database was not checked`;
  if (basis === "new database") return `release ${intent.tag} (new database)`;
  const again = due ? "; the last `up` did not come to its end, so this one is a new attempt" : "";
  return `release ${intent.tag} (${recorded ? "recorded before" : "new"}${again})`;
}
