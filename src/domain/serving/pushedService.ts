import { pingUrl } from "../development/pingToken.ts";
import type { TrussConfig } from "../truss/config.ts";
import { apiUrlInCluster } from "./apiService.ts";
import { type InferenceServiceManifest, inferenceServiceManifest } from "./inferenceService.ts";
import { placementOn } from "./placement.ts";
import { developmentPriority } from "./priorityClass.ts";
import { revisionOf, withRevision } from "./revision.ts";
import { annotations } from "./servedModel.ts";

/** Minutes without a request after which a pushed model is stopped: nobody else's config says when. */
export const pushedIdleMinutes = 60;

/** Name of the pool of ordinary nodes, which every stack has. */
const ordinaryPool = "cpu";

/** A full deployment of a development version that a client made. */
export interface PushedService {
  /** Id of the deployment: of two, the higher wins. */
  readonly deploymentId: string;
  readonly versionId: string;
  /** Name of the model. */
  readonly model: string;
  readonly namespace: string;
  readonly servicesNamespace: string;
  /** `<url>@sha256:<digest>` */
  readonly image: string;
  /** Content hash of the truss that was pushed. */
  readonly hash: string;
  readonly config: Pick<TrussConfig, "resources">;
  /** The API service's own key, for the ping address. A secret. */
  readonly signingKey: string;
}

/** Name of the InferenceService: no model that a stack declares has one like it. */
export function pushedServiceName(versionId: string): string {
  return `pushed-${versionId}`;
}

/**
 * The InferenceService of a version that a client pushed, as a stack renders its own: one pod in Standard mode, which the API
 * service starts and stops. Its labels say who made it.
 */
export function pushedServiceManifest(pushed: PushedService): InferenceServiceManifest {
  const { versionId, model, namespace, image, hash, config } = pushed;
  const plain = inferenceServiceManifest({
    name: pushedServiceName(versionId),
    namespace,
    model,
    kind: "development",
    managedBy: "api",
    mode: "Standard",
    image,
    trussHash: hash,
    env: {},
    replicas: { min: 1, max: 1 },
    resources: { cpu: config.resources.cpu, memory: config.resources.memory, gpus: 0 },
    placement: placementOn(ordinaryPool, []),
    control: {
      versionId,
      ping: { url: pingUrl(apiUrlInCluster(pushed.servicesNamespace), pushed.signingKey, versionId) },
      idleMinutes: pushedIdleMinutes,
      priorityClass: developmentPriority(namespace).metadata.name,
    },
  });
  const { metadata } = withRevision(plain, revisionOf(plain));
  return {
    ...plain,
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [annotations.deployment]: pushed.deploymentId },
    },
  };
}
