import { KubeConfig } from "@kubernetes/client-node";

/** The cluster of a context of the user's kubeconfig (`KUBECONFIG`, else `~/.kube/config`). */
export function kubeConfigOfContext(context: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromDefault();
  config.setCurrentContext(context);
  return config;
}

/** The cluster of one kubeconfig file, at its current context. */
export function kubeConfigOf(file: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(file);
  return config;
}
