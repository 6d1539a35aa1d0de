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
  const data = await readData(config, namespace, name);
  return data && Object.keys(data);
}

/** One value of a Secret, undefined where there is none. */
export async function readSecretValue(
  config: KubeConfig,
  namespace: string,
  name: string,
  key: string,
): Promise<string | undefined> {
  const value = (await readData(config, namespace, name))?.[key];
  return value === undefined ? undefined : Buffer.from(value, "base64").toString();
}

async function readData(
  config: KubeConfig,
  namespace: string,
  name: string,
): Promise<Record<string, string> | undefined> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`;
  const signal = AbortSignal.timeout(patience);
  const secret = await readIfThere<{ data?: Record<string, string> }>(config, path, { signal });
  return secret && (secret.data ?? {});
}
