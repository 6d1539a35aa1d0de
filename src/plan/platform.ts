import { migrationNames } from "../adapters/postgres/migrate.ts";
import { readPlatformState } from "../adapters/postgres/plan.ts";
import { type DatabaseServer, DatabaseUnreachable, serverFromUrl } from "../adapters/postgres/server.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { clauseOf, refusal, refused } from "../domain/refusals/refusal.ts";
import type { PlannedState } from "../domain/release/plannedState.ts";
import type { Phase } from "../domain/zoo/phases.ts";
import type { PlanBasis, RegisteredVersion } from "../domain/zoo/plan.ts";
import { emptyRegistry, type StoredRollout, type ZooRegistry } from "../domain/zoo/registry.ts";
import type { TrafficSplit } from "../domain/zoo/traffic.ts";
import { type EarlierGrants, earlierGrants, type LastRights } from "./earlierGrants.ts";
import type { TargetPlan } from "./targetPlan.ts";

/** What the program knows of the platform's database before it declares anything. */
export interface PlatformPlan {
  readonly basis: PlanBasis;
  /** How the program reaches the server; its password is a secret. */
  readonly server: DatabaseServer;
  /** Whether MENAGERIE_DATABASE_URL named the server, so that handlers find it there too. */
  readonly fromEnvironment: boolean;
  /** Name of the checkout's last migration. */
  readonly schemaVersion: string;
  /** The zoo as the database holds it, or as the last `up` left it. */
  readonly registry: ZooRegistry;
  /**
   * Grants that the engine's state may hold.
   * @default none
   */
  readonly earlierGrants?: EarlierGrants | undefined;
  /**
   * Apps beside the platform's own, which the registry counts too.
   * @default none
   */
  readonly target?: TargetPlan | undefined;
  /**
   * Pods that answer, by InferenceService.
   * @default the cluster was not asked, or did not answer
   */
  readonly readyPods?: ReadonlyMap<string, number> | undefined;
}

/** What the stack's last `up` left as outputs; the part that plans fall back on. */
export interface LastOutputs {
  readonly schemaVersion?: string | null;
  /** `sql` once no grant of the state is one that the engine would revoke. */
  readonly rights?: "sql" | null;
  readonly shadows?: NonNullable<LastRights["shadows"]>;
  /** Context of the kubeconfig; null for its current one. */
  readonly kubeContext?: string | null;
  /** Tag of the release. */
  readonly release?: string | null;
  readonly rollouts?: Readonly<Record<string, LastRollout>>;
  /** States of releases by tag. */
  readonly states?: Readonly<Record<string, Omit<PlannedState, "tag"> & { readonly current: boolean }>> | null;
  readonly models?: Readonly<
    Record<
      string,
      {
        readonly kind?: "zoo" | "development" | "shadow";
        readonly namespace?: string;
        /** The truss folder, relative to the project. */
        readonly truss?: string;
        readonly hash: string;
        readonly baseHash?: string;
        readonly version?: number | null;
        readonly versionId?: string | null;
      }
    >
  >;
}

interface LastRollout {
  readonly phase?: Phase;
  readonly from?: string | null;
  readonly hash: string;
  readonly version?: number | null;
  readonly versionId?: string | null;
  readonly traffic?: TrafficSplit;
  readonly keptPods?: number;
  /** All that were served, those of the copy left out. */
  readonly versions?: readonly RegisteredVersion[];
}

export interface PlanningOptions {
  /** Url of the server, which wins over the config. */
  readonly url: string | undefined;
  /**
   * Argument that said the url, for sentences about it.
   * @default the environment variable MENAGERIE_DATABASE_URL, where handlers find it too
   */
  readonly urlFrom?: string | undefined;
  /**
   * Models that are read: those of the config, or every one of the admin organization.
   * @default those of the config
   */
  readonly models?: "every" | undefined;
  /** `MENAGERIE_DATABASE_ADDRESS`, which is where the database is for a config that has none. */
  readonly address?: string | undefined;
  /** `menagerie:databasePassword` */
  readonly password: string | undefined;
  readonly preview: boolean;
  readonly lastOutputs: () => Promise<LastOutputs>;
  /** Whether the engine's run is about some of the stack's resources only. @default false */
  readonly isPartial?: boolean | undefined;
  /** `MENAGERIE_NEW_DATABASE` is "true": tables that the last `up` left may be gone. @default false */
  readonly mayBeginAnew?: boolean | undefined;
}

const setPassword = "`pulumi config set --secret menagerie:databasePassword`";

/**
 * Reads what the stack's plans are made from, by read-only queries; undefined for a stack without `menagerie:database`. Throws an
 * OperatorError when the database does not answer, unless the stack has not made it yet or a preview may do without.
 */
export async function planPlatform(
  spec: Pick<EnvironmentSpec, "database" | "nodeClass" | "previewDatabase" | "zoo">,
  options: PlanningOptions,
): Promise<PlatformPlan | undefined> {
  if (!spec.database) {
    await requireNoDatabase(spec, options);
    return undefined;
  }
  if (isOfShell(spec.database, options) && !options.url && !options.password) {
    throw refused(refusal("database.variable-missing", null, { variable: "MENAGERIE_DATABASE_URL" }));
  }
  const server = platformServer(spec.database, options);
  if (!options.url && !options.password && !options.preview) {
    throw refused(refusal("database.password-missing", "menagerie:databasePassword", { command: setPassword }));
  }
  const { basis, registry, stored } = await readRegistry(spec, server, options);
  const earlier = earlierGrants(await options.lastOutputs(), stored);
  if (earlier && options.isPartial) throw refused(refusal("rights.whole-run-first", null));
  return {
    basis,
    server,
    registry,
    earlierGrants: earlier,
    fromEnvironment: Boolean(options.url) && options.urlFrom === undefined,
    schemaVersion: (await migrationNames()).at(-1) ?? "",
  };
}

/** A shell that forgets its variables would have the platform deleted, with everything that needs it. */
async function requireNoDatabase(
  { nodeClass }: Pick<EnvironmentSpec, "nodeClass">,
  { url, lastOutputs, mayBeginAnew = false }: PlanningOptions,
): Promise<void> {
  // Elsewhere the config alone says where it is.
  if (nodeClass !== "local" || mayBeginAnew) return;
  const { schemaVersion } = await lastOutputs();
  if (!schemaVersion) return;
  const variable = url ? "MENAGERIE_DATABASE_ADDRESS" : "MENAGERIE_DATABASE_URL";
  throw refused(refusal("database.variable-missing", null, { variable }));
}

function isOfShell(
  { host, port }: NonNullable<EnvironmentSpec["database"]>,
  { address }: Pick<PlanningOptions, "address">,
): boolean {
  return address === `${host}:${port}`;
}

/** The server of a stack's database: the one that MENAGERIE_DATABASE_URL names, else that of its config. */
export function platformServer(
  { host, port, adminUser, sslMode }: NonNullable<EnvironmentSpec["database"]>,
  { url, urlFrom = "MENAGERIE_DATABASE_URL", password }: Pick<PlanningOptions, "url" | "urlFrom" | "password">,
): DatabaseServer {
  if (url) return serverFromUrl(url, urlFrom);
  return { host, port, user: adminUser, password, sslMode, maintenanceDatabase: "postgres" };
}

async function readRegistry(
  { previewDatabase, zoo }: Pick<EnvironmentSpec, "previewDatabase" | "zoo">,
  server: DatabaseServer,
  {
    preview,
    lastOutputs,
    models = Object.keys(zoo),
    mayBeginAnew = false,
  }: Omit<PlanningOptions, "models"> & {
    readonly models?: readonly string[] | "every" | undefined;
  },
): Promise<Pick<PlatformPlan, "basis" | "registry"> & { readonly stored?: string }> {
  const newDatabase = { basis: "new database", registry: emptyRegistry } as const;
  try {
    if (server.password === undefined) throw new DatabaseUnreachable(server, "menagerie", missingPassword);
    const state = await readPlatformState(server, models, Object.values(zoo).flatMap(ownLeave));
    if (state) return { basis: "read", registry: state.zoo, stored: state.schemaVersion };
    const { schemaVersion } = await lastOutputs();
    if (schemaVersion && !mayBeginAnew) {
      const { host, port } = server;
      throw refused(refusal("database.tables-lost", "menagerie:database", { host, port, version: schemaVersion }));
    }
    return newDatabase;
  } catch (error) {
    if (!(error instanceof DatabaseUnreachable)) throw error;
    const outputs = await lastOutputs();
    if (!outputs.schemaVersion) return newDatabase;
    requireOptional(error, { preview, previewDatabase });
    return { basis: "not checked", registry: fromOutputs(outputs) };
  }
}

/** Throws where an `up`, or a preview of the stack's config, may not do without a database that does not answer. */
export function requireOptional(
  error: DatabaseUnreachable,
  { preview, previewDatabase }: Pick<PlanningOptions, "preview"> & Pick<EnvironmentSpec, "previewDatabase">,
): void {
  if (!preview) throw error;
  if (previewDatabase === "optional") return;
  const { problem, fix } = clauseOf(error);
  throw refused(refusal("database.unreachable", null, { problem, fix: fix === "" ? "" : `${fix}; ` }), error);
}

/** Apps that stay by choice, of the platform's own: with `apps`, the ids are those of another table. */
function ownLeave({ apps, leave }: Pick<EnvironmentSpec["zoo"][string], "apps" | "leave">): readonly string[] {
  return apps ? [] : leave;
}

const missingPassword = new Error(`no password, run ${setPassword} or set MENAGERIE_DATABASE_URL`);

/** What the last `up` served: enough to tell an unchanged model from a changed one. */
function fromOutputs({ rollouts = {} }: LastOutputs): ZooRegistry {
  const last = Object.entries(rollouts);
  const unknown = { since: new Date(0), bakeSecondsLeft: undefined };
  return {
    evidence: [],
    versions: new Map(last.map(([name, rollout]) => [name, versionsOf(rollout)])),
    rollouts: new Map(
      last.map(([model, { phase = "off", from, hash, traffic, keptPods }]): [string, StoredRollout] => [
        model,
        {
          model,
          phase,
          from: from ?? undefined,
          hash,
          ...unknown,
          ...(keptPods === undefined ? {} : { keptPods }),
          ...(traffic ? { traffic: { ...traffic, generation: undefined, isOfRollout: true } } : {}),
        },
      ]),
    ),
  };
}

function versionsOf({ versions, versionId, version, hash }: LastRollout): readonly RegisteredVersion[] {
  if (versions) return versions;
  return version && versionId ? [{ id: versionId, number: version, hash, isCurrent: true, apps: 0 }] : [];
}
