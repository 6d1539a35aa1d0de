import { copyFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig, V1Deployment } from "@kubernetes/client-node";
import { loadAll } from "js-yaml";
import { putImage } from "../../src/adapters/images/imageStore.ts";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import type { Condition } from "../../src/domain/serving/condition.ts";
import type { EnvironmentLayout } from "../../src/local/layout.ts";
import { applyManifest, type Manifest } from "../local/support/manifests.ts";
import { ensureKeda, kedaModule } from "../support/testTools.ts";

/** KEDA's own manifests, in the order in which they are applied; what else is in its `config` is for its webhook. */
const installed = ["general", "service_account", "rbac", "manager", "metrics-server"];
const metricsApi = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io";

/** Installs the kinds of KEDA, and nothing that acts on them. */
export async function installKedaKinds(config: KubeConfig): Promise<void> {
  for (const crd of await manifestsOf(join(await kedaModule(), "config", "crd", "bases"))) {
    await applyManifest(config, crd);
  }
}

/** Runs KEDA's operator and its metrics adapter as its own manifests have them, and waits until the API server reaches the adapter. */
export async function deployKeda(config: KubeConfig, layout: EnvironmentLayout): Promise<void> {
  const executables = await ensureKeda();
  const image = await putImage(layout.images, {
    url: "test.local/keda",
    layers: [],
    config: { entrypoint: [], cmd: [], env: {}, workingDir: "/" },
    populate: async (root) => {
      await copyFile(executables["keda-operator"], join(root, "keda"));
      await copyFile(executables["keda-adapter"], join(root, "keda-adapter"));
    },
  });
  const folder = join(await kedaModule(), "config");
  for (const part of installed) {
    for (const manifest of await manifestsOf(join(folder, part))) {
      await applyManifest(config, withImage(manifest, `${image.url}@${image.digest}`));
    }
  }
  for (;;) {
    const { status } = await requestJson<{ status?: { conditions?: readonly Condition[] } }>(config, "GET", metricsApi);
    if (status?.conditions?.some(({ type, status: is }) => type === "Available" && is === "True")) return;
    await delay(500);
  }
}

/** Objects of a folder's files; kustomize's own files have none. */
async function manifestsOf(folder: string): Promise<Manifest[]> {
  const files = (await readdir(folder))
    .filter((name) => name.endsWith(".yaml") && name !== "kustomization.yaml")
    .sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return texts.flatMap((text) => (loadAll(text) as (Manifest | null)[]).filter((manifest) => manifest !== null));
}

function withImage(manifest: Manifest, image: string): Manifest {
  if (manifest.kind !== "Deployment") return manifest;
  const { spec } = manifest as unknown as V1Deployment;
  for (const container of spec?.template.spec?.containers ?? []) {
    container.image = image;
    container.imagePullPolicy = "IfNotPresent";
    // It would wait for its webhook, which is not installed.
    if (container.name === "keda-operator") container.args?.push("--enable-webhook-patching=false");
  }
  return manifest;
}
