import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { V1ConfigMap } from "@kubernetes/client-node";
import { imageReference, putImage } from "../../adapters/images/imageStore.ts";
import { applyObjects } from "../../adapters/kubernetes/apply.ts";
import { ports } from "../network/addresses.ts";
import { issueKubeconfig } from "../pki.ts";
import type { PartSpec } from "../supervisor/supervisedProcess.ts";
import type { StepSpec } from "../supervisor/supervisor.ts";
import type { ControlContext } from "./context.ts";
import { readObjects } from "./manifestFiles.ts";

const namespace = "tekton-pipelines";
const serviceAccount = "tekton-pipelines-controller";

/** Tekton's namespace, roles and ConfigMaps. */
export function tektonConfiguration(context: ControlContext): StepSpec {
  return {
    name: "tekton-configuration",
    after: ["identities", "crds"],
    run: async () => {
      const objects = (
        await Promise.all((await context.tools.part("manifests")).tektonManifests.map(readObjects))
      ).flat();
      for (const object of objects) {
        if (object.metadata?.name !== "feature-flags") continue;
        // Its pods that keep the tasks of a run together would each take a place on a node.
        Object.assign((object as V1ConfigMap).data ?? {}, { coschedule: "disabled" });
      }
      const [first, ...others] = objects;
      if (first?.kind !== "Namespace") throw new Error("Tekton's manifests do not begin with its namespace");
      await applyObjects(context.admin, [first], "menagerie-local");
      await applyObjects(context.admin, others, "menagerie-local");
    },
  };
}

/**
 * Tekton's controller, as the service account that its own roles are bound to. Its webhook does not run: it would take
 * 117 MB to fill in and check what the controller fills in itself and the CRDs' schemas check.
 */
export async function tektonController({ layout, tools }: ControlContext): Promise<PartSpec> {
  const kubeconfig = await issueKubeconfig(layout, {
    part: "tekton",
    user: `system:serviceaccount:${namespace}:${serviceAccount}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`],
  });
  return {
    name: "tekton",
    launch: async () => {
      const image = await systemImage(layout.images, tools);
      const images = ["entrypoint", "nop", "sidecarlogresults", "workingdirinit", "shell"].map(
        (role) => `-${role}-image=${image}`,
      );
      return {
        command: await tools.part("tekton-controller"),
        args: [`-kubeconfig=${kubeconfig}`, ...images, `-shell-image-win=${image}`, "-disable-ha=true"],
        env: {
          SYSTEM_NAMESPACE: namespace,
          METRICS_DOMAIN: "tekton.dev/pipeline",
          METRICS_PROMETHEUS_PORT: String(ports.tektonMetrics),
          PROBES_PORT: String(ports.tektonHealth),
          CONFIG_DEFAULTS_NAME: "config-defaults",
          CONFIG_LOGGING_NAME: "config-logging",
          CONFIG_OBSERVABILITY_NAME: "config-observability",
          CONFIG_FEATURE_FLAGS_NAME: "feature-flags",
          CONFIG_LEADERELECTION_NAME: "config-leader-election-controller",
          CONFIG_SPIRE: "config-spire",
        },
      };
    },
    after: ["tekton-configuration"],
    ready: async () =>
      (await fetch(`http://127.0.0.1:${ports.tektonHealth}/readiness`, { signal: AbortSignal.timeout(1_000) })).ok,
  };
}

/** One image for all that Tekton puts beside the steps of a pod: its programs; the shell is the machine's, as everywhere. */
async function systemImage(store: string, tools: ControlContext["tools"]): Promise<string> {
  const [entrypoint, workingdirinit] = [
    await tools.part("tekton-entrypoint"),
    await tools.part("tekton-workingdirinit"),
  ];
  const image = await putImage(store, {
    url: "menagerie.local/tekton/system",
    layers: [],
    config: { entrypoint: ["/bin/true"], cmd: [], env: { PATH: "/usr/local/bin:/usr/bin:/bin" }, workingDir: "/" },
    populate: async (rootfs) => {
      const folder = join(rootfs, "ko-app");
      await mkdir(folder);
      await copyFile(entrypoint, join(folder, "entrypoint"));
      await copyFile(workingdirinit, join(folder, "workingdirinit"));
    },
  });
  return imageReference(image);
}
