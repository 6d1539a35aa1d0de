import { KubeConfig } from "@kubernetes/client-node";
import { messageOf } from "../../domain/errors.ts";
import { activatorBackend, versionHeader } from "../../domain/serving/activator.ts";
import type { ObservedModel } from "../../domain/serving/observed.ts";
import { isReady } from "../../domain/serving/pods.ts";
import { annotations, type DeploymentMode } from "../../domain/serving/servedModel.ts";
import { refuse } from "./refusals.ts";
import { isApiError, KubernetesApiError, readIfThere, request, requestJson } from "./request.ts";

/** One InferenceService in a cluster. */
export interface ModelAddress {
  readonly config: KubeConfig;
  readonly namespace: string;
  readonly name: string;
  /**
   * Which part of it.
   * @default predictor
   */
  readonly component?: "predictor" | "transformer" | undefined;
}

interface List<T> {
  readonly items: readonly T[];
}

/**
 * The kubeconfig that kubectl would use (`KUBECONFIG`, else `~/.kube/config`), at `context` or its current one.
 * @throws OperatorError when there is none, or it has no such context.
 */
export function ambientKubeConfig(context?: string): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (error) {
    throw refuse("kubeconfig.unreadable", { reason: messageOf(error) }, error);
  }
  // What the client library takes for granted when it finds no kubeconfig.
  if (config.getCurrentCluster()?.server === "http://localhost:8080") {
    throw refuse("kubeconfig.none");
  }
  if (context !== undefined) {
    if (!config.getContextObject(context)) {
      const known = config.getContexts().map(({ name }) => name);
      throw refuse("kubeconfig.unknown-context", { context, known: known.join(" or ") || "one that has contexts" });
    }
    config.setCurrentContext(context);
  }
  return config;
}

/** What exists of a model's predictor now, or of its transformer, of all its revisions. */
export async function observeModel(
  { config, namespace, name, component = "predictor" }: ModelAddress,
  signal: AbortSignal,
): Promise<ObservedModel> {
  const query = { labelSelector: `serving.kserve.io/inferenceservice=${name},component=${component}` };
  const list = async <T>(path: string): Promise<readonly T[]> =>
    (await requestJson<List<T>>(config, "GET", path, { query, signal })).items;
  const apps = `/apis/apps/v1/namespaces/${namespace}`;
  const [inferenceService, deployments, replicaSets, pods] = await Promise.all([
    readIfThere<NonNullable<ObservedModel["inferenceService"]>>(
      config,
      `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices/${name}`,
      { signal },
    ),
    list<ObservedModel["deployments"][number]>(`${apps}/deployments`),
    list<ObservedModel["replicaSets"][number]>(`${apps}/replicasets`),
    list<ObservedModel["pods"][number]>(`/api/v1/namespaces/${namespace}/pods`),
  ]);
  return { inferenceService, deployments, replicaSets, pods };
}

/**
 * Asks the model itself, by a GET of `path` through the API server: in Standard mode through its Service, whose
 * endpoints must be there, in Knative mode (where that Service is only an alias) at one of its pods.
 * Answers undefined when it answered 2xx, else what came instead.
 */
export async function refusalOf(
  { config, namespace, name, component = "predictor" }: ModelAddress,
  { path, mode, pod }: { readonly path: string; readonly mode: DeploymentMode; readonly pod: string | undefined },
  signal: AbortSignal,
): Promise<string | undefined> {
  const target = mode === "Standard" ? `services/http:${name}-${component}:80` : `pods/http:${pod}:8080`;
  try {
    const response = await request(config, "GET", `/api/v1/namespaces/${namespace}/${target}/proxy${path}`, { signal });
    await response.body?.cancel();
    return undefined;
  } catch (error) {
    if (!isApiError(error)) throw error;
    return `it answers HTTP ${error.code} to GET ${path}: ${error.message.replaceAll(/\s+/g, " ").slice(0, 200)}`;
  }
}

/** What is asked of a model. */
interface ModelRequest {
  readonly path: string;
  readonly mode: DeploymentMode;
  readonly revision: string;
  readonly body: unknown;
  /** @default it never sleeps */
  readonly front?: Front | undefined;
}

/** What came back for a request to a model. */
export interface ModelAnswer {
  /** HTTP status. */
  readonly status: number;
  readonly text: string;
}

/** What takes requests for a model that may sleep, and wakes it: {@link activatorBackend}. */
export interface Front {
  readonly servicesNamespace: string;
}

/**
 * Sends JSON to the newest revision of a model itself, through the API server, whether a route leads to it or not: in Standard mode to
 * its Service, in Knative mode to a pod of that revision. Throws with status 503 if no pod is ready. One that may sleep is asked by way of
 * what wakes it.
 */
export async function postToModel(
  { config, namespace, name, component = "predictor" }: ModelAddress,
  { path, mode, revision, body, front }: ModelRequest,
  signal: AbortSignal,
): Promise<ModelAnswer> {
  try {
    if (front) {
      const { service, namespace: where } = activatorBackend(name, front.servicesNamespace);
      const to = `/api/v1/namespaces/${where}/services/http:${service}:80/proxy${path}`;
      const headers = { [versionHeader]: name };
      const response = await request(config, "POST", to, { body, headers, signal });
      return { status: response.status, text: await response.text() };
    }
    const target =
      mode === "Standard"
        ? `services/http:${name}-${component}:80`
        : `pods/http:${await podOf({ config, namespace, name, component }, revision, signal)}:8080`;
    const to = `/api/v1/namespaces/${namespace}/${target}/proxy${path}`;
    const response = await request(config, "POST", to, { body, signal });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    if (!isApiError(error)) throw error;
    return { status: error.code, text: error.message };
  }
}

async function podOf(address: ModelAddress, revision: string, signal: AbortSignal): Promise<string> {
  const { pods } = await observeModel(address, signal);
  const pod = pods.find((each) => each.metadata?.annotations?.[annotations.revision] === revision && isReady(each));
  if (pod?.metadata?.name) return pod.metadata.name;
  throw new KubernetesApiError(
    503,
    "NoPod",
    "none of its pods is ready; set replicas.min: 1 until the rollout is done",
  );
}

/** Which lines of which container's log. */
interface WantedLog {
  readonly pod: string;
  readonly container: string;
  readonly previous: boolean;
  readonly lines: number;
}

/** The end of a container's log, to stand behind a sentence about it; empty where it cannot be read. */
export async function logBelow(
  address: Pick<ModelAddress, "config" | "namespace">,
  wanted: WantedLog,
  signal: AbortSignal,
): Promise<string> {
  return linesBelow(await lastLogLines(address, wanted, signal).catch(() => []));
}

/** Lines of a log, to stand behind a sentence about it; empty where there are none. */
export function linesBelow(lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return `. Its last log lines:\n${lines.map((line) => `    ${line}`).join("\n")}`;
}

/** The last `lines` lines of a container's log; of its run before with `previous`, where that is still kept. */
export async function lastLogLines(
  { config, namespace }: Pick<ModelAddress, "config" | "namespace">,
  { pod, container, previous, lines }: WantedLog,
  signal: AbortSignal,
): Promise<string[]> {
  const read = async (query: Record<string, string | number | boolean>): Promise<string[]> => {
    const response = await request(config, "GET", `/api/v1/namespaces/${namespace}/pods/${pod}/log`, {
      query: { container, tailLines: lines, ...query },
      signal,
    });
    return (await response.text()).trimEnd().split("\n").filter(Boolean);
  };
  if (!previous) return read({});
  const before = await read({ previous: true }).catch(() => []);
  return before.length > 0 ? before : read({});
}
