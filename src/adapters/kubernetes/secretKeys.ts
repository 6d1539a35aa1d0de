import type { KubeConfig } from "@kubernetes/client-node";
import { readIfThere } from "./request.ts";

/** How long the API server may take, in milliseconds. */
const patience = 15_000;

/** Keys of a Secret, or undefined where there is none. Its values are dropped at once. */
export async function readSecretKeys(
  config: KubeConfig,
  namespace: string,
  name: string,
): Promise<string[] | undefined> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`;
  const signal = AbortSignal.timeout(patience);
  const secret = await readIfThere<{ data?: Record<string, string> }>(config, path, { signal });
  return secret && Object.keys(secret.data ?? {});
}
