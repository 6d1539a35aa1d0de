import * as pulumi from "@pulumi/pulumi";
import type { ShadowedModelSpec } from "../src/config/environment.ts";
import { builtInPool } from "../src/config/pools.ts";
import { recorderPods, recordsEverything } from "../src/domain/recording/settings.ts";
import type { RedactionRules } from "../src/domain/redaction/rules.ts";
import { autoscalerClass } from "../src/domain/serving/autoscaling.ts";
import { readyPath, type ServedModel } from "../src/domain/serving/servedModel.ts";
import { given } from "../src/environment/given.ts";
import { ModelReady } from "../src/resources/modelReady.ts";
import { TrussImage } from "../src/resources/trussImage.ts";
import { InferenceService } from "./inferenceService.ts";
import type { OnEnvironment } from "./modelArgs.ts";
import type { PredictionStore } from "./predictionStore.ts";
import { registered } from "./registeredInputs.ts";
import { recorderImage, recorderLogMebibytes } from "./versionRecorder.ts";

/** Arguments of {@link RecordedModel}. */
export interface RecordedModelArgs extends OnEnvironment {
  /** Name of the InferenceService. */
  readonly service: string;
  /** Name of the shadow deployment, which its answers are recorded under. */
  readonly model: string;
  /** How it is served. */
  readonly spec: ShadowedModelSpec;
  /** Content hash of its truss folder: 64 hex digits. */
  readonly trussHash: string;
  /**
   * Where the secrets that its truss names come from.
   * @default none
   */
  readonly secrets?: ServedModel["secrets"];
  /** Where its predictions are kept. */
  readonly store: PredictionStore;
  /** Stored with every answer: changes with truss and variables. */
  readonly version: string;
  /** Headers to store besides the usual ones, in lower case. */
  readonly storedHeaders: readonly string[];
  /** What is replaced by pseudonyms before a prediction is stored. */
  readonly redact: RedactionRules;
  /**
   * Paths of its own that are predictions too.
   * @default none
   */
  readonly ownPaths?: readonly string[] | undefined;
}

/**
 * A model with a recorder in front of it: its image, its InferenceService whose transformer is the recorder, and the wait
 * until both answer. Made after its prediction tables, so that no request is answered before it can be stored.
 */
export class RecordedModel extends pulumi.ComponentResource {
  /** `<url>@<digest>` of the model's image. */
  readonly image: pulumi.Output<string>;
  /** Resolves once the recorder answers with what the model says. */
  readonly ready: ModelReady;

  constructor(name: string, args: RecordedModelArgs, options?: pulumi.ComponentResourceOptions) {
    const { environment, service, model, spec, trussHash, secrets, store, version, storedHeaders, redact, ownPaths } =
      args;
    const { truss, mode, pool, env, replicas, resources } = spec;
    const { namespace, serving } = environment.spec;
    const { placement } = environment.nodesOf(pool);
    const shown = { ...spec, namespace, service, trussHash, model, version, storedHeaders, store: store.schema };
    super("menagerie:shadow:RecordedModel", name, registered(shown), options);
    const parent = { parent: this };
    const image = new TrussImage(
      name,
      { ...environment.builder, folder: truss, hash: trussHash, name: service },
      parent,
    );
    this.image = image.image;
    const inferenceService = new InferenceService(
      name,
      {
        environment,
        service,
        mode,
        replicas,
        model,
        kind: "shadow",
        image: image.image,
        trussHash,
        env,
        secrets,
        resources,
        pool,
        recorder: {
          ...recorderImage({ environment }),
          settings: { ...recordsEverything, redact },
          logMebibytes: recorderLogMebibytes,
          storedHeaders,
          ...given({ ownPaths }),
          version,
          schema: store.schema,
          secretName: store.secretName,
          secretRevision: store.secretRevision,
          replicas: recorderPods(replicas),
          ...(autoscalerClass({ mode, replicas }) === "keda" ? { besideKeda: true } : {}),
        },
      },
      { ...parent, dependsOn: store },
    );
    const wait = (component: "predictor" | "transformer", on: string, dependsOn: pulumi.Resource[]) =>
      new ModelReady(
        component === "predictor" ? name : `${name}-recorder`,
        {
          namespace,
          name: service,
          component,
          mode,
          pool: on,
          path: readyPath,
          revision: inferenceService.revision,
          timeoutSeconds: serving.readyTimeoutSeconds,
          gatewayLags: environment.gatewayLags && component === "transformer",
          ...environment.inCluster,
        },
        { ...parent, dependsOn },
      );
    const predictor = wait("predictor", placement.pool, [inferenceService]);
    // The recorder runs on ordinary nodes.
    this.ready = wait("transformer", builtInPool, [predictor]);
    this.registerOutputs({ image: this.image });
  }
}
