import * as pulumi from "@pulumi/pulumi";
import { builtInPool } from "../src/config/pools.ts";
import { type RecordingSettings, recorderPods } from "../src/domain/recording/settings.ts";
import { apiUrlInCluster } from "../src/domain/serving/apiService.ts";
import { autoscalerClass } from "../src/domain/serving/autoscaling.ts";
import { recorderTransformer, revisedTransformer } from "../src/domain/serving/recorder.ts";
import type { Replicas } from "../src/domain/serving/scaleTarget.ts";
import { type DeploymentMode, type Recorder, readyPath } from "../src/domain/serving/servedModel.ts";
import { valueHash } from "../src/domain/serving/valueHash.ts";
import { sleeps } from "../src/domain/zoo/serving.ts";
import { given } from "../src/environment/given.ts";
import { ModelReady } from "../src/resources/modelReady.ts";
import { ModelRecorder } from "../src/resources/modelRecorder.ts";
import type { OnEnvironment } from "./modelArgs.ts";
import type { PredictionStore } from "./predictionStore.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link VersionRecorder}. */
export interface VersionRecorderArgs extends OnEnvironment {
  /** Name of the InferenceService. */
  readonly service: pulumi.Input<string>;
  readonly mode: DeploymentMode;
  /** Pods of the model. */
  readonly replicas: Replicas;
  /** What is stored of the requests. */
  readonly settings: RecordingSettings;
  /** Stored with every answer, and what comparisons choose by. */
  readonly version: string;
  /** Paths of the model's own that are predictions too. @default none */
  readonly ownPaths?: readonly string[] | undefined;
  /** Where its predictions are kept. */
  readonly store: PredictionStore;
  /**
   * The InferenceService answers beside the one that it takes the place of.
   * @default false: it goes before another one takes its place, and the recorder with it
   */
  readonly renamed?: boolean | undefined;
}

/** What a recorder keeps on its own disk while the database is away, in mebibytes. */
export const recorderLogMebibytes = 1024;
/** Where the image of all services has the recorder, as in a checkout. */
const recorderCommand = ["node", "src/services/recorder/main.ts"];

/** What starts a recorder, in a cluster or in the local environment. */
export function recorderImage({ environment }: OnEnvironment) {
  const command = environment.spec.services.image === undefined ? undefined : recorderCommand;
  return { image: environment.serviceImage("recorder"), ...given({ command }) };
}

/**
 * The recorder in front of a version that is served, and the wait until it answers with what the version says. It comes to an
 * InferenceService that serves already, and goes from it, without a new pod of the model.
 *
 * @example
 * new VersionRecorder("iris-v2", { environment, service: "iris-v2", mode: "Standard", replicas, settings, version, store });
 */
export class VersionRecorder extends pulumi.ComponentResource {
  /** Resolves once it answers. */
  readonly ready: ModelReady;
  /** Changes with everything that makes new pods of it. */
  readonly revision: pulumi.Output<string>;

  constructor(name: string, args: VersionRecorderArgs, options?: pulumi.ComponentResourceOptions) {
    const { environment, service, mode, replicas, settings, version, ownPaths, store, renamed = false } = args;
    const { retentionDays: _, ...kept } = settings;
    const { namespace, serving } = environment.spec;
    const shown = { mode, replicas, settings, version, schema: store.schema, ...given({ ownPaths }) };
    super("menagerie:zoo:VersionRecorder", name, registered(shown), options);
    const recorder: Recorder<pulumi.Input<string>> = {
      ...recorderImage({ environment }),
      ...given({ ownPaths }),
      secretName: store.secretName,
      secretRevision: store.secretRevision,
      schema: store.schema,
      usageUrl: apiUrlInCluster(environment.spec.services.namespace),
      version,
      replicas: recorderPods(replicas),
      ...(autoscalerClass({ mode, replicas }) === "keda" ? { besideKeda: true } : {}),
      storedHeaders: [],
      logMebibytes: recorderLogMebibytes,
      settings: kept,
    };
    const transformer = pulumi.unsecret(pulumi.output(recorderTransformer(recorder, mode)));
    this.revision = transformer.apply(valueHash);
    const attached = new ModelRecorder(
      name,
      {
        namespace,
        name: service,
        transformer: pulumi
          .all([transformer, this.revision])
          .apply(([plain, revision]) => revisedTransformer(plain, revision)),
        ...environment.inCluster,
      },
      { parent: this, deleteBeforeReplace: !renamed, dependsOn: store },
    );
    this.ready = new ModelReady(
      `${name}-recorder`,
      {
        namespace,
        name: service,
        component: "transformer",
        mode,
        // The recorder runs on ordinary nodes.
        pool: builtInPool,
        path: readyPath,
        revision: this.revision,
        timeoutSeconds: serving.readyTimeoutSeconds,
        // Else the route leads to what wakes the version.
        gatewayLags: environment.gatewayLags && !sleeps({ mode, replicas }),
        ...environment.inCluster,
      },
      { parent: this, dependsOn: attached },
    );
    this.registerOutputs({ revision: this.revision });
  }
}
