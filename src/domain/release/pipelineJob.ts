import { environmentSources } from "../serving/inferenceService.ts";
import { resourceAmounts } from "../serving/placement.ts";
import { labels, type Placement } from "../serving/servedModel.ts";
import { environmentNames, kubernetesTag } from "./environment.ts";

/** A pipeline that builds a release's state. `Image` is a plain string, or a promise of one that is only passed on. */
export interface StatePipelineSpec<Image = string> {
  /** At most 22 characters, so that a Job's name fits a label. */
  readonly name: string;
  readonly namespace: string;
  /** Release that it works in. */
  readonly tag: string;
  /** `<url>@sha256:<digest>` */
  readonly image: Image;
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Beside those of the release, which it may not change. */
  readonly env: Readonly<Record<string, string>>;
  /** Of its pod: cores, bytes with a suffix, whole GPUs. */
  readonly resources: { readonly cpu: string; readonly memory: string; readonly gpus: number };
  readonly placement: Placement;
  /** How long one run may take. */
  readonly timeoutSeconds: number;
  /** Pods that are tried after one that failed. */
  readonly retries: number;
}

/** Label of a pipeline's Jobs and pods; its value is the pipeline's name. */
export const pipelineLabel = "menagerie.dev/pipeline";
/** Annotation of a Job: it changes with everything that makes another run of it. */
export const runAnnotation = "menagerie.dev/run";
export const pipelineContainer = "pipeline";

/** Finished Jobs are kept so long for whoever looks at their logs, in seconds. */
const keptSeconds = 7 * 24 * 3600;

export function pipelineJobName(name: string, tag: string): string {
  return `${name}-${kubernetesTag(tag)}`;
}

/**
 * The Job of a pipeline that runs once for a release.
 * @param run says which run it is, see {@link runAnnotation}
 */
export function pipelineJob(spec: StatePipelineSpec, run: string) {
  const { name, namespace, tag } = spec;
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: pipelineJobName(name, tag),
      namespace,
      labels: labelsOf(spec),
      annotations: { [runAnnotation]: run },
    },
    spec: { ...jobSpec(spec), ttlSecondsAfterFinished: keptSeconds },
  };
}

/** The CronJob of a pipeline that keeps the current release's state up to date. One run at a time. */
export function pipelineCronJob<Image>(
  spec: StatePipelineSpec<Image>,
  { schedule, timeZone }: { readonly schedule: string; readonly timeZone: string },
) {
  return {
    metadata: { name: spec.name, namespace: spec.namespace, labels: labelsOf(spec) },
    spec: {
      schedule,
      timeZone,
      concurrencyPolicy: "Forbid",
      // A run that could not start in time, for the cluster was down, is made up for within the hour.
      startingDeadlineSeconds: 3600,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      jobTemplate: { metadata: { labels: labelsOf(spec) }, spec: jobSpec(spec) },
    },
  };
}

function labelsOf({ name }: StatePipelineSpec<unknown>): Record<string, string> {
  return { "app.kubernetes.io/part-of": "menagerie", [pipelineLabel]: name };
}

function jobSpec<Image>(spec: StatePipelineSpec<Image>) {
  const { placement, resources, tag } = spec;
  const amounts = resourceAmounts(resources);
  const { config, secret } = environmentNames(tag);
  return {
    backoffLimit: spec.retries,
    activeDeadlineSeconds: spec.timeoutSeconds,
    template: {
      metadata: { labels: labelsOf(spec) },
      spec: {
        restartPolicy: "Never",
        automountServiceAccountToken: false,
        nodeSelector: { [labels.pool]: placement.pool },
        tolerations: [...placement.tolerations],
        containers: [
          {
            name: pipelineContainer,
            image: spec.image,
            command: [...spec.command],
            env: Object.entries(spec.env)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([name, value]) => ({ name, value })),
            ...environmentSources({ configMap: config, secret: secret.pipeline }),
            resources: { requests: amounts, limits: amounts },
            securityContext: { allowPrivilegeEscalation: false, seccompProfile: { type: "RuntimeDefault" } },
          },
        ],
      },
    },
  };
}
