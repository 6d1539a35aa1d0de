import { readFile } from "node:fs/promises";
import type { KubernetesObject } from "@kubernetes/client-node";
import { loadAll } from "js-yaml";
import { applyObjects } from "../../adapters/kubernetes/apply.ts";
import { issueKubeconfig } from "../pki.ts";
import type { StepSpec } from "../supervisor/supervisor.ts";
import type { ControlContext } from "./context.ts";

/** Parts of the environment that talk to the API server under a name of their own: `menagerie:<part>`. */
const identities = ["service-proxy", "node-provisioner"] as const;

/** Kubeconfigs of the environment's own parts, and what each may do. */
export function partIdentities(context: ControlContext): StepSpec {
  return {
    name: "identities",
    after: ["kube-apiserver"],
    run: async () => {
      await Promise.all(identities.map((part) => issueKubeconfig(context.layout, { part, user: `menagerie:${part}` })));
      const text = await readFile(new URL("./manifests/identities.yaml", import.meta.url), "utf8");
      await applyObjects(context.admin, loadAll(text) as KubernetesObject[], "menagerie-local");
    },
  };
}
