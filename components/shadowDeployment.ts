import * as pulumi from "@pulumi/pulumi";
import type { ShadowDeploymentSpec, ShadowedModelSpec } from "../src/config/environment.ts";
import { keyPath } from "../src/config/sentences.ts";
import type { RedactionRules } from "../src/domain/redaction/rules.ts";
import { shadowPort } from "../src/domain/serving/activator.ts";
import { contentVersion } from "../src/domain/shadow/evidence.ts";
import { noiseSide, primarySide, shadowSchema, shadowService } from "../src/domain/shadow/names.ts";
import { copiedSides, sleepingSides } from "../src/domain/shadow/sides.ts";
import { sleeps } from "../src/domain/zoo/serving.ts";
import { given } from "../src/environment/given.ts";
import type { ShadowSideOutput } from "../src/environment/outputs.ts";
import { refuse } from "../src/environment/refusals.ts";
import type { OnEnvironment, ScaledModelArgs } from "./modelArgs.ts";
import { PredictionStore } from "./predictionStore.ts";
import { RecordedModel } from "./recordedModel.ts";
import { registered } from "./registeredInputs.ts";
import { declareSleepFront } from "./sleepFront.ts";
import { TrafficMirror } from "./trafficMirror.ts";

/** Arguments of {@link ShadowDeployment}, in the words of `menagerie:shadows`. */
export interface ShadowDeploymentArgs extends OnEnvironment {
  /** The model that answers. */
  readonly primary: ScaledModelArgs;
  /** Models that get copies of the requests, by name; always in Standard mode. */
  readonly shadows: Readonly<Record<string, Omit<ScaledModelArgs, "mode">>>;
  /**
   * Share of the requests that each shadow gets, 0 to 100.
   * @default 100
   */
  readonly percent?: number | undefined;
  /**
   * Paths that the models serve besides those of protocols, such as `/generate`, or `/api/` for everything below it.
   * @default none
   */
  readonly paths?: readonly string[] | undefined;
  /**
   * What counts as a difference between two answers.
   * @default everything
   */
  readonly compare?: Partial<NonNullable<ShadowDeploymentSpec["compare"]>> | undefined;
  /**
   * What a shadow has to show before a rollout that names the deployment moves apps.
   * @default no gate
   */
  readonly gate?: Partial<NonNullable<ShadowDeploymentSpec["gate"]>> | undefined;
  /**
   * A second copy of the primary gets copies too: by how much it differs from the first is noise.
   * @default false
   */
  readonly noiseFloor?: boolean | undefined;
  /**
   * Days that predictions are kept, before today's.
   * @default 30
   */
  readonly retentionDays?: number | undefined;
  /**
   * What is replaced by pseudonyms before a prediction is stored, on every side.
   * @default nothing
   */
  readonly redact?: RedactionRules | undefined;
  /**
   * Headers to store besides the usual ones, in lower case.
   * @default none
   */
  readonly storeHeaders?: readonly string[] | undefined;
}

/**
 * A primary that answers requests, and shadows that get copies of them; every request and answer is stored on each side.
 * Shadows run in Standard mode. The route begins once all of them answer, so that no copy of the first requests is lost.
 *
 * @example
 * new ShadowDeployment("next", { environment, primary: { truss: "models/iris" }, shadows: { candidate: { truss: "models/iris", env: { THRESHOLD: "0.4" } } } });
 */
export class ShadowDeployment extends pulumi.ComponentResource {
  /** Address that takes predictions, up to and including `:predict`. */
  readonly predictUrl: string;
  /** `<url>@<digest>` of the primary's image. */
  readonly image: pulumi.Output<string>;
  /** `<url>@<digest>` of each shadow's image, that of the primary's second copy among them. */
  readonly shadowImages: Readonly<Record<string, pulumi.Output<string>>>;
  readonly #deployment: string;
  readonly #spec: ShadowDeploymentSpec;
  readonly #args: ShadowDeploymentArgs;

  constructor(name: string, args: ShadowDeploymentArgs, options?: pulumi.ComponentResourceOptions) {
    const { environment, ...entry } = args;
    if (!environment.hasDatabase) throw refuse("component.database-missing", { kind: "ShadowDeployment", name });
    const spec = environment.declare("shadows", name, entry);
    const { tables, parts } = environment;
    super(
      "menagerie:shadow:ShadowDeployment",
      name,
      registered(spec),
      environment.options(options, [...parts.ready, ...tables], ["cluster", "postgres"]),
    );
    this.#deployment = name;
    this.#spec = spec;
    this.#args = args;
    const { primary, percent, paths, compare, gate = null, retentionDays, redact, noiseFloor } = spec;
    const { namespace } = environment.spec;
    const answering = this.recorded(primarySide, primary);
    const copied = copiedSides(spec);
    const copies = copied.map(([side, model]) => [side, this.recorded(side, model)] as const);
    const sleeping = sleepingSides(name, spec);
    this.predictUrl = new TrafficMirror(
      name,
      {
        environment,
        primary: { service: shadowService(name, primarySide), mode: primary.mode },
        shadows: copies.map(([side]) => shadowService(name, side)),
        percent,
        ...given({ paths, sleeping: sleeping.length > 0 ? sleeping : undefined }),
      },
      { parent: this, dependsOn: [answering, ...copies.map(([, side]) => side)].flatMap(({ admitted }) => admitted) },
    ).predictUrl;
    this.image = answering.image;
    this.shadowImages = Object.fromEntries(copies.map(([side, { image }]) => [side, image]));
    const shown = this.shown(primarySide, primary);
    environment.outputs.models[name] = {
      name: shown.service,
      namespace,
      kind: "shadow",
      mode: primary.mode,
      pool: primary.pool,
      truss: shown.truss,
      hash: shown.hash,
      versionId: null,
      version: null,
      image: this.image,
      url: this.predictUrl,
    };
    environment.outputs.shadows[name] = {
      url: this.predictUrl,
      percent,
      compare,
      gate,
      retentionDays,
      redact,
      primary: shown,
      shadows: Object.fromEntries(Object.entries(spec.shadows).map(([side, model]) => [side, this.shown(side, model)])),
      noise: noiseFloor ? this.shown(noiseSide, primary) : null,
    };
    this.registerOutputs({ predictUrl: this.predictUrl });
  }

  /** One of the models, with a recorder in front of it and tables of its own, and what must be there before requests and copies reach it. */
  private recorded(
    side: string,
    model: ShadowedModelSpec,
  ): Pick<RecordedModel, "image"> & { admitted: pulumi.Resource[] } {
    const { environment } = this.#args;
    const { service, schema, hash, version } = this.shown(side, model);
    const resource = `${this.#deployment}-${side}`;
    const store = new PredictionStore(
      resource,
      {
        environment,
        schema,
        retentionDays: this.#spec.retentionDays,
        secretName: `${service}-recorder`,
      },
      { parent: this },
    );
    environment.parts.stores[resource] = store;
    const { image, ready } = new RecordedModel(
      resource,
      {
        environment,
        service,
        model: this.#deployment,
        spec: model,
        trussHash: hash,
        secrets: this.secrets(side, model),
        store,
        version,
        storedHeaders: this.#spec.storeHeaders,
        redact: this.#spec.redact,
        ...given({ ownPaths: this.#spec.paths }),
      },
      { parent: this, dependsOn: [store, ...environment.nodesOf(model.pool).resources] },
    );
    const key = keyPath([...this.pathOf(side), "replicas", "min"]);
    const front = { environment, service, port: shadowPort(service), key };
    return { image, admitted: [ready, ...(sleeps(model) ? declareSleepFront(resource, front, { parent: this }) : [])] };
  }

  /** The primary's second copy has the secrets of the primary. */
  private secrets(side: string, { truss }: ShadowedModelSpec) {
    const service = shadowService(this.#deployment, side === noiseSide ? primarySide : side);
    const { secrets } = this.content(side, truss);
    const { plans } = this.#args.environment;
    return plans.secrets({ path: this.pathOf(side), model: service, service, serving: { truss, secrets } });
  }

  /** Of the config's key that says how a side is served; that of the primary's second copy is the primary's. */
  private pathOf(side: string): readonly string[] {
    const own = side === primarySide || side === noiseSide ? [primarySide] : ["shadows", side];
    return ["shadows", this.#deployment, ...own];
  }

  private content(side: string, truss: string) {
    return this.#args.environment.plans.truss(truss, [...this.pathOf(side), "truss"]);
  }

  private shown(side: string, { truss, env }: ShadowedModelSpec): ShadowSideOutput {
    const { hash } = this.content(side, truss);
    return {
      service: shadowService(this.#deployment, side),
      truss,
      hash,
      version: contentVersion(hash, env),
      schema: shadowSchema(this.#deployment, side),
    };
  }
}
