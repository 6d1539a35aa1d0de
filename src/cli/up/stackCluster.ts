import type { KubeConfig } from "@kubernetes/client-node";

/** The cluster that a kubeconfig file names. The client is loaded when it is needed, which takes a while. */
export async function clusterOf(kubeconfig: string): Promise<KubeConfig> {
  const client = await import("@kubernetes/client-node");
  const config = new client.KubeConfig();
  config.loadFromFile(kubeconfig);
  return config;
}
