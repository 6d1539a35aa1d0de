import {
  type DevelopmentRegistry,
  type RegisteredDevelopment,
  readDevelopmentVersions,
} from "../adapters/postgres/developmentState.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { needsDatabase } from "../config/parse.ts";
import { keyPath } from "../config/sentences.ts";
import { type DeclaredFolder, type DevelopmentPlan, planDevelopment } from "../domain/development/plan.ts";
import { type Refusal, refusal, refused } from "../domain/refusals/refusal.ts";
import type { LastOutputs, PlatformPlan } from "./platform.ts";
import type { DeclaredTruss } from "./trusses.ts";

/** What an `up` does about one development version. */
export interface PlannedDevelopment {
  readonly plan: DevelopmentPlan;
  readonly number: number;
  /** Undefined until it is registered. */
  readonly versionId: string | undefined;
  readonly deployed: RegisteredDevelopment["deployed"];
  /** Hash that the folder counts as having had before: at the last `up`, or when the head was sent from it. */
  readonly declaredBefore: string | undefined;
}

/** What a run learns besides from config and database. */
export interface DevelopmentSources {
  /** Asked only where the stack declares development versions. */
  readonly lastOutputs: () => Promise<LastOutputs>;
  /**
   * `MENAGERIE_SENT_HEADS`: heads that were sent from the declared folders, as `<version id>=<hash>` separated by commas.
   * @default none is known to be
   */
  readonly sentHeads?: string | undefined;
}

/**
 * Plans every development version by read-only queries, from its folder, the folder at the last `up` and the head of its
 * patches; by model.
 * @throws one `OperatorError` with a sentence for each version whose plan is refused.
 */
export async function planDevelopments(
  { development }: Pick<EnvironmentSpec, "development">,
  trusses: ReadonlyMap<string, DeclaredTruss>,
  platform: PlatformPlan | undefined,
  sources: DevelopmentSources,
): Promise<Map<string, PlannedDevelopment>> {
  const names = Object.keys(development);
  if (names.length === 0) return new Map();
  if (!platform) throw refused(needsDatabase("development", "local"));
  const known = await readDevelopments(platform, names, sources);
  return plannedDevelopments(development, (truss) => told(trusses.get(truss), truss), known);
}

function told(folder: DeclaredTruss | undefined, truss: string): DeclaredTruss {
  if (!folder) throw new Error(`the program was not told the content of ${truss}`);
  return folder;
}

/** What development versions are planned from. */
export interface KnownDevelopments {
  readonly registry: DevelopmentRegistry;
  readonly outputs: LastOutputs;
  /** As `DevelopmentSources` has them, one by one. */
  readonly sentHeads: readonly string[];
}

/** Reads what development versions are planned from. */
export async function readDevelopments(
  { basis, server }: PlatformPlan,
  names: readonly string[] | "every",
  { lastOutputs, sentHeads = "" }: DevelopmentSources,
): Promise<KnownDevelopments> {
  const outputs = basis === "new database" ? {} : await lastOutputs();
  const registry = basis === "read" ? await readDevelopmentVersions(server, names) : fromOutputs(names, outputs);
  return { registry, outputs, sentHeads: sentHeads.split(",") };
}

/**
 * Plans development versions from what was read before.
 * @throws one `OperatorError` with a sentence for each version whose plan is refused.
 */
export function plannedDevelopments(
  development: EnvironmentSpec["development"],
  folderOf: (truss: string) => DeclaredFolder,
  { registry, outputs, sentHeads }: KnownDevelopments,
): Map<string, PlannedDevelopment> {
  const plans = new Map<string, PlannedDevelopment>();
  const issues: Refusal[] = [];
  for (const [name, { truss, takeover }] of Object.entries(development)) {
    const folder = folderOf(truss);
    const known = registry.versions.get(name);
    const at = keyPath(["development", name]);
    if (known?.isOwnedByApi) {
      issues.push(refusal("development.pushed-name", at));
      continue;
    }
    const lastHash = known && outputs.models?.[name]?.hash;
    const headHash = known?.deployed?.headHash;
    const isOwnHead = headHash !== undefined && sentHeads.includes(`${known?.versionId}=${headHash}`);
    // A head that was sent from this folder, by `watch`, is nobody else's work: it may be replaced like the folder's own.
    const isEditedSince = folder.hash !== headHash && folder.hash !== lastHash;
    const declaredHash = isOwnHead && isEditedSince ? headHash : lastHash;
    const plan = planDevelopment({ folder, declaredHash, deployed: known?.deployed, takeover });
    if (plan.kind === "refused") issues.push(refusal("development.not-planned", at, plan.reason));
    plans.set(name, {
      plan,
      number: known?.number ?? (registry.highest.get(name) ?? 0) + 1,
      versionId: known?.versionId,
      deployed: known?.deployed,
      declaredBefore: declaredHash,
    });
  }
  if (issues.length > 0) throw refused(issues);
  return plans;
}

/** Without the database: versions as the last `up` left them, as if nobody had patched them since. */
function fromOutputs(names: readonly string[] | "every", { models = {} }: LastOutputs): DevelopmentRegistry {
  const versions = new Map<string, RegisteredDevelopment>();
  for (const name of names === "every" ? Object.keys(models) : names) {
    const last = models[name];
    if (!last?.versionId || !last.baseHash) continue;
    versions.set(name, {
      versionId: last.versionId,
      number: last.version ?? 1,
      isOwnedByApi: false,
      deployed: { baseHash: last.baseHash, headHash: last.hash, seq: 0 },
    });
  }
  return { versions, highest: new Map() };
}
