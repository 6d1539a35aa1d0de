import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { platformDatabase, platformSchemaName, roles } from "../src/domain/platformDatabase.ts";
import type { DeclaredTables, LoginRole } from "../src/environment/parts.ts";
import { refuse } from "../src/environment/refusals.ts";
import { PlatformSchema } from "../src/resources/platformSchema.ts";
import { SecretValue } from "../src/resources/secretValue.ts";
import type { OnEnvironment } from "./modelArgs.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link PlatformDatabase}. */
export interface PlatformDatabaseArgs extends OnEnvironment {
  /**
   * Refuse to delete database and schema.
   * @default true
   */
  readonly protect?: boolean;
}

/**
 * The database `menagerie` with the platform's tables, and who may do what in it: what each role may do is one SQL file in
 * `src/adapters/postgres/rights`. The environment's database url is that of a user who may make databases and roles. What is declared on
 * the environment after it works in its tables.
 *
 * @example
 * new PlatformDatabase("platform", { environment });
 */
export class PlatformDatabase extends pulumi.ComponentResource implements DeclaredTables {
  /** For the API service: reads pointers and keys, keeps the patches of development versions. */
  readonly api: LoginRole;
  /** For the guard: judges rollouts, and takes back those that are bad. */
  readonly guard: LoginRole;
  /** For the console: reads what its pages show. */
  readonly console: LoginRole;
  /** Exists once the tables do, and every role has its rights: depend on it to work in them. */
  readonly schema: PlatformSchema;

  constructor(name: string, args: PlatformDatabaseArgs, options?: pulumi.ComponentResourceOptions) {
    const { environment, protect = true } = args;
    if (!environment.hasDatabase) throw refuse("component.database-missing", { kind: "PlatformDatabase", name });
    const { schemaVersion: version } = environment.platform;
    super(
      "menagerie:database:PlatformDatabase",
      name,
      registered({ version, protect: args.protect }),
      environment.options(options, [], ["postgres"]),
    );
    const parent = { parent: this };

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
    const api = withLogin(roles.api);
    const guard = withLogin(roles.guard);
    const console = withLogin(roles.console);
    const others = [roles.operator, roles.migrator, roles.state, roles.pipeline].map(noLogin);
    const everyRole = [
      ...[owner, ...others, api.resource, guard.resource, console.resource],
      ...[roles.deployer, roles.reader].map((role) => withLogin(role).resource),
    ];

    const database = new postgresql.Database(
      platformDatabase,
      { name: platformDatabase, owner: owner.name },
      // A role goes after all that it has rights in or owns, such as the states of releases.
      { ...parent, protect, dependsOn: everyRole },
    );
    const schema = new postgresql.Schema(
      platformSchemaName,
      // Whoever agrees to its deletion agrees to that of its tables: without them it would stop halfway.
      { name: platformSchemaName, database: database.name, owner: owner.name, dropCascade: true },
      { ...parent, protect },
    );
    this.schema = new PlatformSchema(
      name,
      { version, ...environment.onDatabase },
      { ...parent, dependsOn: [schema, ...everyRole] },
    );

    this.api = { name: api.name, password: api.password };
    this.guard = { name: guard.name, password: guard.password };
    this.console = { name: console.name, password: console.password };
    environment.parts.tables = this;
    this.registerOutputs({ version: this.schema.version });
  }
}
