import { ReleaseRecord } from "../../components/releaseRecord.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import type { PlannedRelease } from "../plan/release.ts";
import type { EnvironmentFacts } from "./facts.ts";
import type { Platform } from "./platform.ts";

/** The record of this deployment; undefined for a stack without a database. */
export function declareRelease(
  spec: EnvironmentSpec,
  { release }: EnvironmentFacts,
  platform: Platform | undefined,
): ReleaseRecord | undefined {
  if (!release || !platform) return undefined;
  return new ReleaseRecord("release", {
    intent: release.intent,
    due: release.due,
    isPartial: release.isPartial,
    plan: describe(release),
    tables: platform.tables,
    namespace: spec.namespace,
    kubeContext: spec.kubeContext,
    database: platform.url,
  });
}

function describe({ intent, basis, recorded, due, isPartial }: PlannedRelease): string {
  if (isPartial) return `release ${intent.tag} is not recorded by a run with --target or --exclude`;
  if (basis === "not checked") return `release ${intent.tag} as of the last up: the database was not checked`;
  if (basis === "new database") return `release ${intent.tag} (new database)`;
  const again = due ? "; the last `up` did not come to its end, so this one is a new attempt" : "";
  return `release ${intent.tag} (${recorded ? "recorded before" : "new"}${again})`;
}
