import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { KubernetesObject, V1ConfigMap, V1CustomResourceDefinition } from "@kubernetes/client-node";
import { loadAll } from "js-yaml";
import { applyObjects } from "../../adapters/kubernetes/apply.ts";
import { apply, readIfThere, requestJson } from "../../adapters/kubernetes/request.ts";
import type { StepSpec } from "../supervisor/supervisor.ts";
import type { ControlContext } from "./context.ts";
import { etcdUrl } from "./etcd.ts";
import { EtcdKeys } from "./etcdKeys.ts";
import { StoredCrds } from "./storedCrds.ts";

const recordPath = "/api/v1/namespaces/kube-system/configmaps/menagerie-crds";
const crdsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const manager = "menagerie-local";
const lateAfterMs = 3_000;

/** What the API server waits for, besides etcd. */
export const storedCrdsStep = "stored-crds";

/**
 * Makes the CRDs of KServe, Istio, Tekton, Karpenter and Knative, and this environment's `own`. They are large and an API server takes
 * seconds over them, so a record of their content's hash spares the work when nothing changed, and a new environment begins with what
 * an earlier one of this user has stored: the first step does that before the API server starts, the second makes what is lacking.
 */
export function customResourceDefinitions(context: ControlContext, own: readonly string[]): readonly StepSpec[] {
  let restored: string | undefined;
  return [
    {
      name: storedCrdsStep,
      after: ["etcd"],
      run: async () => {
        const { hash, stored } = await definitions(context, own);
        // Without them the API server makes them; a part of them, after a kill, is completed in the same way.
        if (await stored.restore().catch(() => false)) restored = hash;
      },
    },
    {
      name: "crds",
      after: ["kube-apiserver"],
      run: async (signal) => {
        const { hash, crds, stored } = await definitions(context, own);
        if ((await recordedHash(context)) === hash) return;
        if (restored !== hash) await applyObjects(context.admin, crds, manager);
        await awaitEstablished(context, crds.map(nameOf), signal);
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
        // Only the next environment is slower without.
        if (restored !== hash) await stored.keep().catch(() => {});
      },
    },
  ];
}

async function definitions({ tools }: ControlContext, own: readonly string[]) {
  const { crds: pinned } = await tools.part("manifests");
  const files = [...pinned.map(({ file }) => file), ...own].sort();
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8")));
  const hash = createHash("sha256").update(texts.join("\n---\n")).digest("hex");
  // The pinned ones are JSON, which YAML's parser would take a second over.
  const objects = texts.flatMap(
    (text) => (text.startsWith("{") ? [JSON.parse(text)] : loadAll(text)) as (KubernetesObject | null)[],
  );
  const crds = objects.filter((object) => object?.kind === "CustomResourceDefinition") as KubernetesObject[];
  // How an API server stores them is its own affair: each build of one has its own file, beside the manifests in the cache.
  const server = await tools.part("kube-apiserver");
  const key = createHash("sha256")
    .update(JSON.stringify([hash, server]))
    .digest("hex")
    .slice(0, 16);
  const cache = dirname(dirname(pinned[0]?.file ?? ""));
  const stored = new StoredCrds(new EtcdKeys(etcdUrl), join(cache, `crds-stored-${key}.json`), crds.map(nameOf));
  return { hash, crds, stored };
}

function nameOf(crd: KubernetesObject): string {
  return crd.metadata?.name ?? "";
}

async function recordedHash(context: ControlContext): Promise<string | undefined> {
  return (await readIfThere<V1ConfigMap>(context.admin, recordPath))?.data?.hash;
}

/**
 * Asks for one definition at a time: the whole list is megabytes, and the API server is busy with them already.
 *
 * An API server that was stopped between accepting a definition's names and establishing it does not take that up again by
 * itself: it queues the second step when the definition changes (seen with 1.36). So one that is late gets a changed annotation.
 */
async function awaitEstablished(context: ControlContext, names: readonly string[], signal: AbortSignal): Promise<void> {
  for (const name of names) {
    let touchAt = Date.now() + lateAfterMs;
    while (!(await isEstablished(context, name))) {
      signal.throwIfAborted();
      if (Date.now() > touchAt) {
        await touch(context, name);
        touchAt = Date.now() + lateAfterMs;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function touch(context: ControlContext, name: string): Promise<void> {
  await requestJson(context.admin, "PATCH", `${crdsPath}/${name}`, {
    body: { metadata: { annotations: { "menagerie.dev/touched": new Date().toISOString() } } },
    contentType: "application/merge-patch+json",
  });
}

async function isEstablished(context: ControlContext, name: string): Promise<boolean> {
  const { status } = await requestJson<V1CustomResourceDefinition>(context.admin, "GET", `${crdsPath}/${name}/status`);
  return Boolean(status?.conditions?.some(({ type, status }) => type === "Established" && status === "True"));
}
