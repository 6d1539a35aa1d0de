import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { platformDatabase, roles, sourceSchemaName } from "../src/domain/platformDatabase.ts";
import { releaseRoles, type StateTable, stateSchemaName } from "../src/domain/release/stateSchema.ts";
import { ReleaseState } from "../src/resources/releaseState.ts";
import { SecretValue } from "../src/resources/secretValue.ts";
import type { LoginRole } from "./platformDatabase.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link ReleaseSchema}. */
export interface ReleaseSchemaArgs {
  /** Tag of the release: letters, digits and . _ + -, such as `v1.2.3`. */
  readonly tag: string;
  /** Schema of the release before; null for the first. */
  readonly seedFrom: string | null;
  /** Folder of the SQL files that declare the tables, relative to the project. */
  readonly folder: string;
  /** Hash of those files: `declaredHash` of `src/domain/release`. */
  readonly declared: string;
  /** The tables that the files make, sorted by name, with what each is seeded from. */
  readonly tables: readonly StateTable[];
  /**
   * Views that the files make.
   * @default none
   */
  readonly views?: readonly string[];
  /**
   * Extensions that the files need, in schema `public`.
   * @default none
   */
  readonly extensions?: readonly string[] | undefined;
  /**
   * Whether the files make sequences, other than those of identity columns: services and pipelines take numbers from them.
   * @default false
   */
  readonly sequences?: boolean | undefined;
  /**
   * Connections that copy at the same time.
   * @default 4
   */
  readonly parallel?: number;
  /**
   * Whether this is the stack's release, or one that is kept.
   * @default true
   */
  readonly current?: boolean;
  /**
   * Secret url of the server, for the seeding.
   * @default the environment variable MENAGERIE_DATABASE_URL, when it runs
   */
  readonly url?: pulumi.Input<string> | undefined;
}

/**
 * The state of one release: a schema named after its tag, the tables that SQL files declare, seeded from the release before, and
 * two roles that see nothing of any other release. `service_<schema>` reads and writes tables and reads views,
 * `pipeline_<schema>` builds the tables and reads the source data besides. Their search path is the schema, so that SQL needs no
 * schema names. A table seeded by `view` is read-only for services, in the first release too.
 *
 * The schema outlives the resource: it goes by the stack's retention, never by a line of config. Needs a `postgresql.Provider`
 * among its providers and a `PlatformDatabase` in `dependsOn`.
 *
 * @example
 * new ReleaseSchema("v1.2.3", { tag: "v1.2.3", seedFrom: "v1.2.2", folder: "state", declared, tables }, { providers: [postgres], dependsOn: platform });
 */
export class ReleaseSchema extends pulumi.ComponentResource {
  readonly tag: string;
  /** Whether it is the stack's release, or one that is kept. */
  readonly current: boolean;
  /** Name of the schema: the tag, or its beginning and a hash where it is too long. */
  readonly schema: string;
  /** Exists once every table has its rows, and both logins can do their work. */
  readonly state: ReleaseState;
  /** Login of the release's services. */
  readonly service: LoginRole;
  /** Login of the pipelines that build its state. */
  readonly pipeline: LoginRole;

  constructor(name: string, args: ReleaseSchemaArgs, options?: pulumi.ComponentResourceOptions) {
    const { tag, seedFrom, folder, declared, tables, views = [] } = args;
    super("menagerie:release:ReleaseSchema", name, registered({ ...args, url: undefined }), options);
    const parent = { parent: this };
    this.tag = tag;
    this.current = args.current ?? true;
    this.schema = stateSchemaName(tag);
    const names = releaseRoles(this.schema);

    const schema = new postgresql.Schema(
      this.schema,
      { name: this.schema, database: platformDatabase, owner: roles.state },
      { ...parent, retainOnDelete: true },
    );
    const login = (role: string, more: Partial<postgresql.RoleArgs>) => {
      const password = new SecretValue(role, {}, parent).value;
      const resource = new postgresql.Role(role, { name: role, login: true, password, ...more }, parent);
      return { name: role, password, resource };
    };
    const service = login(names.service, { searchPaths: [this.schema, "public"] });
    const pipeline = login(names.pipeline, {
      searchPaths: [this.schema, sourceSchemaName, "public"],
      roles: [roles.pipeline],
    });
    this.state = new ReleaseState(
      name,
      {
        tag,
        schema: this.schema,
        seedFrom,
        folder,
        declared,
        parallel: args.parallel ?? 4,
        tables: [...tables],
        current: args.current ?? true,
        ...(views.length > 0 ? { views: [...views] } : {}),
        ...(args.sequences ? { sequences: true } : {}),
        ...(args.extensions?.length ? { extensions: [...args.extensions] } : {}),
        ...(args.url === undefined ? {} : { database: pulumi.secret(args.url) }),
      },
      // A role can only go after its rights.
      { ...parent, dependsOn: [schema, service.resource, pipeline.resource] },
    );
    this.service = { name: service.name, password: service.password };
    this.pipeline = { name: pipeline.name, password: pipeline.password };
    this.registerOutputs({ schema: this.schema, seededRows: this.state.seededRows });
  }
}
