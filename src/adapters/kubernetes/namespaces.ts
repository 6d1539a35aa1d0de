import type { KubeConfig } from "@kubernetes/client-node";
import { readIfThere } from "./request.ts";

/** How long the API server may take, in milliseconds. */
const patience = 10_000;

export async function namespaceExists(config: KubeConfig, name: string): Promise<boolean> {
  const path = `/api/v1/namespaces/${encodeURIComponent(name)}`;
  return (await readIfThere(config, path, { signal: AbortSignal.timeout(patience) })) !== undefined;
}
