import * as pulumi from "@pulumi/pulumi";
import { modelRoute } from "../src/domain/serving/modelRoute.ts";
import type { ClientGateway } from "../src/domain/serving/route.ts";
import { type Placement, readyPath, type ServedModel, servingPath } from "../src/domain/serving/servedModel.ts";
import type { ExistingTable } from "../src/domain/zoo/existingTable.ts";
import type { PlannedRequest } from "../src/domain/zoo/migration.ts";
import type { Gate, Phase } from "../src/domain/zoo/phases.ts";
import type { VersionServing } from "../src/domain/zoo/serving.ts";
import type { SmokeCase } from "../src/domain/zoo/smoke.ts";
import type { TargetPair } from "../src/domain/zoo/targetApps.ts";
import { SmokeTest } from "../src/resources/smokeTest.ts";
import { type ImageBuilder, TrussImage } from "../src/resources/trussImage.ts";
import { ZooMigration } from "../src/resources/zooMigration.ts";
import { ZooRollout } from "../src/resources/zooRollout.ts";
import { registered } from "./registeredInputs.ts";
import { deployRoute } from "./route.ts";
import { type Admission, ServedVersion, type ServedVersionArgs } from "./servedVersion.ts";

/** A version that the entry serves. */
export interface ZooEntryVersion {
  /** Name in the database: the entry's, or that of its copy. */
  readonly model: string;
  /** Name of the InferenceService, or the beginning of it. */
  readonly service: string;
  /** Each InferenceService that is made gets a name of its own. @default false */
  readonly renamed?: boolean | undefined;
  readonly number: number;
  readonly hash: string;
  readonly serving: VersionServing;
  /** `<url>@<digest>`; undefined for the image that the entry builds. */
  readonly image: string | undefined;
  /** Whether the entry builds that image again, because it is not stored any more. @default false */
  readonly imageDue?: true | undefined;
  /** Nodes that its pods run on. */
  readonly placement: Placement;
  /** Where the secrets that its truss names come from. */
  readonly secrets: ServedModel["secrets"];
  /** Environment variables beside its own; undefined for none. */
  readonly environment: ServedModel["environment"];
  /** New apps use it. */
  readonly current: boolean;
  /** Service whose place it takes. */
  readonly replaces: string | undefined;
  /** Whether its row has to be written again, for the database says something else. @default false */
  readonly due?: true | undefined;
}

/** Apps of a model in the table of an existing database. */
export interface ZooEntryTarget {
  readonly table: ExistingTable;
  /** Ids of the rollout's two versions there. */
  readonly pair: TargetPair;
  /** Apps that move, with ids of that table; undefined in phases that move none. */
  readonly migration: PlannedRequest | undefined;
  /**
   * Secret url of the database.
   * @default the environment variable MENAGERIE_MIGRATION_DATABASE_URL
   */
  readonly url?: string | undefined;
}

/** Where the entry is recorded. */
export interface ZooEntryRollout {
  readonly phase: Phase;
  /** Id of the version that the rollout leaves. */
  readonly from: string | undefined;
  /** Content that is deployed or rolled out. */
  readonly hash: string;
  readonly gates: readonly Gate[];
  /** How long a bake takes. */
  readonly bakeSeconds: number;
  /** Whether the phase has to be recorded again, for the database says another. @default false */
  readonly due?: true | undefined;
  /** Whether the smoke set has to be tried again, for there is no evidence that it passed. @default false */
  readonly smokeDue?: true | undefined;
  /** Ids of apps that stay on the old version by choice. @default none */
  readonly leave?: readonly string[] | undefined;
  /** Smoke set that the rolled-out version has to pass in this phase. */
  readonly smoke: readonly SmokeCase[] | undefined;
  /** Apps that move, once everything that is served answers. */
  readonly migration: PlannedRequest | undefined;
  /**
   * The model's apps in an existing database, which count and move too.
   * @default none
   */
  readonly target?: ZooEntryTarget | undefined;
  /** The platform's tables. */
  readonly tables: pulumi.Resource;
  /**
   * Secret url of the database.
   * @default the environment variable MENAGERIE_DATABASE_URL
   */
  readonly database?: pulumi.Input<string> | undefined;
}

/** Arguments of {@link ModelZooEntry}. */
export interface ModelZooEntryArgs {
  /** Name of the VirtualService: the model's name with dashes for underscores. */
  readonly kubernetesName: string;
  /** What is served, the version that answers for the model first. */
  readonly versions: readonly ZooEntryVersion[];
  /** Which of them is built from the truss folder or rolled out; undefined for none. */
  readonly target: ZooEntryVersion | undefined;
  /**
   * Where the model stands, for a stack with a database.
   * @default nothing is recorded or registered
   */
  readonly rollout?: ZooEntryRollout | undefined;
  /** Namespace that the model is served in. It must exist: pass the Namespace in `dependsOn`. */
  readonly namespace: string;
  /** What builds the image. */
  readonly builder: ImageBuilder;
  /** Istio Gateway and host names that the model is reached by. */
  readonly gateway: ClientGateway;
  /** How long a version may take to answer, in seconds. */
  readonly readyTimeoutSeconds: number;
  /**
   * Context of the kubeconfig.
   * @default the kubeconfig's current context
   */
  readonly kubeContext?: string | undefined;
  /** What the `up` does, for the preview. */
  readonly lines: readonly string[];
}

/** A model's way in, or its copy's. */
export interface ZooEntryRoute {
  /** Address that takes predictions, up to and including `:predict`. Known before the model answers. */
  readonly predictUrl: string;
  readonly version: ZooEntryVersion;
  readonly served: ServedVersion;
  /** `<url>@<digest>` */
  readonly image: pulumi.Output<string>;
}

/** How long a version that is ready may take to answer a smoke set, in seconds. */
const answerWithinSeconds = 60;

/**
 * One model of the zoo: where its rollout stands, the versions that are served, and its route at the gateway, which leads
 * to the version that new apps use. A copy has a route of its own.
 *
 * @example
 * new ModelZooEntry("iris", { kubernetesName: "iris", versions: [version], target: version, ... }, { dependsOn: namespace });
 */
export class ModelZooEntry extends pulumi.ComponentResource {
  /** By name in the database. */
  readonly routes: ReadonlyMap<string, ZooEntryRoute>;
  /** By service. */
  readonly served: ReadonlyMap<string, ServedVersion>;
  /** When the model entered its phase; null for a stack without a database. */
  readonly since: pulumi.Output<string> | null;

  constructor(name: string, args: ModelZooEntryArgs, options?: pulumi.ComponentResourceOptions) {
    super("menagerie:zoo:ModelZooEntry", name, registered(declaredAs(args)), options);
    for (const line of args.lines) pulumi.log.info(`${name}: ${line}`, this);
    const { rollout, versions, target } = args;
    // What a phase lets in or removes waits for its record, and that for the smoke set where the phase tries one: nothing is
    // recorded, and no app or request reaches the version, before it has passed. Everything else waits for the record.
    const tried = rollout?.smoke !== undefined && target !== undefined;
    const early = rollout && !tried && rollout.phase !== "done" ? this.record(name, rollout, []) : undefined;
    const built = this.build(name, args);
    let late: ZooRollout | undefined;
    const admit = (own: Admission): pulumi.Resource[] => {
      if (!rollout?.smoke || !target) return [];
      late = this.record(name, rollout, [this.smoke(name, args, rollout, rollout.smoke, target, own)]);
      return [late];
    };
    const served = new Map(
      versions.map((version) => [
        version.service,
        this.serve(
          name,
          version,
          built,
          args,
          early ? [early] : [],
          version.service === target?.service ? admit : undefined,
        ),
      ]),
    );
    const answering = versions.find((version) => version.model === name);
    const routes = [answering, target?.model === name ? undefined : target].filter((each) => each !== undefined);
    this.routes = new Map(
      routes.map((version) => [version.model, this.route(version, answering === version, served, built, args)]),
    );
    this.served = served;
    // What `done` removes goes last, and not at all when its record fails.
    const recorded = late ?? early ?? (rollout && this.record(name, rollout, []));
    if (rollout && recorded) this.move(name, rollout, [recorded, ...served.values()]);
    this.since = recorded?.since ?? null;
    this.registerOutputs({ predictUrl: this.routes.get(name)?.predictUrl });
  }

  private record(name: string, rollout: ZooEntryRollout, after: readonly pulumi.Resource[]): ZooRollout {
    const { phase, from, hash, gates, bakeSeconds, tables, database, target, due, leave } = rollout;
    return new ZooRollout(
      name,
      {
        model: name,
        phase,
        hash,
        gates: [...gates],
        bakeSeconds,
        ...given({ from, due, leave: leave && [...leave] }),
        ...(database === undefined ? {} : { database: pulumi.secret(database) }),
        ...(target ? { apps: target.pair, ...inTable(target) } : {}),
      },
      { parent: this, dependsOn: [tables, ...after] },
    );
  }

  /** The image of the truss folder, which the copy and the new version share. */
  private build(name: string, { target, builder, kubernetesName }: ModelZooEntryArgs): TrussImage | undefined {
    if (!target || target.image !== undefined) return undefined;
    const { serving, hash, imageDue: due } = target;
    const truss = { folder: serving.truss, hash, name: kubernetesName };
    return new TrussImage(name, { ...builder, ...truss, ...given({ due }) }, { parent: this });
  }

  private serve(
    name: string,
    version: ZooEntryVersion,
    built: TrussImage | undefined,
    args: ModelZooEntryArgs,
    after: readonly pulumi.Resource[],
    before: ServedVersionArgs["before"],
  ): ServedVersion {
    const { rollout, versions, namespace, readyTimeoutSeconds, kubeContext } = args;
    const { number, current, due } = version;
    const own = versions.find(({ model }) => model === name);
    return new ServedVersion(
      version.service,
      {
        ...version,
        namespace,
        readyTimeoutSeconds,
        kubeContext,
        before,
        image: imageOf(version, built),
        row: rollout && { number, current, due, tables: rollout.tables, database: rollout.database },
        // Only the version of a model without a rollout has been a child of the entry, and the engine takes an alias for one resource.
        adoptFrom: rollout?.from === undefined && version === own ? { name, parent: this } : undefined,
      },
      { parent: this, dependsOn: [...after] },
    );
  }

  private route(
    version: ZooEntryVersion,
    isModel: boolean,
    served: ReadonlyMap<string, ServedVersion>,
    built: TrussImage | undefined,
    { namespace, gateway, kubernetesName }: ModelZooEntryArgs,
  ): ZooEntryRoute {
    const own = served.get(version.service);
    if (!own) throw new Error(`${version.service} is not served`);
    const { model, service, serving } = version;
    const name = isModel ? kubernetesName : service;
    const identity = { name, namespace, model, kind: "zoo", managedBy: "stack" } as const;
    const to = (answering: string) => modelRoute({ ...identity, service: answering, mode: serving.mode, gateway });
    deployRoute(
      isModel ? model : service,
      { route: to(service), answering: own.service.apply(to) },
      // Requests go on to the version before until this one answers, rightly where a smoke set says so.
      { parent: this, dependsOn: [...own.admitted] },
    );
    const { url, digest } = imageOf(version, built);
    const predictUrl = `${gateway.url}${servingPath(namespace, name)}${readyPath}:predict`;
    return { predictUrl, version, served: own, image: pulumi.interpolate`${url}@${digest}` };
  }

  private move(
    name: string,
    { database, migration, target }: ZooEntryRollout,
    after: readonly pulumi.Resource[],
  ): void {
    const options = { parent: this, dependsOn: [...after] };
    if (migration) {
      const server = database === undefined ? {} : { database: pulumi.secret(database) };
      new ZooMigration(name, { ...given(migration), ...server }, options);
    }
    if (target?.migration) {
      new ZooMigration(`${name}-target`, { ...given(target.migration), ...inTable(target) }, options);
    }
  }

  private smoke(
    name: string,
    { namespace, kubeContext }: ModelZooEntryArgs,
    { tables, database, smokeDue }: ZooEntryRollout,
    cases: readonly SmokeCase[],
    { hash, serving: { mode } }: ZooEntryVersion,
    { ready, revision, service }: Admission,
  ): SmokeTest {
    return new SmokeTest(
      name,
      {
        model: name,
        hash,
        namespace,
        service,
        mode,
        revision,
        cases: [...cases],
        timeoutSeconds: answerWithinSeconds,
        ...given({ due: smokeDue, context: kubeContext }),
        ...(database === undefined ? {} : { database: pulumi.secret(database) }),
      },
      { parent: this, dependsOn: [tables, ready] },
    );
  }
}

/** What the config says of the entry, without what was planned from it. */
function declaredAs({ versions, target, rollout, readyTimeoutSeconds }: ModelZooEntryArgs): object {
  const { truss, mode, pool, env, replicas, resources } = (target ?? versions[0])?.serving ?? {};
  const { phase, from, bakeSeconds, leave, migration } = rollout ?? {};
  const { revert, share, paused, rowsPerSecond } = migration ?? {};
  const bake = bakeSeconds === undefined ? undefined : { minutes: bakeSeconds / 60 };
  const content = { truss, mode, pool, replicas, resources, env, readyTimeoutSeconds };
  return { ...content, phase, from, bake, leave, revert, share, paused, rowsPerSecond };
}

function imageOf({ image, service }: ZooEntryVersion, built: TrussImage | undefined) {
  if (image === undefined) {
    if (!built) throw new Error(`${service} has no image`);
    return { url: built.url, digest: built.digest };
  }
  const at = image.lastIndexOf("@");
  return { url: pulumi.output(image.slice(0, at)), digest: pulumi.output(image.slice(at + 1)) };
}

/** Without what is undefined, which the engine would keep as null. */
function given<T extends object>(inputs: T): T {
  return Object.fromEntries(Object.entries(inputs).filter(([, value]) => value !== undefined)) as T;
}

function inTable({ table, url }: ZooEntryTarget) {
  return { target: given(table), ...(url === undefined ? {} : { targetUrl: pulumi.secret(url) }) };
}
