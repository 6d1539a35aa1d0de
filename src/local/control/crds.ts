import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { KubernetesObject, V1ConfigMap, V1CustomResourceDefinition } from "@kubernetes/client-node";
import { loadAll } from "js-yaml";
import { applyObjects } from "../../adapters/kubernetes/apply.ts";
import { apply, isApiError, requestJson } from "../../adapters/kubernetes/request.ts";
import type { StepSpec } from "../supervisor/supervisor.ts";
import type { ControlContext } from "./context.ts";

const recordPath = "/api/v1/namespaces/kube-system/configmaps/menagerie-crds";
const crdsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const manager = "menagerie-local";

/**
 * Makes the CRDs of KServe, Istio, Tekton, Karpenter and Knative. They are large and an API server takes seconds over
 * them, so a record of their content's hash spares the work when nothing changed.
 */
export function customResourceDefinitions(context: ControlContext, files: readonly string[]): StepSpec {
  return {
    name: "crds",
    after: ["kube-apiserver"],
    run: async (signal) => {
      const texts = await Promise.all([...files].sort().map((file) => readFile(file, "utf8")));
      const hash = createHash("sha256").update(texts.join("\n---\n")).digest("hex");
      if ((await recordedHash(context)) === hash) return;
      const definitions = texts.flatMap((text) => loadAll(text) as (KubernetesObject | null)[]);
      const crds = definitions.filter((object) => object?.kind === "CustomResourceDefinition") as KubernetesObject[];
      await applyObjects(context.admin, crds, manager);
      const names = new Set(crds.map((crd) => crd.metadata?.name ?? ""));
      while (!(await established(context, names))) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await apply<V1ConfigMap>(
        context.admin,
        recordPath,
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: "menagerie-crds", namespace: "kube-system" },
          data: { hash },
        },
        manager,
      );
    },
  };
}

async function recordedHash(context: ControlContext): Promise<string | undefined> {
  try {
    return (await requestJson<V1ConfigMap>(context.admin, "GET", recordPath)).data?.hash;
  } catch (error) {
    if (isApiError(error, 404)) return undefined;
    throw error;
  }
}

async function established(context: ControlContext, names: ReadonlySet<string>): Promise<boolean> {
  const list = await requestJson<{ items: V1CustomResourceDefinition[] }>(context.admin, "GET", crdsPath);
  const ready = list.items.filter((crd) =>
    crd.status?.conditions?.some((condition) => condition.type === "Established" && condition.status === "True"),
  );
  const readyNames = new Set(ready.map((crd) => crd.metadata?.name));
  return [...names].every((name) => readyNames.has(name));
}
