import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { InferenceServiceSpec } from "../src/crds/inferenceService.ts";
import { type InferenceServiceManifest, inferenceServiceManifest } from "../src/domain/serving/inferenceService.ts";
import { revisionOf, withRevision } from "../src/domain/serving/revision.ts";
import { needsCounters } from "../src/domain/serving/scaleTarget.ts";
import type { ServedModel } from "../src/domain/serving/servedModel.ts";
import { declared } from "../src/environment/ownership.ts";
import type { OnEnvironment } from "./modelArgs.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link InferenceService}. */
export interface InferenceServiceArgs
  extends OnEnvironment,
    Omit<ServedModel<pulumi.Input<string>>, "name" | "namespace" | "managedBy" | "placement" | "counters"> {
  /**
   * Name of the object: a DNS label.
   * @default that of the component
   */
  readonly service?: string | undefined;
  /** Node pool of the pods: the name of a `GpuNodePool` of the environment, or `cpu`. */
  readonly pool: string;
  /**
   * Each object that is made gets a name of its own, which begins with the component's name: what is replaced answers until
   * everything that depends on it has moved to what replaces it.
   * @default false: the object is called `service`, and goes before another takes its place
   */
  readonly renamed?: boolean | undefined;
}

/**
 * A model served by KServe. It exists before the model answers; wait for that with a `ModelReady`.
 *
 * The engine does not await it (`pulumi.com/skipAwait`): KServe's `observedGeneration` is copied from a child, so
 * waiting on it returns early or never after an update.
 *
 * @example
 * new InferenceService("iris", { environment, model: "iris", kind: "zoo", image, trussHash, mode: "Standard", pool: "cpu", env: {}, replicas, resources });
 */
export class InferenceService extends pulumi.ComponentResource {
  readonly resource: kubernetes.apiextensions.CustomResource;
  /** Name of the object. */
  readonly name: pulumi.Output<string>;
  /** Changes with everything that makes new pods; also an annotation of the pods. */
  readonly revision: pulumi.Output<string>;

  constructor(name: string, args: InferenceServiceArgs, options?: pulumi.ComponentResourceOptions) {
    const { environment, service = name, pool, renamed = false, ...served } = args;
    const { namespace } = environment.spec;
    const { placement } = environment.nodesOf(pool);
    // The first `up` of a version builds its image, later ones have it from the version's row: no change of what the user wrote.
    const shown = registered({ ...served, service, namespace, pool, renamed, image: undefined });
    const scaling = needsCounters(served) ? environment.gatewayCounters() : undefined;
    super("menagerie:serving:InferenceService", name, shown, environment.options(options, scaling?.access ?? []));
    const { counters } = scaling ?? {};
    const model = { ...served, name: service, namespace, managedBy: "stack", placement, counters } as const;
    const manifest = inferenceServiceManifest(model);
    this.revision = pulumi
      .unsecret(pulumi.output({ image: model.image, control: model.control, recorder: model.recorder }))
      .apply(({ image, control, recorder }) =>
        // Pods that are kept are those that run.
        revisionOf(inferenceServiceManifest({ ...model, image, control, recorder, keptPods: undefined })),
      );
    this.resource = new kubernetes.apiextensions.CustomResource(
      name,
      awaitedElsewhere(manifest, this.revision, renamed),
      {
        parent: this,
        // The mode cannot be changed on a live InferenceService (KServe's webhook refuses it), and two cannot share a name. A
        // development version is killed and made again: of a changed one KServe would run old and new pod for a moment.
        replaceOnChanges: [
          'metadata.annotations["serving.kserve.io/deploymentMode"]',
          ...(model.control ? ["spec.predictor"] : []),
        ],
        // Made first under the same name, as by `--replace`, the new one would be the old one, which is then deleted.
        deleteBeforeReplace: !renamed,
      },
    );
    this.name = this.resource.metadata.apply(({ name: given }) => given ?? model.name);
    this.registerOutputs({ revision: this.revision });
  }
}

function awaitedElsewhere(
  plain: InferenceServiceManifest<pulumi.Input<string>>,
  revision: pulumi.Output<string>,
  renamed: boolean,
) {
  const {
    metadata: { name, ...metadata },
    ...manifest
  } = withRevision(plain, revision);
  const spec: InferenceServiceSpec = manifest.spec;
  return {
    ...manifest,
    metadata: declared({
      ...(renamed ? {} : { name }),
      ...metadata,
      annotations: { ...metadata.annotations, "pulumi.com/skipAwait": "true" },
    }),
    spec,
  };
}
