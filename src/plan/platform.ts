import { migrationNames } from "../adapters/postgres/migrate.ts";
import { type PlatformState, readPlatformState } from "../adapters/postgres/plan.ts";
import { type DatabaseServer, DatabaseUnreachable, serverFromUrl } from "../adapters/postgres/server.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { badInput } from "../domain/errors.ts";
import { type PlanBasis, planVersion, type RegisteredVersion, type VersionPlan } from "../domain/zoo/plan.ts";

/** What the program knows of the platform's database before it declares anything. */
export interface PlatformPlan {
  readonly basis: PlanBasis;
  /** How the program reaches the server; its password is a secret. */
  readonly server: DatabaseServer;
  /** Whether MENAGERIE_DATABASE_URL named the server, so that handlers find it there too. */
  readonly fromEnvironment: boolean;
  /** Name of the checkout's last migration. */
  readonly schemaVersion: string;
  /** By name of the zoo model. */
  readonly versions: ReadonlyMap<string, VersionPlan>;
}

/** What the stack's last `up` left as outputs; the part that plans fall back on. */
export interface LastOutputs {
  readonly schemaVersion?: string | null;
  readonly rollouts?: Readonly<
    Record<string, { readonly hash: string; readonly version?: number | null; readonly versionId?: string | null }>
  >;
  readonly models?: Readonly<
    Record<
      string,
      {
        readonly hash: string;
        readonly baseHash?: string;
        readonly version?: number | null;
        readonly versionId?: string | null;
      }
    >
  >;
}

export interface PlanningOptions {
  /** `MENAGERIE_DATABASE_URL` */
  readonly url: string | undefined;
  /** `menagerie:databasePassword` */
  readonly password: string | undefined;
  readonly preview: boolean;
  /** Asked only when the database does not answer. */
  readonly lastOutputs: () => Promise<LastOutputs>;
}

const setPassword = "`pulumi config set --secret menagerie:databasePassword`";

/**
 * Plans the stack's model versions by read-only queries; undefined for a stack without `menagerie:database`. Throws an
 * OperatorError when the database does not answer, unless the stack has not made it yet or a preview may do without.
 */
export async function planPlatform(
  spec: Pick<EnvironmentSpec, "database" | "previewDatabase" | "zoo">,
  hashes: ReadonlyMap<string, string>,
  options: PlanningOptions,
): Promise<PlatformPlan | undefined> {
  if (!spec.database) return undefined;
  const server = options.url
    ? serverFromUrl(options.url, "MENAGERIE_DATABASE_URL")
    : {
        host: spec.database.host,
        port: spec.database.port,
        user: spec.database.adminUser,
        password: options.password,
        sslMode: spec.database.sslMode,
        maintenanceDatabase: "postgres",
      };
  if (!options.url && !options.password && !options.preview) {
    throw badInput(`menagerie:databasePassword: missing; run ${setPassword}, or set MENAGERIE_DATABASE_URL`);
  }
  const models = Object.entries(spec.zoo).map(([name, { truss }]) => ({ name, hash: hashes.get(truss) ?? "" }));
  const { basis, registered } = await readRegistered(spec, server, options, models);
  return {
    basis,
    server,
    fromEnvironment: Boolean(options.url),
    schemaVersion: (await migrationNames()).at(-1) ?? "",
    versions: new Map(models.map(({ name, hash }) => [name, planVersion(hash, registered.get(name) ?? [])])),
  };
}

interface Registered {
  readonly basis: PlanBasis;
  readonly registered: ReadonlyMap<string, readonly RegisteredVersion[]>;
}

async function readRegistered(
  { previewDatabase }: Pick<EnvironmentSpec, "previewDatabase">,
  server: DatabaseServer,
  { preview, lastOutputs }: PlanningOptions,
  models: readonly { readonly name: string }[],
): Promise<Registered> {
  try {
    if (server.password === undefined) throw new DatabaseUnreachable(server, "menagerie", missingPassword);
    const state = await readPlatformState(
      server,
      models.map(({ name }) => name),
    );
    return fromState(state);
  } catch (error) {
    if (!(error instanceof DatabaseUnreachable)) throw error;
    const outputs = await lastOutputs();
    if (!outputs.schemaVersion) return fromState(undefined);
    if (!preview) throw error;
    if (previewDatabase !== "optional") {
      throw badInput(`${error.message}; or set menagerie:previewDatabase to optional, to preview without it`, error);
    }
    return { basis: "not checked", registered: fromOutputs(outputs) };
  }
}

const missingPassword = new Error(`no password, run ${setPassword} or set MENAGERIE_DATABASE_URL`);

function fromState(state: PlatformState | undefined): Registered {
  return { basis: state ? "read" : "new database", registered: state?.zoo ?? new Map() };
}

/** The versions that the last `up` served: enough to tell an unchanged model from a changed one. */
function fromOutputs({ rollouts = {} }: LastOutputs): Map<string, RegisteredVersion[]> {
  return new Map(
    Object.entries(rollouts).flatMap(([name, { hash, version, versionId }]) =>
      version && versionId ? [[name, [{ id: versionId, number: version, hash, isCurrent: true, apps: 0 }]]] : [],
    ),
  );
}
