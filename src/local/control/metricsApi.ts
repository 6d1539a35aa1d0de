import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { applyObjects } from "../../adapters/kubernetes/apply.ts";
import { isApiError, request } from "../../adapters/kubernetes/request.ts";
import { caFiles } from "../pki.ts";
import type { StepSpec } from "../supervisor/supervisor.ts";
import type { ControlContext } from "./context.ts";

const [group, version] = ["metrics.k8s.io", "v1beta1"];
/** How long the API server is asked before the API is registered again, in milliseconds. */
const [answersWithin, between] = [10_000, 200];

/**
 * Has the API server pass `metrics.k8s.io` on to the node process. Registered last: while an API does not answer, nothing that looks for
 * every kind in the cluster finds them all, such as the end of a namespace.
 */
export function metricsApi({ admin, layout }: ControlContext): StepSpec {
  return {
    name: "metrics-api",
    after: ["nodes", "service-proxy"],
    run: async (signal) => {
      const caBundle = (await readFile(caFiles(layout).certFile)).toString("base64");
      const service = {
        apiVersion: "apiregistration.k8s.io/v1",
        kind: "APIService",
        metadata: {
          name: `${version}.${group}`,
          // Of an environment that starts again it is there already. The API server then looks again half a minute later; at once when
          // it changes.
          annotations: { "local.menagerie.dev/registered": new Date().toISOString() },
        },
        spec: {
          group,
          version,
          service: { namespace: "kube-system", name: "node-metrics", port: 443 },
          caBundle,
          groupPriorityMinimum: 100,
          versionPriority: 100,
        },
      };
      await applyObjects(admin, [service], "menagerie-local");
      await answers(admin, AbortSignal.any([signal, AbortSignal.timeout(answersWithin)]));
    },
  };
}

async function answers(admin: ControlContext["admin"], signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      const response = await request(admin, "GET", `/apis/${group}/${version}`, { signal });
      await response.body?.cancel();
      return;
    } catch (error) {
      if (!isApiError(error)) throw error;
    }
    await delay(between, undefined, { signal });
  }
}
