import { KubeConfig } from "@kubernetes/client-node";

/** The cluster of one kubeconfig file, at its current context. */
export function kubeConfigOf(file: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(file);
  return config;
}
