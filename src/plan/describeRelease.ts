import type { PlannedRelease } from "./release.ts";

/** How a release was planned, in a few words for the preview. */
export function describeRelease({ intent, basis, recorded, due, isPartial }: PlannedRelease): string {
  if (isPartial) return `release ${intent.tag} is not recorded by a run with --target or --exclude`;
  if (basis === "not checked") return `release ${intent.tag} as of the last up: the database was not checked`;
  if (basis === "new database") return `release ${intent.tag} (new database)`;
  const again = due ? "; the last `up` did not come to its end, so this one is a new attempt" : "";
  return `release ${intent.tag} (${recorded ? "recorded before" : "new"}${again})`;
}
