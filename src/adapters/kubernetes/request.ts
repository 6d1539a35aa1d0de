import { setTimeout as delay } from "node:timers/promises";
import { HttpMethod, type KubeConfig, RequestContext } from "@kubernetes/client-node";
import { type Dispatcher, fetch, type Response } from "undici";

/** An answer of the API server that is not 2xx: `code` is the HTTP status, `reason` the machine-readable one. */
export class KubernetesApiError extends Error {
  override readonly name = "KubernetesApiError";
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string, message: string) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  /** Besides those of every request. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`; patches name theirs, such as `application/apply-patch+yaml`. */
  readonly contentType?: string;
  /** Ends the request. Default: a limit of 30 s, so that nothing waits for ever on a connection that died. */
  readonly signal?: AbortSignal;
}

const longestRequestMs = 30_000;
/** As client-go does: so often a request is sent again that the API server was too busy to take, when it says when to. */
const mostRetries = 10;

/**
 * One request with the identity of `config`, for paths that the typed clients do not cover: any collection by its
 * path, and server-side apply. What the API server was too busy to take (429, as while the storage of a CRD begins) is sent again when
 * it says. Throws {@link KubernetesApiError} for an answer that is not 2xx.
 */
export async function request(
  config: KubeConfig,
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  options: RequestOptions = {},
): Promise<Response> {
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error("the kubeconfig has no current cluster");
  const url = new URL(cluster.server + path);
  for (const [key, value] of Object.entries(options.query ?? {})) url.searchParams.set(key, String(value));
  const context = new RequestContext(url.toString(), HttpMethod.GET);
  await config.applySecurityAuthentication(context);
  const dispatcher = context.getDispatcher() as Dispatcher | undefined;
  const signal = options.signal ?? AbortSignal.timeout(longestRequestMs);
  const send = () =>
    fetch(url, {
      method,
      headers: {
        ...context.getHeaders(),
        accept: "application/json",
        ...options.headers,
        ...(options.body === undefined ? {} : { "content-type": options.contentType ?? "application/json" }),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      signal,
      ...(dispatcher ? { dispatcher } : {}),
    });
  let response = await send();
  for (let retries = 0; retries < mostRetries; retries += 1) {
    const seconds = response.status === 429 ? Number(response.headers.get("retry-after") ?? Number.NaN) : Number.NaN;
    if (Number.isNaN(seconds)) break;
    await response.body?.cancel();
    await delay(seconds * 1000, undefined, { signal });
    response = await send();
  }
  if (!response.ok) throw await apiError(response);
  return response;
}

/** Like {@link request}, with the answer parsed. `T` is what the caller knows the path to answer. */
export async function requestJson<T>(
  config: KubeConfig,
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  options: RequestOptions = {},
): Promise<T> {
  return (await (await request(config, method, path, options)).json()) as T;
}

/** What the API server has at a path; undefined where there is no such object, kind or namespace (404). */
export async function readIfThere<T>(
  config: KubeConfig,
  path: string,
  options: RequestOptions = {},
): Promise<T | undefined> {
  try {
    return await requestJson<T>(config, "GET", path, options);
  } catch (error) {
    if (isApiError(error, 404)) return undefined;
    throw error;
  }
}

/** Server-side apply of one object at its `path`, as field manager `manager`, taking over fields that others own. */
export function apply<T extends object>(
  config: KubeConfig,
  path: string,
  object: T,
  manager: string,
  signal: AbortSignal = AbortSignal.timeout(longestRequestMs),
): Promise<T> {
  return requestJson<T>(config, "PATCH", path, {
    signal,
    query: { fieldManager: manager, force: true },
    body: object,
    contentType: "application/apply-patch+yaml",
  });
}

export function isApiError(error: unknown, code?: number): error is KubernetesApiError {
  return error instanceof KubernetesApiError && (code === undefined || error.code === code);
}

async function apiError(response: Response): Promise<KubernetesApiError> {
  const text = await response.text();
  try {
    const status = JSON.parse(text) as { reason?: string; message?: string };
    return new KubernetesApiError(response.status, status.reason ?? "", status.message ?? text);
  } catch {
    return new KubernetesApiError(response.status, "", text || `HTTP ${response.status}`);
  }
}
