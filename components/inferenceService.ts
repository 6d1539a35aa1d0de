import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { InferenceServiceSpec } from "../src/crds/inferenceService.ts";
import { type InferenceServiceManifest, inferenceServiceManifest } from "../src/domain/serving/inferenceService.ts";
import { revisionOf, withRevision } from "../src/domain/serving/revision.ts";
import type { ServedModel } from "../src/domain/serving/servedModel.ts";
import { declared } from "./ownership.ts";

/** Arguments of {@link InferenceService}. */
export interface InferenceServiceArgs {
  /** The model, as `src/domain/serving` renders it; its image may be known only later. */
  readonly model: ServedModel<pulumi.Input<string>>;
}

/**
 * A model served by KServe. It exists before the model answers; wait for that with a `ModelReady`.
 *
 * The engine does not await it (`pulumi.com/skipAwait`): KServe's `observedGeneration` is copied from a child, so
 * waiting on it returns early or never after an update.
 */
export class InferenceService extends pulumi.ComponentResource {
  readonly resource: kubernetes.apiextensions.CustomResource;
  /** Changes with everything that makes new pods; also an annotation of the pods. */
  readonly revision: pulumi.Output<string>;

  constructor(name: string, { model }: InferenceServiceArgs, options?: pulumi.ComponentResourceOptions) {
    super("menagerie:serving:InferenceService", name, {}, options);
    const manifest = inferenceServiceManifest(model);
    this.revision = pulumi
      .unsecret(pulumi.output({ image: model.image, control: model.control, recorder: model.recorder }))
      .apply(({ image, control, recorder }) =>
        revisionOf(inferenceServiceManifest({ ...model, image, control, recorder })),
      );
    this.resource = new kubernetes.apiextensions.CustomResource(name, awaitedElsewhere(manifest, this.revision), {
      parent: this,
      // The mode cannot be changed on a live InferenceService (KServe's webhook refuses it), and two cannot share a name. A
      // development version is killed and made again: of a changed one KServe would run old and new pod for a moment.
      replaceOnChanges: [
        'metadata.annotations["serving.kserve.io/deploymentMode"]',
        ...(model.control ? ["spec.predictor"] : []),
      ],
      // Whatever replaces it has the same name: a new version has a name, and so a resource, of its own. Made first, as by
      // `--replace`, the new one would be the old one, which is then deleted.
      deleteBeforeReplace: true,
    });
    this.registerOutputs({ revision: this.revision });
  }
}

function awaitedElsewhere(plain: InferenceServiceManifest<pulumi.Input<string>>, revision: pulumi.Output<string>) {
  const { metadata, ...manifest } = withRevision(plain, revision);
  const spec: InferenceServiceSpec = manifest.spec;
  return {
    ...manifest,
    metadata: declared({
      ...metadata,
      annotations: { ...metadata.annotations, "pulumi.com/skipAwait": "true" },
    }),
    spec,
  };
}
