import * as pulumi from "@pulumi/pulumi";
import { type Placement, readyPath, type ServedModel } from "../src/domain/serving/servedModel.ts";
import { ModelReady } from "../src/resources/modelReady.ts";
import { type ImageBuilder, TrussImage } from "../src/resources/trussImage.ts";
import { InferenceService } from "./inferenceService.ts";
import type { PredictionStore } from "./predictionStore.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link RecordedModel}. */
export interface RecordedModelArgs
  extends Pick<
    ServedModel,
    "namespace" | "model" | "mode" | "trussHash" | "env" | "replicas" | "resources" | "secrets"
  > {
  /** Name of the InferenceService. */
  readonly service: string;
  /** Truss folder, relative to the project. */
  readonly truss: string;
  /** What builds the image. */
  readonly builder: ImageBuilder;
  /** Nodes of the model's pods; the recorder runs on ordinary ones. */
  readonly placement: Placement;
  /** Where its predictions are kept. */
  readonly store: PredictionStore;
  readonly recorder: {
    readonly image: pulumi.Input<string>;
    /**
     * Where the image holds all services, what starts the recorder.
     * @default the image's own
     */
    readonly command?: readonly string[] | undefined;
    /** Stored with every answer. */
    readonly version: string;
    /** Headers to store besides the usual ones, in lower case. */
    readonly storedHeaders: readonly string[];
    /** What its log may grow to while the database is away, in mebibytes. */
    readonly logMebibytes: number;
  };
  /** How long model and recorder may take to answer, in seconds. */
  readonly readyTimeoutSeconds: number;
  /**
   * Context of the kubeconfig.
   * @default the kubeconfig's current context
   */
  readonly kubeContext?: string | undefined;
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
    const { namespace, service, mode, replicas, store, recorder } = args;
    super("menagerie:shadow:RecordedModel", name, registered({ ...args, store: store.schema }), options);
    const parent = { parent: this };
    const image = new TrussImage(
      name,
      { ...args.builder, folder: args.truss, hash: args.trussHash, name: service },
      parent,
    );
    this.image = image.image;
    const inferenceService = new InferenceService(
      name,
      {
        model: {
          namespace,
          mode,
          replicas,
          name: service,
          model: args.model,
          kind: "shadow",
          managedBy: "stack",
          image: image.image,
          trussHash: args.trussHash,
          env: args.env,
          secrets: args.secrets,
          resources: args.resources,
          placement: args.placement,
          recorder: {
            ...recorder,
            schema: store.schema,
            secretName: store.secretName,
            secretRevision: store.secretRevision,
            replicas: Math.max(1, replicas.min),
          },
        },
      },
      { ...parent, dependsOn: store },
    );
    const wait = (component: "predictor" | "transformer", pool: string, dependsOn: pulumi.Resource[]) =>
      new ModelReady(
        component === "predictor" ? name : `${name}-recorder`,
        {
          namespace,
          name: service,
          component,
          mode,
          pool,
          path: readyPath,
          revision: inferenceService.revision,
          timeoutSeconds: args.readyTimeoutSeconds,
          ...(args.kubeContext === undefined ? {} : { context: args.kubeContext }),
        },
        { ...parent, dependsOn },
      );
    const model = wait("predictor", args.placement.pool, [inferenceService]);
    this.ready = wait("transformer", "cpu", [model]);
    this.registerOutputs({ image: this.image });
  }
}
