import { nameBounds } from "../generatedNames.ts";
import type { TrussImage } from "../truss/builder.ts";
import { pipelineName, workspaces } from "./names.ts";

/** Labels and annotations of a PipelineRun that builds a truss. */
export const buildLabels = {
  /** Name and hash of what is built, of all attempts alike. */
  build: "menagerie.dev/build",
  /** Name of the image: runs are pruned for each. */
  image: "menagerie.dev/image",
  /** Annotation: the truss's whole content hash. */
  hash: "menagerie.dev/truss-hash",
  /** Label of the Secrets that hold a run's context: the run. */
  run: "menagerie.dev/build-run",
} as const;

/** Where runs are made, and how long they may take. */
export interface BuildRuns {
  readonly namespace: string;
  /** Account of their pods. */
  readonly serviceAccount: string;
  /** All steps together, in minutes. */
  readonly timeoutMinutes: number;
  /** Secret of type `kubernetes.io/dockerconfigjson` to push with. @default none */
  readonly credentials?: string | undefined;
}

/** One build of a truss. */
export interface BuildRequest {
  /** Last part of the image's url. */
  readonly name: string;
  readonly hash: string;
  /** SHA-256 of the context's archive, 64 hex digits. */
  readonly contextSha256: string;
  /** How many Secrets hold the context, and what tells their names from those of a deleted run of the same name. */
  readonly parts: number;
  readonly nonce: string;
  /** Values of the Pipeline's other parameters. */
  readonly params: Readonly<Record<string, string>>;
  /** Annotations that reach the pods. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Longest beginning of a name: the run's name is a label's value, with 16 digits of a hash and up to 9 of an attempt. */
const longestName = nameBounds.label.longest - "-0123456789abcdef-123456789".length;

/** What is the same for all attempts to build one content: `<name>-<first 16 digits of the hash>`. */
export function buildKey(name: string, hash: string): string {
  return `${name.slice(0, longestName)}-${hash.slice(0, 16)}`;
}

/** Name of a run; attempts count from 1. */
export function runName(name: string, hash: string, attempt: number): string {
  return `${buildKey(name, hash)}-${attempt}`;
}

/** Attempt that a run's name ends with; 0 for another's name. */
export function attemptOf(run: string): number {
  return Number(/-(\d+)$/.exec(run)?.[1] ?? 0);
}

/** Names of the Secrets that hold a run's context, in order. */
export function contextSecretsOf({ spec }: ObservedRun): string[] {
  const workspace = spec?.workspaces?.find(({ name }) => name === workspaces.context);
  return (workspace?.projected?.sources ?? []).flatMap(({ secret }) => (secret?.name ? [secret.name] : []));
}

/**
 * PipelineRun of one attempt. It is made pending, so that the Secrets with its context can be made as its dependents, and
 * started by {@link startPatch}.
 */
export function pipelineRunManifest(runs: BuildRuns, request: BuildRequest, attempt: number) {
  const name = runName(request.name, request.hash, attempt);
  const sources = Array.from({ length: request.parts }, (_, part) => ({
    secret: { name: `${name}-${request.nonce}-${part}` },
  }));
  const params = { ...request.params, "context-sha256": request.contextSha256 };
  return {
    apiVersion: "tekton.dev/v1",
    kind: "PipelineRun",
    metadata: {
      name,
      namespace: runs.namespace,
      labels: {
        "app.kubernetes.io/part-of": "menagerie",
        [buildLabels.build]: buildKey(request.name, request.hash),
        [buildLabels.image]: request.name,
      },
      annotations: { ...request.annotations, [buildLabels.hash]: request.hash },
    },
    spec: {
      status: "PipelineRunPending",
      pipelineRef: { name: pipelineName },
      params: Object.entries(params).map(([key, value]) => ({ name: key, value })),
      workspaces: [
        { name: workspaces.context, projected: { sources } },
        ...(runs.credentials === undefined
          ? []
          : [
              {
                name: workspaces.credentials,
                secret: {
                  secretName: runs.credentials,
                  items: [{ key: ".dockerconfigjson", path: "config.json" }],
                },
              },
            ]),
      ],
      taskRunTemplate: {
        serviceAccountName: runs.serviceAccount,
        podTemplate: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: { fsGroup: 1000 },
        },
      },
      timeouts: { pipeline: `${runs.timeoutMinutes}m0s` },
    },
  };
}

/** One part of a run's context. `data` is base64; the Secret goes with the run. */
export function contextSecret(
  run: { readonly name: string; readonly namespace: string; readonly uid: string },
  { name, file, data }: { readonly name: string; readonly file: string; readonly data: string },
) {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name,
      namespace: run.namespace,
      labels: { "app.kubernetes.io/part-of": "menagerie", [buildLabels.run]: run.name },
      ownerReferences: [{ apiVersion: "tekton.dev/v1", kind: "PipelineRun", name: run.name, uid: run.uid }],
    },
    immutable: true,
    type: "menagerie.dev/truss-context",
    data: { [file]: data },
  };
}

/** Merge patches that start a pending run, and end one. */
export const startPatch = { spec: { status: null } } as const;
export const cancelPatch = { spec: { status: "Cancelled" } } as const;

/** What is read of a PipelineRun. */
export interface ObservedRun {
  readonly metadata: { readonly name: string; readonly uid: string; readonly creationTimestamp: string };
  readonly spec?: {
    readonly status?: string;
    readonly workspaces?: readonly {
      readonly name: string;
      readonly projected?: { readonly sources?: readonly { readonly secret?: { readonly name?: string } }[] };
    }[];
  };
  readonly status?: {
    readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
    readonly results?: readonly { readonly name: string; readonly value: unknown }[];
    readonly startTime?: string;
    readonly completionTime?: string;
  };
}

export type BuildState =
  | { readonly state: "pending" }
  | { readonly state: "running"; readonly reason: string }
  | { readonly state: "succeeded"; readonly image: TrussImage }
  | { readonly state: "failed"; readonly code: string; readonly reason: string };

/** What has become of a run. Pure. */
export function judgeRun({ spec, status }: ObservedRun): BuildState {
  const condition = status?.conditions?.find(({ type }) => type === "Succeeded");
  if (condition?.status === "False") {
    return {
      state: "failed",
      code: condition.reason ?? "Failed",
      reason: condition.message ?? "no reason is given",
    };
  }
  if (condition?.status === "True") return succeeded(status?.results ?? []);
  if (spec?.status === "PipelineRunPending") return { state: "pending" };
  if (!condition) return { state: "running", reason: "Tekton's controller has not taken it up yet" };
  return { state: "running", reason: condition.message ?? condition.reason ?? "running" };
}

/** A run that says it succeeded is believed only with results that name an image by digest. */
function succeeded(results: readonly { readonly name: string; readonly value: unknown }[]): BuildState {
  const text = (name: string): string => {
    const value = results.find((result) => result.name === name)?.value;
    return typeof value === "string" ? value.trim() : "";
  };
  const [url, digest] = [text("IMAGE_URL"), text("IMAGE_DIGEST")];
  if (url !== "" && /^sha256:[0-9a-f]{64}$/.test(digest)) return { state: "succeeded", image: { url, digest } };
  return {
    state: "failed",
    code: "NoDigest",
    reason: `it succeeded without naming its image by digest (IMAGE_URL "${url}", IMAGE_DIGEST "${digest}"): is the Pipeline "${pipelineName}" another one?`,
  };
}

/** What is read of a TaskRun of a build. */
export interface ObservedTaskRun {
  readonly metadata: { readonly name: string; readonly creationTimestamp: string };
  readonly status?: {
    readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
    readonly podName?: string;
    readonly steps?: readonly {
      readonly name: string;
      readonly container: string;
      readonly terminated?: { readonly exitCode: number; readonly reason?: string };
      readonly running?: object;
    }[];
  };
}

/** One step of a build, and the container that it runs in. */
export interface BuildStep {
  readonly name: string;
  readonly pod: string;
  readonly container: string;
}

/** The step that a build failed in; undefined when none ran. */
export function failedStep(taskRuns: readonly ObservedTaskRun[]): BuildStep | undefined {
  // The steps behind it end with it, as skipped.
  return stepsOf(taskRuns).find(({ terminated }) => terminated && terminated.exitCode !== 0)?.step;
}

/** The step that runs now. */
export function runningStep(taskRuns: readonly ObservedTaskRun[]): BuildStep | undefined {
  return stepsOf(taskRuns).find(({ running }) => running !== undefined)?.step;
}

/** Why no step runs yet, in Tekton's words: no node has room, a quota is used up, an image cannot be pulled. */
export function waitingReason(taskRuns: readonly ObservedTaskRun[]): string | undefined {
  return messageAt("Unknown", taskRuns);
}

/** Why the build failed, in Tekton's words; the run's own only count its tasks. */
export function failedReason(taskRuns: readonly ObservedTaskRun[]): string | undefined {
  return messageAt("False", taskRuns);
}

function messageAt(status: "Unknown" | "False", taskRuns: readonly ObservedTaskRun[]): string | undefined {
  const conditions = newestFirst(taskRuns)[0]?.status?.conditions;
  const message = conditions?.find((each) => each.type === "Succeeded" && each.status === status)?.message;
  return message?.replaceAll(/\s+/g, " ").trim() || undefined;
}

function stepsOf(taskRuns: readonly ObservedTaskRun[]) {
  return newestFirst(taskRuns).flatMap(({ status: { podName: pod, steps = [] } = {} }) =>
    pod === undefined
      ? []
      : steps.map(({ name, container, terminated, running }) => ({
          step: { name, pod, container },
          terminated,
          running,
        })),
  );
}

/** Finished runs beyond the newest `keep`, oldest last. */
export function prunable<Run extends ObservedRun>(runs: readonly Run[], keep: number): Run[] {
  return newestFirst(runs.filter(({ status }) => status?.completionTime !== undefined)).slice(keep);
}

function newestFirst<Item extends { readonly metadata: { readonly creationTimestamp: string; readonly name: string } }>(
  items: readonly Item[],
): Item[] {
  const order = (item: Item): string => `${item.metadata.creationTimestamp} ${item.metadata.name}`;
  return [...items].sort((a, b) => (order(a) < order(b) ? 1 : -1));
}
