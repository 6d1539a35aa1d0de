import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { platformDatabase, roles, sourceSchemaName } from "../src/domain/platformDatabase.ts";
import { releaseRoles, stateSchemaName } from "../src/domain/release/stateSchema.ts";
import type { DeclaredState } from "../src/environment/declaredSection.ts";
import { given } from "../src/environment/given.ts";
import type { LoginRole } from "../src/environment/parts.ts";
import { refuse } from "../src/environment/refusals.ts";
import { ReleaseState } from "../src/resources/releaseState.ts";
import { SecretValue } from "../src/resources/secretValue.ts";
import type { OnEnvironment } from "./modelArgs.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link ReleaseSchema}, in the words of `menagerie:state`; the release's tag is the component's name. */
export interface ReleaseSchemaArgs extends OnEnvironment {
  /** Folder of the `.sql` files that declare the tables, relative to the program's folder, such as `state`. */
  readonly schemas: string;
  /**
   * How tables of a new release begin: `copy` (the rows of the release before), `view` (a view of its table) or `empty`.
   * @default each by copy
   */
  readonly tables?: DeclaredState["tables"] | undefined;
  /**
   * Extensions that the files need, in schema `public`.
   * @default none
   */
  readonly extensions?: readonly string[] | undefined;
  /**
   * Connections that copy at the same time.
   * @default 4
   */
  readonly parallel?: number | undefined;
  /**
   * Whether this is the release that models run in, or one that is kept.
   * @default true
   */
  readonly current?: boolean;
}

/**
 * The state of one release: a schema named after its tag, the tables that SQL files declare, seeded from the release before, and
 * two roles that see nothing of any other release. `service_<schema>` reads and writes tables and reads views,
 * `pipeline_<schema>` builds the tables and reads the source data besides. Their search path is the schema, so that SQL needs no
 * schema names. A table seeded by `view` is read-only for services, in the first release too.
 *
 * The schema outlives the resource. What it is seeded from, and whether its files are the right ones, is planned from the journal of states.
 *
 * @example
 * const release = new ReleaseSchema("v1.2.3", { environment, schemas: "state", tables: { item: { seed: "view" } } });
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
    const { environment, current = true, ...entry } = args;
    if (!environment.hasDatabase) throw refuse("component.database-missing", { kind: "ReleaseSchema", name });
    const { schemas: folder, extensions = [], parallel = 4 } = entry;
    const { tables: platform, parts } = environment;
    super(
      "menagerie:release:ReleaseSchema",
      name,
      registered({ ...entry, current }),
      environment.options(options, [...platform, ...parts.ready, ...parts.ofRelease], ["postgres"]),
    );
    const parent = { parent: this };
    this.tag = name;
    this.current = current;
    this.schema = stateSchemaName(name);
    const planned = pulumi.output(environment.plans.state(name, entry));
    planned.apply(({ description }) => description && pulumi.log.info(`state ${name}: ${description}`, this));
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
        tag: name,
        schema: this.schema,
        seedFrom: planned.seedFrom,
        folder,
        declared: planned.declared,
        parallel,
        tables: planned.apply(({ tables }) => [...tables]),
        current,
        ...given({
          views: planned.apply(({ views }) => (views.length > 0 ? [...views] : undefined)),
          sequences: planned.apply(({ sequences }) => sequences),
          extensions: extensions.length > 0 ? [...extensions] : undefined,
        }),
        ...environment.onDatabase,
      },
      // A role can only go after its rights.
      { ...parent, dependsOn: [schema, service.resource, pipeline.resource] },
    );
    this.service = { name: service.name, password: service.password };
    this.pipeline = { name: pipeline.name, password: pipeline.password };
    this.registerOutputs({ schema: this.schema, seededRows: this.state.seededRows });
  }
}
