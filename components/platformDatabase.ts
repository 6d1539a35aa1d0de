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

/**
 * The database `menagerie` with the platform's tables, and who may do what in it: what each role may do is one SQL file in
 * `src/adapters/postgres/rights`. Needs a `postgresql.Provider` among its
 * providers, with a user that may make databases and roles.
 *
 * @example
 * new PlatformDatabase("platform", { version: "0002_api-keys" }, { providers: [postgres] });
 */
export class PlatformDatabase extends pulumi.ComponentResource {
  /** For the API service: reads pointers and keys, keeps the patches of development versions. */
  readonly api: LoginRole;
  /** Exists once the tables do, and every role has its rights: depend on it to work in them. */
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
    const api = withLogin(roles.api);
    const others = [roles.operator, roles.migrator, roles.state, roles.pipeline].map(noLogin);
    const everyRole = [
      ...[owner, ...others, api.resource],
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
      { version: args.version, ...(args.url === undefined ? {} : { database: pulumi.secret(args.url) }) },
      { ...parent, dependsOn: [schema, ...everyRole] },
    );

    this.api = { name: api.name, password: api.password };
    this.registerOutputs({ version: this.schema.version });
  }
}
