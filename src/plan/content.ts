import type { EnvironmentSpec, ZooEntrySpec } from "../config/environment.ts";
import { effects } from "../domain/zoo/effects.ts";
import { copyName, type RegisteredVersion } from "../domain/zoo/plan.ts";
import { emptyRegistry, type ZooRegistry } from "../domain/zoo/registry.ts";
import type { PlatformPlan } from "./platform.ts";

/**
 * Whether the phase concerns the folder's content. Going back does not: everything that serves then is declared from its row, so
 * a folder that is missing or broken must not be in the way.
 */
export function needsContent({ phase }: { readonly phase?: unknown }): boolean {
  return phase !== "reverted" && phase !== "off";
}

/** The models that a phase tries or serves the content of. */
export function concernedByContent({ zoo }: Pick<EnvironmentSpec, "zoo">): EnvironmentSpec["zoo"] {
  return Object.fromEntries(Object.entries(zoo).filter(([, entry]) => needsContent(entry)));
}

/**
 * The models whose truss folders are read. A folder whose content is pinned to a registered version is not read, nor one that the
 * phase does not concern: it need not be there.
 */
export function readFromFolders(
  { zoo }: Pick<EnvironmentSpec, "zoo">,
  platform: PlatformPlan | undefined,
): EnvironmentSpec["zoo"] {
  const { registry = emptyRegistry } = platform ?? {};
  return Object.fromEntries(
    Object.entries(zoo).filter(([name, entry]) => needsContent(entry) && !pinnedRow(name, entry, registry)),
  );
}

/** The registered version whose image a pinned content comes from. */
export function pinnedRow(
  name: string,
  { hash, phase }: Pick<ZooEntrySpec, "hash" | "phase">,
  { versions }: ZooRegistry,
): RegisteredVersion | undefined {
  const rows = [
    ...(versions.get(name) ?? []),
    ...(effects[phase].content === "copy" ? (versions.get(copyName(name)) ?? []) : []),
  ];
  return hash === undefined ? undefined : rows.find((row) => row.hash === hash && row.image !== undefined);
}
