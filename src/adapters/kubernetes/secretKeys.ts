import type { KubeConfig } from "@kubernetes/client-node";
import { isApiError, requestJson } from "./request.ts";

/** How long the API server may take, in milliseconds. */
const patience = 15_000;

/** Keys of a Secret, or undefined where there is none. Its values are dropped at once. */
export async function readSecretKeys(
  config: KubeConfig,
  namespace: string,
  name: string,
): Promise<string[] | undefined> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`;
  try {
    const signal = AbortSignal.timeout(patience);
    const { data = {} } = await requestJson<{ data?: Record<string, string> }>(config, "GET", path, { signal });
    return Object.keys(data);
  } catch (error) {
    if (isApiError(error, 404)) return undefined;
    throw error;
  }
}
