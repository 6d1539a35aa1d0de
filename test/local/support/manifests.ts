import type { KubeConfig } from "@kubernetes/client-node";
import { request, requestJson } from "../../../src/adapters/kubernetes/request.ts";

/** What every object of Kubernetes has. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  /** @default the kind has none */
  readonly spec?: object;
}

export const namespace = (name: string): Manifest => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });

/** Path of an object, under the plural name that the API server gives its kind. */
export async function pathOf(cluster: KubeConfig, { apiVersion, kind, metadata }: Manifest): Promise<string> {
  const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { resources } = await requestJson<{ resources: { kind: string; name: string }[] }>(cluster, "GET", base);
  const name = resources.find((resource) => resource.kind === kind && !resource.name.includes("/"))?.name;
  return `${base}${metadata.namespace ? `/namespaces/${metadata.namespace}` : ""}/${name}/${metadata.name}`;
}

/** Server-side apply by another hand, strictly validated. `query` may ask for a dry run. */
export async function applyManifest(
  cluster: KubeConfig,
  manifest: Manifest,
  query: Readonly<Record<string, string>> = {},
): Promise<void> {
  await request(cluster, "PATCH", await pathOf(cluster, manifest), {
    query: { fieldManager: "by-hand", fieldValidation: "Strict", force: true, ...query },
    contentType: "application/apply-patch+yaml",
    body: manifest,
  });
}
