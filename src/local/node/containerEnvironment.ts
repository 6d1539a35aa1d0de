import type { V1ConfigMap, V1Container, V1EnvVar, V1Pod, V1Secret } from "@kubernetes/client-node";
import { annotations } from "../../domain/serving/servedModel.ts";
import { addresses, ports } from "../network/addresses.ts";
import { packageSettings } from "../packageSettings.ts";
import { egressVariables, expandReferences } from "./environment.ts";
import { fieldValue, type PodPlacement, resourceFieldValue } from "./fieldValue.ts";
import type { NamedObjects } from "./nodeContext.ts";

/** A container cannot be started as it is declared; kubelet's waiting reason `CreateContainerConfigError`. */
export class ContainerConfigError extends Error {
  override readonly name = "ContainerConfigError";
}

/**
 * The variables of one container, later sources over earlier ones: the image's, the API server's address, the egress
 * proxy, `envFrom`, `env`. Variables for every Service of the namespace (service links) are left out: cluster DNS
 * answers, and they would hold ClusterIPs that change.
 */
export async function containerEnvironment(
  pod: V1Pod,
  container: V1Container,
  imageEnv: Readonly<Record<string, string>>,
  objects: NamedObjects,
  placement: PodPlacement,
): Promise<Map<string, string>> {
  const env = new Map<string, string>([
    ["PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    ["HOME", "/root"],
    ["HOSTNAME", pod.spec?.hostname ?? pod.metadata?.name ?? ""],
    ...Object.entries(imageEnv),
    ["KUBERNETES_SERVICE_HOST", addresses.kubernetesService],
    ["KUBERNETES_SERVICE_PORT", "443"],
    ["KUBERNETES_SERVICE_PORT_HTTPS", "443"],
  ]);
  if (mayInstallPackages(pod)) {
    const proxy = `http://${addresses.host}:${ports.egress}`;
    const variables = egressVariables(proxy, await packageSettings());
    for (const [name, value] of Object.entries(variables)) env.set(name, value);
  }
  const namespace = pod.metadata?.namespace ?? "";
  for (const source of container.envFrom ?? []) {
    const { configMapRef, secretRef, prefix = "" } = source;
    if (configMapRef) {
      const name = configMapRef.name ?? "";
      const map = await objects.get<V1ConfigMap>(configMapPath(namespace, name));
      if (!map && !configMapRef.optional) throw new ContainerConfigError(`configmap "${namespace}/${name}" not found`);
      for (const [key, value] of Object.entries(map?.data ?? {})) env.set(prefix + key, value);
    }
    if (secretRef) {
      const name = secretRef.name ?? "";
      const secret = await objects.get<V1Secret>(secretPath(namespace, name));
      if (!secret && !secretRef.optional) throw new ContainerConfigError(`secret "${namespace}/${name}" not found`);
      for (const [key, value] of Object.entries(secret?.data ?? {})) env.set(prefix + key, decode(value));
    }
  }
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom
      ? await referencedValue(pod, container, variable, objects, placement)
      : expandReferences(variable.value ?? "", env);
    if (value !== undefined) env.set(variable.name, value);
  }
  return env;
}

/** Whether the pod may reach the outside through the egress proxy, to install packages. */
export function mayInstallPackages(pod: V1Pod): boolean {
  return pod.metadata?.annotations?.[annotations.egress] === "true";
}

export function configMapPath(namespace: string, name: string): string {
  return `/api/v1/namespaces/${namespace}/configmaps/${name}`;
}

export function secretPath(namespace: string, name: string): string {
  return `/api/v1/namespaces/${namespace}/secrets/${name}`;
}

async function referencedValue(
  pod: V1Pod,
  container: V1Container,
  variable: V1EnvVar,
  objects: NamedObjects,
  placement: PodPlacement,
): Promise<string | undefined> {
  const from = variable.valueFrom ?? {};
  const namespace = pod.metadata?.namespace ?? "";
  if (from.configMapKeyRef) {
    const { name = "", key, optional } = from.configMapKeyRef;
    const value = (await objects.get<V1ConfigMap>(configMapPath(namespace, name)))?.data?.[key];
    if (value === undefined && !optional) throw missingKey(variable.name, "configmap", namespace, name, key);
    return value;
  }
  if (from.secretKeyRef) {
    const { name = "", key, optional } = from.secretKeyRef;
    const value = (await objects.get<V1Secret>(secretPath(namespace, name)))?.data?.[key];
    if (value === undefined && !optional) throw missingKey(variable.name, "secret", namespace, name, key);
    return value === undefined ? undefined : decode(value);
  }
  const value = from.fieldRef
    ? fieldValue(pod, from.fieldRef.fieldPath, placement)
    : from.resourceFieldRef && resourceFieldValue(container, from.resourceFieldRef, placement);
  if (value === undefined) {
    throw new ContainerConfigError(`env "${variable.name}": valueFrom names nothing that this node can resolve`);
  }
  return value;
}

function missingKey(variable: string, kind: string, namespace: string, name: string, key: string): Error {
  return new ContainerConfigError(`env "${variable}": couldn't find key ${key} in ${kind} "${namespace}/${name}"`);
}

function decode(base64: string): string {
  return Buffer.from(base64, "base64").toString();
}
