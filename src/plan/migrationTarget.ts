import { quoteIdentifier } from "../adapters/postgres/identifier.ts";
import { DatabaseUnreachable, serverFromUrl } from "../adapters/postgres/server.ts";
import { isRole } from "../adapters/postgres/zoo/migration/guarded.ts";
import { readPointing } from "../adapters/postgres/zoo/migration/pointing.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { setTargetUrlCommand } from "../config/migrationTarget.ts";
import { keyPath } from "../config/sentences.ts";
import { type Refusal, refusal, refused } from "../domain/refusals/refusal.ts";
import type { ExistingTable } from "../domain/zoo/existingTable.ts";
import { type TargetCounts, type TargetPair, withTargetApps } from "../domain/zoo/targetApps.ts";
import { type PlatformPlan, requireOptional } from "./platform.ts";
import type { ExistingConnection } from "./targetPlan.ts";

export interface TargetOptions {
  /** `MENAGERIE_MIGRATION_DATABASE_URL`, which wins. */
  readonly environmentUrl: string | undefined;
  /** `menagerie:migrationTarget.databaseUrl` */
  readonly configUrl: string | undefined;
  /** `menagerie:migrationTarget.guardUrl`. @default the guard has no login there */
  readonly guardUrl?: string | undefined;
  readonly preview: boolean;
  /** Name of the stack. */
  readonly stack: string;
}

interface NamedPair extends TargetPair {
  readonly model: string;
  /** Rows that stay by choice. */
  readonly leave: readonly string[];
}

/**
 * Counts the apps in the table of `menagerie:migrationTarget` to the versions that they point at, by read-only queries. The plan
 * is unchanged for a stack without one, and where no rollout names ids there. Throws an `OperatorError` for ids that the table does
 * not have, and for a table that cannot be read.
 */
export async function withMigrationTarget(
  spec: Pick<EnvironmentSpec, "migrationTarget" | "previewDatabase" | "zoo">,
  platform: PlatformPlan | undefined,
  options: TargetOptions,
): Promise<PlatformPlan | undefined> {
  const { migrationTarget: existing } = spec;
  if (!existing || !platform) return platform;
  const pairs = Object.entries(spec.zoo).flatMap(([model, { apps, leave }]): NamedPair[] =>
    apps ? [{ model, ...apps, leave }] : [],
  );
  const missing = Object.entries(spec.zoo).filter(
    ([model, { apps, from, phase }]) =>
      !apps && from !== undefined && phase === "done" && platform.registry.rollouts.get(model)?.phase !== "done",
  );
  if (missing.length > 0) {
    throw refused(
      missing.map(([model]) =>
        refusal("apps.missing", keyPath(["zoo", model, "apps"]), { phase: "done", table: existing.table }),
      ),
    );
  }
  if (pairs.length === 0) return platform;
  const { connection, url } = connectionTo(existing, options);
  const target = {
    connection,
    url,
    guardRole: guardRoleOf(options, connection),
    stackFile: `Pulumi.${options.stack}.yaml`,
  };
  try {
    const counts = await countPairs(connection, pairs, platform);
    if (target.guardRole !== undefined) await requireGuardRole(connection, target.guardRole);
    const registry = withTargetApps(platform.registry, counts);
    return { ...platform, registry, target: { ...target, isRead: true } };
  } catch (error) {
    if (!(error instanceof DatabaseUnreachable)) throw error;
    requireOptional(error, { ...spec, ...options });
    return { ...platform, target: { ...target, isRead: false } };
  }
}

function connectionTo(existing: ExistingTable, { environmentUrl, configUrl }: TargetOptions) {
  const key = keyPath(["migrationTarget", "databaseUrl"]);
  const variable = "MENAGERIE_MIGRATION_DATABASE_URL";
  const [given, source] = environmentUrl ? [environmentUrl, variable] : [configUrl, key];
  if (!given) throw refused(refusal("target.url-missing", key, { command: setTargetUrlCommand, variable }));
  return {
    connection: { server: serverFromUrl(given, source), existing },
    url: environmentUrl ? undefined : configUrl,
  };
}

const guardKey = keyPath(["migrationTarget", "guardUrl"]);

/** The login that the guard's url names. Its host is that of pods, and its database the migrator's. */
function guardRoleOf({ guardUrl }: TargetOptions, { server }: ExistingConnection): string | undefined {
  if (guardUrl === undefined) return undefined;
  const { user, maintenanceDatabase } = serverFromUrl(guardUrl, guardKey);
  const { user: migrator, maintenanceDatabase: database } = server;
  if (maintenanceDatabase !== database)
    throw refused(refusal("target.guard-database", guardKey, { found: maintenanceDatabase, database }));
  if (user === migrator) throw refused(refusal("target.guard-is-migrator", guardKey, { user }));
  return user;
}

async function requireGuardRole(connection: ExistingConnection, role: string): Promise<void> {
  if (await isRole(connection, role)) return;
  throw refused(refusal("target.guard-unknown", guardKey, { role, quoted: quoteIdentifier(role) }));
}

async function countPairs(
  connection: ExistingConnection,
  pairs: readonly NamedPair[],
  { registry }: PlatformPlan,
): Promise<TargetCounts[]> {
  const found = await readPointing(connection, pairs);
  const [{ obstacles = [] } = {}] = found;
  const issues: Refusal[] = obstacles.map((each) => refusal("target.table", keyPath(["migrationTarget"]), each));
  const counted = pairs.map((pair, place) => {
    const { counts = { from: 0, to: 0, left: 0 }, unknown = [] } = found[place] ?? {};
    // What a rollout that is done left behind may be gone by now.
    const isDone = registry.rollouts.get(pair.model)?.phase === "done";
    for (const key of isDone ? [] : unknown) {
      const named = { table: connection.existing.table, id: pair[key] };
      issues.push(refusal("target.version-unknown", keyPath(["zoo", pair.model, "apps", key]), named));
    }
    return { model: pair.model, ...counts };
  });
  if (issues.length > 0) throw refused(issues);
  return counted;
}
