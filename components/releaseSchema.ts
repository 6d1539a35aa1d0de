import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { platformDatabase, roles, sourceSchemaName } from "../src/domain/platformDatabase.ts";
import { isOwnTable, releaseRoles, type StateTable, stateSchemaName } from "../src/domain/release/stateSchema.ts";
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

const change = ["DELETE", "INSERT", "SELECT", "UPDATE"];

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
  /** Exists once every table has its rows. */
  readonly state: ReleaseState;
  /** Login of the release's services. */
  readonly service: LoginRole;
  /** Login of the pipelines that build its state. */
  readonly pipeline: LoginRole;
  /** Exist once both logins can do their work: depend on them. */
  readonly rights: readonly pulumi.Resource[];

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
        ...(args.extensions?.length ? { extensions: [...args.extensions] } : {}),
        ...(args.url === undefined ? {} : { database: pulumi.secret(args.url) }),
      },
      { ...parent, dependsOn: schema },
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

    const grants: postgresql.Grant[] = [];
    const grant = (
      role: { readonly name: string; readonly resource: postgresql.Role },
      label: string,
      what: Omit<postgresql.GrantArgs, "role" | "database">,
    ): void => {
      grants.push(
        new postgresql.Grant(
          `${role.name}-${label}`,
          { role: role.name, database: platformDatabase, ...what },
          // Grants in a schema that is being made anew would be gone with it.
          { ...parent, dependsOn: [role.resource, this.state], deleteBeforeReplace: true },
        ),
      );
    };
    const onTables = (role: Parameters<typeof grant>[0], label: string, privileges: string[], objects: string[]) => {
      if (objects.length > 0) grant(role, label, { objectType: "table", schema: this.schema, objects, privileges });
    };
    const named = (which: (table: StateTable) => boolean): string[] => tables.filter(which).map((table) => table.name);
    for (const role of [service, pipeline]) {
      grant(role, "database", { objectType: "database", privileges: ["CONNECT"] });
      grant(role, "schema", { objectType: "schema", schema: this.schema, privileges: ["USAGE"] });
      if (args.sequences) {
        grant(role, "sequences", { objectType: "sequence", schema: this.schema, privileges: ["SELECT", "USAGE"] });
      }
    }
    onTables(
      service,
      "write",
      change,
      named(({ seed }) => seed !== "view"),
    );
    onTables(service, "read", ["SELECT"], [...named(({ seed }) => seed === "view"), ...views]);
    onTables(pipeline, "build", [...change, "TRUNCATE"], named(isOwnTable));
    onTables(pipeline, "read", ["SELECT"], [...named((table) => !isOwnTable(table)), ...views]);
    this.rights = grants;
    this.service = { name: service.name, password: service.password };
    this.pipeline = { name: pipeline.name, password: pipeline.password };
    this.registerOutputs({ schema: this.schema, seededRows: this.state.seededRows });
  }
}
