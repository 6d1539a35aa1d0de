import * as pulumi from "@pulumi/pulumi";
import type { ZooEntryJudge, ZooEntryProof, ZooEntrySpec } from "../src/config/environment.ts";
import { inEnvironment } from "../src/domain/printedCommands.ts";
import { type ModelRecording, recordingSchema } from "../src/domain/recording/settings.ts";
import { modelRoute } from "../src/domain/serving/modelRoute.ts";
import { readyPath, servingPath } from "../src/domain/serving/servedModel.ts";
import type { Phase } from "../src/domain/zoo/phases.ts";
import { kubernetesName } from "../src/domain/zoo/plan.ts";
import type { SmokeCase } from "../src/domain/zoo/smoke.ts";
import type { Environment } from "../src/environment/environment.ts";
import { given } from "../src/environment/given.ts";
import type { ServedPlan, ZooModelPlan } from "../src/plan/zooModel.ts";
import type { RolloutTraffic } from "../src/resources/rolloutTraffic.ts";
import { SmokeTest } from "../src/resources/smokeTest.ts";
import { TrussImage } from "../src/resources/trussImage.ts";
import { ZooMigration } from "../src/resources/zooMigration.ts";
import { ZooRollout } from "../src/resources/zooRollout.ts";
import { delegatingRoute, divideRequests, sleeping } from "./dividedRequests.ts";
import type { OnEnvironment, ScaledModelArgs } from "./modelArgs.ts";
import { PredictionStore } from "./predictionStore.ts";
import { registered } from "./registeredInputs.ts";
import { deployRoute } from "./route.ts";
import { type Admission, ServedVersion, type ServedVersionArgs } from "./servedVersion.ts";
import { type DeclaredEntry, modelOutput, recordingOutput, rolloutOutput, type ZooEntryRoute } from "./zooOutputs.ts";

/** One input with the output that it must have; keys that `output` does not name may be there too. */
export interface DeclaredSmokeCase {
  readonly input: unknown;
  readonly output: unknown;
  /**
   * Largest absolute difference of a number from the expected one.
   * @default 0
   */
  readonly tolerance?: number;
}

/** Arguments of {@link ModelZooEntry}, in the words of `menagerie:zoo`. */
export interface ModelZooEntryArgs extends OnEnvironment, ScaledModelArgs {
  /**
   * Phase of the rollout: `off`, `copy`, `version`, `forward`, `bake`, `done` or `reverted`; without `from`: `off`, `version` or `done`.
   * What each does to versions, route, apps and evidence stands in src/domain/zoo/effects.ts.
   */
  readonly phase: Phase;
  /**
   * Id of the version that the rollout leaves, as `menagerie rollout` shows it; that one is served until the rollout is done.
   * @default none: the content is deployed directly
   */
  readonly from?: string | undefined;
  /**
   * Content hash that is served, whatever the folder holds: 64 hex digits.
   * @default the folder's
   */
  readonly hash?: string | undefined;
  /**
   * Paths that the model serves besides those of protocols, such as `/generate`, or `/api/` for everything below it.
   * @default none
   */
  readonly paths?: readonly string[] | undefined;
  /**
   * Inputs with the outputs that they must have: tried before requests reach new content, and the evidence that `forward` asks for. A
   * list, or a YAML file in the truss folder.
   * @default smoke.yaml in the truss folder, if it is there
   */
  readonly smoke?: string | readonly DeclaredSmokeCase[] | undefined;
  /**
   * Shadow deployment whose gate must be met before `forward` moves apps.
   * @default none
   */
  readonly shadow?: ZooEntrySpec["shadow"];
  /**
   * The rollout's two versions in the table of `menagerie:migrationTarget`, whose apps move too. Only of a stack.
   * @default none
   */
  readonly apps?: ZooEntrySpec["apps"];
  /**
   * Requests to the model's own route that the new version answers, in percent; the others go to the old one, which new apps use until
   * it is 100. In phases `version` and `forward`.
   * @default 100
   */
  readonly traffic?: number | undefined;
  /**
   * What keeps a client on one side: `cookie`, or the name of a request header whose value decides.
   * @default each request is drawn by itself
   */
  readonly by?: string | undefined;
  /**
   * Organizations whose apps `forward` moves, in percent.
   * @default 100
   */
  readonly share?: number | undefined;
  /**
   * Apps that are moved in a second at most.
   * @default as fast as short transactions go
   */
  readonly rowsPerSecond?: number | undefined;
  /**
   * Ids of apps that stay on the old version by choice. Only of a stack.
   * @default none
   */
  readonly leave?: readonly string[] | undefined;
  /**
   * Whether apps stay where they are for now.
   * @default false
   */
  readonly paused?: boolean | undefined;
  /**
   * What `reverted` moves back: the apps that `forward` moved, or every app that points at the new version.
   * @default journaled
   */
  readonly revert?: ZooEntrySpec["revert"] | undefined;
  /**
   * How long the new version serves everybody before `done` may remove the old one, and whether the smoke set must pass again before.
   * @default { minutes: 2880, smoke: true }
   */
  readonly bake?: Partial<ZooEntrySpec["bake"]> | undefined;
  /**
   * Records every request to the model's versions and its answer, in tables of its own. Which requests are stored, what of them, and
   * for how many days; `paused` keeps what was recorded and records nothing. Removing it deletes the recorded predictions.
   * @default nothing is recorded
   */
  readonly recording?: Partial<ModelRecording> | undefined;
  /**
   * In phase `copy`, so much of the requests to the model itself is copied to the copy, in percent; both are recorded.
   * @default nothing is copied
   */
  readonly mirror?: number | undefined;
  /**
   * What the new version of a rollout is judged by while both versions answer, and what follows when it is bad.
   * @default nobody judges
   */
  readonly judge?: ZooEntryJudge | undefined;
  /**
   * What `menagerie prove` must have found before `forward` moves apps: the new content equal to the old one on the samples in
   * samples/<name>/, or within these bounds.
   * @default not asked for
   */
  readonly proof?: ZooEntryProof | undefined;
  /**
   * Whether the model works in the release's state.
   * @default false
   */
  readonly state?: boolean | undefined;
}

/** How long a version that is ready may take to answer a smoke set, in seconds. */
const answerWithinSeconds = 60;

/**
 * One model of the zoo: where its rollout stands, the versions that are served, and its route at the gateway, which leads
 * to the version that new apps use. A copy has a route of its own. What an `up` does stands in the preview, at the component.
 *
 * Refused, at preview: what `menagerie validate` refuses of an entry of `menagerie:zoo`, a phase that cannot be entered, a pool that is
 * not declared, a second entry of one name.
 *
 * @example
 * const iris = new ModelZooEntry("iris", { environment, truss: "models/iris", phase: "copy", from: "3" });
 * export const url = iris.predictUrl;
 */
export class ModelZooEntry extends pulumi.ComponentResource implements DeclaredEntry {
  /** Address that takes predictions, up to and including `:predict`; undefined for a model that is off. Known before the model answers. */
  readonly predictUrl: string | undefined;
  /** By name in the database. */
  readonly routes: ReadonlyMap<string, ZooEntryRoute>;
  /** By service. */
  readonly served: ReadonlyMap<string, ServedVersion>;
  /** When the model entered its phase; null for a stack without a database. */
  readonly since: pulumi.Output<string> | null;
  private readonly environment: Environment;
  private readonly plan: ZooModelPlan;
  private readonly paths: readonly string[] | undefined;

  constructor(name: string, args: ModelZooEntryArgs, options?: pulumi.ComponentResourceOptions) {
    const { environment, ...declared } = args;
    const entry = environment.declare("zoo", name, declared);
    const plan = environment.plans.zooModel(name, entry);
    const { versions, target, smoke } = plan;
    const { ready, state, ofRelease } = environment.parts;
    const nodes = versions.flatMap(({ serving }) => environment.nodesOf(serving.pool).resources);
    super(
      "menagerie:zoo:ModelZooEntry",
      name,
      registered(entry),
      environment.options(options, [...ready, ...ofRelease, ...new Set(nodes), ...(state?.ready ?? [])]),
    );
    this.environment = environment;
    this.plan = plan;
    this.paths = entry.paths;
    for (const line of plan.lines) this.tell(line);
    // What a phase lets in or removes waits for its record, and that for the smoke set where the phase tries one: nothing is
    // recorded, and no app or request reaches the version, before it has passed. Everything else waits for the record.
    const tried = smoke !== undefined && target !== undefined;
    const early = !tried && plan.rollout.request.phase !== "done" ? this.record([]) : undefined;
    const built = this.build();
    const store = this.store();
    let late: ZooRollout | undefined;
    const admit = (own: Admission): pulumi.Resource[] => {
      if (!environment.hasDatabase || !smoke || !target) return [];
      late = this.record([this.smoke(smoke, target, own)]);
      return late ? [late] : [];
    };
    const served = new Map(
      versions.map((version) => [
        version.service,
        this.serve(
          version,
          { built, store },
          early ? [early] : [],
          version.service === target?.service ? admit : undefined,
        ),
      ]),
    );
    const answering = versions.find((version) => version.model === name);
    const routes = [answering, target?.model === name ? undefined : target].filter((each) => each !== undefined);
    const divided = divideRequests(
      { environment, plan, paths: this.paths, served },
      { parent: this, dependsOn: early ? [early] : [] },
    );
    this.routes = new Map(
      routes.map((version) => [version.model, this.route(version, answering === version, served, divided)]),
    );
    this.served = served;
    // What `done` removes goes last, and not at all when its record fails.
    const recorded = late ?? early ?? this.record([]);
    if (recorded) this.move([recorded, ...served.values()]);
    this.since = recorded?.since ?? null;
    this.predictUrl = this.routes.get(name)?.predictUrl;
    const { outputs, spec, hasDatabase: isRegistered } = environment;
    for (const [model, route] of this.routes) {
      outputs.models[model] = modelOutput(route, { namespace: spec.namespace, isRegistered });
    }
    outputs.rollouts[name] = rolloutOutput(plan, isRegistered, this);
    const recording = recordingOutput(plan, this.predictUrl);
    if (recording) outputs.recordings[name] = recording;
    this.registerOutputs({ predictUrl: this.predictUrl });
  }

  private tell(line: string): void {
    pulumi.log.info(`${this.plan.name}: ${inEnvironment(line, this.environment.facts.environment)}`, this);
  }

  /** The phase in the database; none without one. */
  private record(after: readonly pulumi.Resource[]): ZooRollout | undefined {
    if (!this.environment.hasDatabase) return undefined;
    const { name, rollout, hash, bake, due, leave, targetApps, judge, keptPods } = this.plan;
    const { phase, from, gates } = rollout.request;
    return new ZooRollout(
      name,
      {
        model: name,
        phase,
        hash,
        gates: [...gates],
        bakeSeconds: bake.minutes * 60,
        ...given({
          from,
          due,
          judge,
          keptPods,
          apps: targetApps?.pair,
          leave: leave.length > 0 ? [...leave] : undefined,
        }),
        ...this.environment.onDatabase,
        ...(targetApps ? this.environment.onTarget : {}),
        ...given({ guardRole: targetApps && judge && this.environment.platform.target?.guardRole }),
      },
      { parent: this, dependsOn: [...this.environment.tables, ...after] },
    );
  }

  /** The image of the truss folder, which the copy and the new version share. */
  private build(): TrussImage | undefined {
    const { name, target } = this.plan;
    if (!target || target.image !== undefined) return undefined;
    const { serving, hash, imageDue: due } = target;
    const truss = { folder: serving.truss, hash, name: kubernetesName(name) };
    return new TrussImage(name, { ...this.environment.builder, ...truss, ...given({ due }) }, { parent: this });
  }

  /** Where predictions of all of its versions are kept, also while none is served or recorded. */
  private store(): PredictionStore | undefined {
    const { name, recording } = this.plan;
    if (!recording) return undefined;
    const { environment } = this;
    return new PredictionStore(
      name,
      {
        environment,
        schema: recordingSchema(name),
        retentionDays: recording.retentionDays,
        secretName: `${kubernetesName(name)}-recorder`,
      },
      { parent: this },
    );
  }

  private serve(
    version: ServedPlan,
    { built, store }: { readonly built: TrussImage | undefined; readonly store: PredictionStore | undefined },
    after: readonly pulumi.Resource[],
    before: ServedVersionArgs["before"],
  ): ServedVersion {
    const { name, rollout, versions } = this.plan;
    const own = versions.find(({ model }) => model === name);
    // Only the version of a model without a rollout has been a child of the entry, and the engine takes an alias for one resource.
    const isFirst = version === own && (!this.environment.hasDatabase || rollout.request.from === undefined);
    return new ServedVersion(
      version.service,
      {
        environment: this.environment,
        version,
        image: imageOf(version, built),
        before,
        recordedIn: store && { store, ownPaths: this.paths },
        adoptFrom: isFirst ? { name, parent: this } : undefined,
      },
      { parent: this, dependsOn: [...after] },
    );
  }

  private route(
    version: ServedPlan,
    isModel: boolean,
    served: ReadonlyMap<string, ServedVersion>,
    divided: RolloutTraffic | undefined,
  ): ZooEntryRoute {
    const own = served.get(version.service);
    if (!own) throw new Error(`${version.service} is not served`);
    const { namespace, gateway, services } = this.environment.spec;
    const { model, service, serving } = version;
    const asleep = sleeping(version, services);
    const name = isModel ? kubernetesName(this.plan.name) : service;
    const identity = { name, namespace, model, kind: "zoo", managedBy: "stack" } as const;
    const { paths } = this;
    this.environment.endIdleConnections(namespace);
    const recorded = version.recording !== undefined;
    const to = (answering: string) =>
      modelRoute({ ...identity, service: answering, recorded, mode: serving.mode, gateway, paths, sleeps: asleep });
    if (isModel && divided) {
      const route = delegatingRoute({ ...identity, mode: serving.mode, gateway, paths }, this.plan, services);
      // Of Gateway API the object that divides requests is the whole route.
      if (gateway.api !== "gateway-api") deployRoute(model, { route }, { parent: this, dependsOn: divided });
    } else {
      deployRoute(
        isModel ? model : service,
        { route: to(service), answering: own.service.apply(to) },
        // Requests go on to the version before until this one answers, rightly where a smoke set says so.
        { parent: this, dependsOn: [...own.admitted] },
      );
    }
    const predictUrl = `${gateway.url}${servingPath(namespace, name)}${readyPath}:predict`;
    return { predictUrl, version, served: own };
  }

  /** The apps that the phase moves, once everything that is served answers. */
  private move(after: readonly pulumi.Resource[]): void {
    const { name, migration, targetApps } = this.plan;
    const options = { parent: this, dependsOn: [...after] };
    const { own, target, lines } = this.environment.plans.move(this.plan);
    pulumi.output(lines).apply((all) => {
      for (const line of all) this.tell(line);
    });
    if (migration) {
      new ZooMigration(name, { ...given({ ...migration, due: own }), ...this.environment.onDatabase }, options);
    }
    if (targetApps?.migration) {
      const { onTarget } = this.environment;
      new ZooMigration(`${name}-target`, { ...given({ ...targetApps.migration, due: target }), ...onTarget }, options);
    }
  }

  private smoke(cases: readonly SmokeCase[], version: ServedPlan, { entrance, service, front }: Admission): SmokeTest {
    const { name, smokeDue: due } = this.plan;
    const { hash, serving } = version;
    const { namespace, serving: served, services } = this.environment.spec;
    const asleep = sleeping(version, services);
    return new SmokeTest(
      name,
      {
        model: name,
        hash,
        namespace,
        service,
        // As requests will reach it; left out where they reach the model itself, as of before there were recorders.
        ...(entrance.component === "transformer" ? { component: entrance.component } : {}),
        mode: serving.mode,
        revision: entrance.revision,
        cases: [...cases],
        // One that may sleep may have to start first.
        timeoutSeconds: asleep ? served.readyTimeoutSeconds : answerWithinSeconds,
        ...given({ due, front: asleep }),
        ...this.environment.inCluster,
        ...this.environment.onDatabase,
      },
      { parent: this, dependsOn: [...this.environment.tables, entrance.ready, ...front] },
    );
  }
}

function imageOf({ image, service }: ServedPlan, built: TrussImage | undefined) {
  if (image === undefined) {
    if (!built) throw new Error(`${service} has no image`);
    return { url: built.url, digest: built.digest };
  }
  const at = image.lastIndexOf("@");
  return { url: pulumi.output(image.slice(0, at)), digest: pulumi.output(image.slice(at + 1)) };
}
