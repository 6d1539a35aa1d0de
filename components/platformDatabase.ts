import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { platformDatabase, platformSchemaName, roles } from "../src/domain/platformDatabase.ts";
import { PlatformSchema } from "../src/resources/platformSchema.ts";
import { SecretValue } from "../src/resources/secretValue.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link PlatformDatabase}. */
export interface PlatformDatabaseArgs {
  /** Name of the checkout's last migration. */
  readonly version: string;
  /**
   * Secret url that migrations connect by.
   * @default the environment variable MENAGERIE_DATABASE_URL, when they run
   */
  readonly url?: pulumi.Input<string> | undefined;
  /**
   * Refuse to delete database and schema.
   * @default true
   */
  readonly protect?: boolean;
}

/** A role that logs in. */
export interface LoginRole {
  readonly name: string;
  /** A secret. */
  readonly password: pulumi.Output<string>;
}

/** Columns that a stack registers, and those of them that it changes later. Pointers are none of them. */
const registeredColumns = [
  "model_id",
  "number",
  "truss_hash",
  "image_digest",
  "image_url",
  "serving",
  "is_development",
];
const updatedColumns = ["truss_hash", "image_digest", "image_url", "serving", "is_current", "status"];
const recordedEvidence = ["model", "truss_hash", "kind", "suite", "passed", "evidence", "evidence_hash"];
const readByMigrator = ["id", "model_id", "number", "is_development", "proxy_model_version_id", "status"];
const readByDeployer = ["id", ...registeredColumns, "is_current", "proxy_model_version_id", "status"];

/**
 * The database `menagerie` with the platform's tables, and who may do what in it. Needs a `postgresql.Provider` among its
 * providers, with a user that may make databases and roles.
 *
 * @example
 * new PlatformDatabase("platform", { version: "0002_api-keys" }, { providers: [postgres] });
 */
export class PlatformDatabase extends pulumi.ComponentResource {
  /** For the API service: reads pointers and keys, keeps the patches of development versions. */
  readonly api: LoginRole;
  /** Exists once the tables do: depend on it to work in them. */
  readonly schema: PlatformSchema;

  constructor(name: string, args: PlatformDatabaseArgs, options?: pulumi.ComponentResourceOptions) {
    super(
      "menagerie:database:PlatformDatabase",
      name,
      registered({ version: args.version, protect: args.protect }),
      options,
    );
    const parent = { parent: this };
    const protect = args.protect ?? true;

    const noLogin = (role: string) => new postgresql.Role(role, { name: role, login: false }, parent);
    const withLogin = (role: string): LoginRole & { readonly resource: postgresql.Role } => {
      const password = new SecretValue(role, {}, parent).value;
      return {
        name: role,
        password,
        resource: new postgresql.Role(role, { name: role, login: true, password }, parent),
      };
    };
    const owner = noLogin(roles.owner);
    const [operator, migrator] = [noLogin(roles.operator), noLogin(roles.migrator)];
    const [api, deployer, reader] = [withLogin(roles.api), withLogin(roles.deployer), withLogin(roles.reader)];
    const state = noLogin(roles.state);
    noLogin(roles.pipeline);
    const everyRole = [operator, migrator, api.resource, deployer.resource, reader.resource, state];

    const database = new postgresql.Database(
      platformDatabase,
      { name: platformDatabase, owner: owner.name },
      { ...parent, protect },
    );
    const schema = new postgresql.Schema(
      platformSchemaName,
      // Whoever agrees to its deletion agrees to that of its tables: without them it would stop halfway.
      { name: platformSchemaName, database: database.name, owner: owner.name, dropCascade: true },
      { ...parent, protect },
    );
    this.schema = new PlatformSchema(
      name,
      { version: args.version, ...(args.url === undefined ? {} : { database: pulumi.secret(args.url) }) },
      { ...parent, dependsOn: schema },
    );

    // A grant that was released is never edited (test/unit/components/grants.test.ts): replaced, its role would be without the right
    // until it is made again. A right that is added is another grant, on columns where the role has rights in the table already.
    const grant = (
      role: string,
      label: string,
      what: Omit<postgresql.GrantArgs, "role" | "database">,
      dependsOn: pulumi.Resource[],
    ) =>
      new postgresql.Grant(
        `${role}-${label}`,
        { role, database: database.name, ...what },
        // A grant made before its predecessor is deleted would be taken away with it.
        { ...parent, dependsOn, deleteBeforeReplace: true },
      );
    // By default everybody may connect and make temporary tables.
    grant("public", "database", { objectType: "database", privileges: [] }, [database]);
    for (const role of [roles.operator, roles.migrator, api.name, deployer.name, reader.name, roles.state]) {
      if (role !== roles.state) {
        grant(role, "database", { objectType: "database", privileges: ["CONNECT"] }, [database, ...everyRole]);
      }
      const usage = { objectType: "schema", schema: schema.name, privileges: ["USAGE"] };
      grant(role, "schema", usage, [schema, ...everyRole]);
    }
    const tables = (role: string, label: string, privileges: string[], objects: string[]) =>
      grant(role, label, { objectType: "table", schema: schema.name, objects, privileges }, [
        this.schema,
        ...everyRole,
      ]);
    const columns = (role: string, privilege: string, table: string, list: string[], after: pulumi.Resource[] = []) =>
      grant(
        role,
        `${privilege.toLowerCase()}-${table}`,
        { objectType: "column", schema: schema.name, objects: [table], columns: list, privileges: [privilege] },
        [this.schema, ...everyRole, ...after],
      );

    const read = tables(roles.api, "select", ["SELECT"], ["organization", "model", "model_version", "api_key"]);
    // What clients push: their models, and one development version of each. After the whole tables, whose grant begins by
    // revoking everything.
    columns(roles.api, "INSERT", "model", ["name", "organization_id"], [read]);
    columns(roles.api, "INSERT", "model_version", ["model_id", "number", "truss_hash", "is_development"], [read]);
    columns(roles.api, "UPDATE", "model_version", ["truss_hash", "image_digest", "status"], [read]);
    // Chains are never changed; what is known of containers, heads and their use is. A trigger allows one change: what an earlier
    // Menagerie stored is sealed, once.
    const chain = tables(roles.api, "chain", ["INSERT", "SELECT"], ["truss_generation", "truss_patch"]);
    columns(roles.api, "UPDATE", "truss_patch", ["ops", "requirements", "is_sealed"], [chain]);
    tables(
      roles.api,
      "development",
      ["INSERT", "SELECT", "UPDATE"],
      ["truss_sync", "truss_head", "development_activity", "development_deployment"],
    );
    // A row is a deletion of what a client pushed, and of nothing else: a trigger carries it out.
    tables(roles.api, "deletions", ["INSERT", "SELECT"], ["development_deletion"]);
    tables(
      roles.reader,
      "select",
      ["SELECT"],
      [
        ...["organization", "app_user", "model", "model_version", "schema_migration"],
        ...["zoo_migration", "zoo_migration_row", "rollout", "rollout_step", "gate_evidence"],
      ],
    );
    tables(roles.deployer, "select", ["SELECT"], ["organization"]);
    tables(roles.deployer, "register", ["INSERT", "SELECT"], ["model"]);
    // By column throughout: what is granted on the whole table would take these along when it changes.
    columns(roles.deployer, "SELECT", "model_version", readByDeployer);
    columns(roles.deployer, "INSERT", "model_version", registeredColumns);
    columns(roles.deployer, "UPDATE", "model_version", updatedColumns);
    tables(roles.migrator, "select", ["SELECT"], ["model"]);
    columns(roles.migrator, "SELECT", "model_version", readByMigrator);
    columns(roles.migrator, "UPDATE", "model_version", ["proxy_model_version_id"]);
    tables(roles.migrator, "journal", ["INSERT", "SELECT", "UPDATE"], ["zoo_migration", "zoo_migration_row"]);
    tables(roles.deployer, "roll-out", ["INSERT", "SELECT", "UPDATE"], ["rollout"]);
    tables(roles.deployer, "note", ["INSERT", "SELECT"], ["rollout_step", "gate_evidence"]);
    tables(roles.operator, "rollouts", ["SELECT"], ["rollout", "rollout_step", "gate_evidence"]);
    tables(roles.operator, "make", ["INSERT", "SELECT"], ["organization", "app_user", "model", "model_version"]);
    // A row is the deletion of an app, and of nothing else: a trigger carries it out.
    const deleted = tables(roles.operator, "deleted-apps", ["SELECT"], ["deleted_app"]);
    columns(roles.operator, "INSERT", "deleted_app", ["model_id"], [deleted]);
    columns(roles.operator, "UPDATE", "deleted_app", ["restored_at"], [deleted]);
    columns(roles.operator, "INSERT", "gate_evidence", recordedEvidence);
    columns(roles.operator, "SELECT", "api_key", [
      "id",
      "prefix",
      "model_id",
      "organization_id",
      "created_at",
      "revoked_at",
    ]);
    columns(roles.operator, "INSERT", "api_key", ["prefix", "hash", "model_id", "organization_id"]);
    columns(roles.operator, "UPDATE", "api_key", ["revoked_at"]);
    const journal = ["release_chunk", "release_schema", "release_table"];
    tables(roles.state, "journal", ["DELETE", "INSERT", "SELECT", "UPDATE"], journal);
    tables(roles.state, "pipelines", ["INSERT", "SELECT", "UPDATE"], ["release_pipeline"]);
    tables(roles.reader, "releases", ["SELECT"], [...journal, "release_pipeline"]);
    // The record of deployments: what was written stays.
    const record = ["release", "deployment", "deployment_outcome"];
    tables(roles.deployer, "deploy", ["INSERT", "SELECT"], record);
    tables(roles.api, "settle", ["INSERT", "SELECT"], ["deployment_outcome"]);
    tables(roles.api, "deployments", ["SELECT"], ["release", "deployment"]);
    tables(roles.api, "rollouts", ["SELECT"], ["rollout"]);
    for (const role of [roles.reader, roles.operator]) {
      tables(role, "deployments", ["SELECT"], [...record, "deployment_range"]);
    }

    this.api = { name: api.name, password: api.password };
    this.registerOutputs({ version: this.schema.version });
  }
}
