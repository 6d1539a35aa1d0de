import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { KubeConfig, KubernetesObject } from "@kubernetes/client-node";
import { request, requestJson } from "./request.ts";

/** What a {@link reflect} call watches. */
export interface ReflectorOptions<T extends KubernetesObject> {
  /** Identity and address to use. */
  readonly config: KubeConfig;
  /** Collection path, such as `/api/v1/pods` or `/apis/networking.istio.io/v1/virtualservices`. */
  readonly path: string;
  /** Query of list and watch, such as `{ fieldSelector: "spec.nodeName=cpu-0" }` (the node authorizer demands that one). */
  readonly query?: Readonly<Record<string, string>>;
  /**
   * Called after every change, and once after the first list, with all objects by `namespace/name` (`/name` for
   * cluster-scoped ones). `changed` holds the keys that differ from the call before. Level-triggered: after a
   * reconnect the same state may be reported again, so handlers converge from what they see.
   */
  readonly onChange: (objects: ReadonlyMap<string, T>, changed: ReadonlySet<string>) => void;
  /** Called when a list or watch failed; the reflector retries by itself. */
  readonly onError?: (error: unknown) => void;
  readonly signal: AbortSignal;
}

const listWithinMs = 60_000;

interface ObjectList<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[];
}

export function objectKey(object: KubernetesObject): string {
  return `${object.metadata?.namespace ?? ""}/${object.metadata?.name ?? ""}`;
}

/**
 * Keeps a local copy of a collection by list and watch, for ever, until `signal` aborts. The client library's own
 * informer has no field selector, which the node authorizer requires, and stops at the first refused connection.
 */
export async function reflect<T extends KubernetesObject>(options: ReflectorOptions<T>): Promise<void> {
  const objects = new Map<string, T>();
  const { signal } = options;
  let failures = 0;
  let listed = false;

  const relist = async (): Promise<string> => {
    const list = await requestJson<ObjectList<T>>(options.config, "GET", options.path, {
      query: options.query ?? {},
      signal: AbortSignal.any([signal, AbortSignal.timeout(listWithinMs)]),
    });
    const next = new Map(list.items.map((item) => [objectKey(item), item]));
    const changed = new Set<string>();
    for (const key of objects.keys()) if (!next.has(key)) changed.add(key);
    for (const [key, item] of next) {
      if (objects.get(key)?.metadata?.resourceVersion !== item.metadata?.resourceVersion) changed.add(key);
    }
    objects.clear();
    for (const [key, item] of next) objects.set(key, item);
    if (changed.size > 0 || !listed) options.onChange(objects, changed);
    listed = true;
    return list.metadata.resourceVersion;
  };

  while (!signal.aborted) {
    try {
      let resourceVersion: string | undefined = await relist();
      failures = 0;
      while (resourceVersion !== undefined && !signal.aborted) {
        resourceVersion = await watchOnce(options, objects, resourceVersion);
      }
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      options.onError?.(error);
      await delay(Math.min(5_000, 100 * 2 ** Math.min(failures, 6)), signal);
    }
  }
}

/** Follows one watch to its end; answers the version to go on from, or undefined when a new list is needed. */
async function watchOnce<T extends KubernetesObject>(
  options: ReflectorOptions<T>,
  objects: Map<string, T>,
  from: string,
): Promise<string | undefined> {
  let resourceVersion = from;
  const response = await request(options.config, "GET", options.path, {
    // Below the HTTP client's own limit of 300 s without a byte.
    query: { ...options.query, watch: true, resourceVersion: from, allowWatchBookmarks: true, timeoutSeconds: 240 },
    signal: options.signal,
  });
  if (!response.body) throw new Error(`watch of ${options.path} answered without a body`);
  for await (const line of createInterface({ input: Readable.fromWeb(response.body) })) {
    if (line === "") continue;
    const event = JSON.parse(line) as { type: string; object: T };
    // 410 Gone and the like: what we know is too old to go on from.
    if (event.type === "ERROR") return undefined;
    resourceVersion = event.object.metadata?.resourceVersion ?? resourceVersion;
    if (event.type === "BOOKMARK") continue;
    const key = objectKey(event.object);
    if (event.type === "DELETED") objects.delete(key);
    else objects.set(key, event.object);
    options.onChange(objects, new Set([key]));
  }
  return resourceVersion;
}

function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}
