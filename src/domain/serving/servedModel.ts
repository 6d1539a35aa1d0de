import type { RecorderSettings } from "../recording/settings.ts";
import { type Backend, hostOf } from "./route.ts";
import type { Replicas } from "./scaleTarget.ts";
import type { SecretSource } from "./secrets.ts";

/** How KServe runs a model: plain Deployments, or Knative revisions. Immutable on an InferenceService. */
export type DeploymentMode = "Standard" | "Knative";

/** A taint's match, as in a pod's `tolerations`. */
export interface Toleration {
  readonly key: string;
  readonly operator: "Exists" | "Equal";
  readonly value?: string;
  readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
}

/** The nodes that a model's pods run on: those labelled `menagerie.dev/pool: <name>`. */
export interface Placement {
  readonly pool: string;
  readonly tolerations: readonly Toleration[];
}

/**
 * One model as it is served. `Image` is a plain string, or a promise of one that the renderer only passes on (in a
 * Pulumi program the image's digest is an Output).
 */
export interface ServedModel<Image = string> {
  /** Name of the InferenceService: a DNS label, as long as `requireServiceName` lets it be. */
  readonly name: string;
  readonly namespace: string;
  /** Name of the model in config and database, such as `llama_3`. */
  readonly model: string;
  readonly kind: "zoo" | "development" | "shadow";
  /** Who declares it: a stack, or the API on a client's behalf. */
  readonly managedBy: "stack" | "api";
  readonly mode: DeploymentMode;
  /** `<url>@sha256:<digest>`. */
  readonly image: Image;
  /** Content hash of the truss folder that the image was built from. */
  readonly trussHash: string;
  readonly env: Readonly<Record<string, string>>;
  /**
   * Where the secrets that its truss names come from.
   * @default none
   */
  readonly secrets?: readonly SecretSource[] | undefined;
  /**
   * ConfigMap and Secret of the same namespace whose every key is an environment variable; those of `env` win.
   * @default none
   */
  readonly variables?: EnvironmentSource | undefined;
  readonly replicas: Replicas;
  /**
   * Pods that it keeps while a rollout leaves it, at most its `max`; its autoscaler stays what it is.
   * @default `min`
   */
  readonly keptPods?: number | undefined;
  /**
   * What KEDA reads the gateway's counters from: needed by targets of which `needsCounters` is true.
   * @default nothing
   */
  readonly counters?: GatewayCounters | undefined;
  /** Of one pod: cores, bytes with a suffix, whole GPUs. */
  readonly resources: { readonly cpu: string; readonly memory: string; readonly gpus: number };
  readonly placement: Placement;
  /**
   * Makes it a development version, whose image has a control server.
   * @default an ordinary version
   */
  readonly control?: ControlledModel<Image> | undefined;
  /**
   * What stores its requests and answers.
   * @default nothing does
   */
  readonly recorder?: Recorder<Image> | undefined;
}

/** A Prometheus that scrapes the gateway's pods. */
export interface GatewayCounters {
  /** Address of its HTTP API, without a slash at the end. */
  readonly url: string;
  /** Namespace of the gateway's pods. */
  readonly gatewayNamespace: string;
  /** Namespace of the API service. */
  readonly servicesNamespace: string;
  /**
   * TriggerAuthentication of the models' namespace that has its token.
   * @default it is asked without one
   */
  readonly authentication?: string | undefined;
}

/** Where environment variables of a model come from, beside its own. */
export interface EnvironmentSource {
  /** Name of the ConfigMap. */
  readonly configMap: string;
  /** Its content: pods read it once, so another content is another pod. */
  readonly values: Readonly<Record<string, string>>;
  /**
   * Name of the Secret.
   * @default none
   */
  readonly secret?: string;
}

/** What a development version has besides: one pod that is patched in place. */
export interface ControlledModel<Text = string> {
  /** Id of the registered version: the API service finds service and pod by it. */
  readonly versionId: Text;
  /**
   * Where the control server asks for patches when it starts, see `pingUrl`: the address itself, a secret, or the name of the
   * Secret of the same namespace that holds it as `url`.
   */
  readonly ping: { readonly url: Text } | { readonly secret: string };
  /**
   * Minutes without a request after which it is stopped.
   * @default never
   */
  readonly idleMinutes?: number | undefined;
  /**
   * PriorityClass of its pod.
   * @default the cluster's default
   */
  readonly priorityClass?: Text | undefined;
}

/**
 * The recorder in front of a model: KServe runs it as the model's transformer, so that it sees every request and answer.
 * `Text` is a string, or a promise of one that is only passed on.
 */
export interface Recorder<Text = string> {
  /** `<url>@sha256:<digest>` */
  readonly image: Text;
  /**
   * Where the image holds all services, what starts this one.
   * @default the image's own
   */
  readonly command?: readonly string[] | undefined;
  /** Secret of the model's namespace whose key `url` is the database's, with the recorder's own login. */
  readonly secretName: string;
  /** Changes with the Secret's content. */
  readonly secretRevision: Text;
  /** Schema of the prediction tables. */
  readonly schema: string;
  /**
   * The API service as pods reach it, which counts the tokens that answers tell of.
   * @default nobody counts them, as those of a shadow
   */
  readonly usageUrl?: string | undefined;
  /** Stored with every answer, and what comparisons choose by. */
  readonly version: string;
  /** Pods. */
  readonly replicas: number;
  /**
   * Whether the model's class of autoscaler is one that it must not share, see `autoscalerClass`.
   * @default false
   */
  readonly besideKeda?: boolean | undefined;
  /** Headers to store besides the usual ones, in lower case. */
  readonly storedHeaders: readonly string[];
  /** What it stores of the requests. */
  readonly settings: RecorderSettings;
  /**
   * Paths of the model's own that are predictions too.
   * @default none
   */
  readonly ownPaths?: readonly string[] | undefined;
  /** What its log may grow to while the database is away, in mebibytes. */
  readonly logMebibytes: number;
}

/** Port that truss servers listen on. */
export const containerPort = 8080;

/** Port of the inference server behind a control server, which has {@link containerPort} (truss 0.18.35). */
export const inferencePort = 8090;

/**
 * Path that answers 200 once the model's `load` has returned. Unlike `/v1/models/model` it does not run the model's own
 * `is_healthy`, which may be slow (truss 0.18.35, `truss_server.py`).
 */
export const loadedPath = "/v1/models/model/loaded";

/** Path that answers 200 when the model is loaded and healthy. */
export const readyPath = "/v1/models/model";

/** Labels and annotations that Menagerie puts on what it makes. */
export const labels = {
  pool: "menagerie.dev/pool",
  model: "menagerie.dev/model",
  kind: "menagerie.dev/kind",
  managedBy: "menagerie.dev/managed-by",
  /** What users may expect of it; only development versions carry it, with {@link developmentLevel}. */
  serviceLevel: "menagerie.dev/service-level",
  /** Id of a development version's row. */
  versionId: "menagerie.dev/version-id",
} as const;

/** It may be down for some time: one pod, preempted before others, with no disruption budget. */
export const developmentLevel = "development";

export const annotations = {
  trussHash: "menagerie.dev/truss-hash",
  /** Hash of the ConfigMap that the pods read their environment from; KServe copies it to the pod template. */
  environment: "menagerie.dev/environment",
  /** Changes with everything that makes new pods; KServe copies it to the pod template. */
  revision: "menagerie.dev/revision",
  /** Minutes without a request after which the API service stops it. */
  idleMinutes: "menagerie.dev/idle-minutes",
  /** Its pods install packages: the embedded environment gives them its egress proxy. KServe copies it to the pod template. */
  egress: "menagerie.dev/egress",
  /** Id of the full deployment that made a pushed version's service. */
  deployment: "menagerie.dev/deployment",
} as const;

/** Of KServe: "true" deletes an InferenceService's Deployments, Services and pods, anything else brings them back. */
export const stopAnnotation = "serving.kserve.io/stop";

/** What is known of something served when requests are sent to it. */
export interface Answering {
  /** Name of its InferenceService. */
  readonly service: string;
  /** Whether a recorder is in front of it. */
  readonly recorded: boolean;
}

/** The part of a model that takes its requests: the recorder where there is one, else the model itself. */
export function answeringComponent({ recorded }: Pick<Answering, "recorded">): "transformer" | "predictor" {
  return recorded ? "transformer" : "predictor";
}

/**
 * The Service that takes a model's requests. Everything that sends requests to a model has its address from here, so that nothing
 * goes past its recorder.
 */
export function answeringBackend({ service, recorded }: Answering, namespace: string): Backend {
  return { service: `${service}-${answeringComponent({ recorded })}`, namespace, port: 80 };
}

/** InferenceService that a Service or its host name takes requests for, see {@link answeringBackend}; undefined for another one's. */
export function serviceBehind(name: string): string | undefined {
  return /^(.+)-(?:predictor|transformer|activator)(?:\.|$)/.exec(name)?.[1];
}

/** {@link answeringBackend} as an origin within the cluster, such as `http://iris-v2-predictor.models.svc.cluster.local`. */
export function answeringOrigin(answering: Answering, namespace: string): string {
  return `http://${hostOf(answeringBackend(answering, namespace))}`;
}

/** Path prefix of all models at the gateway, without a slash at the end. */
export function servingRoot(namespace: string): string {
  return `/serving/${namespace}`;
}

/** Path prefix of a model at the gateway, without a slash at the end. */
export function servingPath(namespace: string, name: string): string {
  return `${servingRoot(namespace)}/${name}`;
}
