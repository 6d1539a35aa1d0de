import { copyFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type {
  KubernetesObject,
  V1ConfigMap,
  V1MutatingWebhookConfiguration,
  V1ValidatingWebhookConfiguration,
} from "@kubernetes/client-node";
import { applyObjects } from "../../adapters/kubernetes/apply.ts";
import { annotations } from "../../domain/serving/servedModel.ts";
import { addresses, ports } from "../network/addresses.ts";
import { caFiles, issueKubeconfig, issueServingCertificate } from "../pki.ts";
import type { PartSpec } from "../supervisor/supervisedProcess.ts";
import type { StepSpec } from "../supervisor/supervisor.ts";
import type { ControlContext } from "./context.ts";
import { readObjects } from "./manifestFiles.ts";

const namespace = "kserve";
const serviceAccount = "kserve-controller-manager";
const manager = "menagerie-local";
type WebhookConfiguration = V1MutatingWebhookConfiguration | V1ValidatingWebhookConfiguration;

/** KServe's roles and its ConfigMap, changed where an environment without Knative and Istio needs it. */
export function kserveConfiguration(context: ControlContext): StepSpec {
  return {
    name: "kserve-configuration",
    after: ["identities", "crds"],
    run: async () => {
      const { rbac, inferenceServiceConfig } = (await context.tools.part("manifests")).kserveManifests;
      const roles = (await Promise.all(rbac.map(readObjects))).flat();
      const [configuration] = (await readObjects(inferenceServiceConfig)) as V1ConfigMap[];
      const data = configuration?.data;
      if (!data?.ingress)
        throw new Error(`${inferenceServiceConfig} has no key "ingress": is this another version of KServe?`);
      data.deploy = JSON.stringify({ defaultDeploymentMode: "Standard" });
      const ingress = JSON.parse(data.ingress) as Record<string, unknown>;
      // KServe copies all others to the pods' template, so that a change of one makes new pods.
      const own = { serviceAnnotationDisallowedList: [annotations.idleMinutes] };
      data.inferenceService = JSON.stringify({ ...JSON.parse(data.inferenceService ?? "{}"), ...own });
      data.ingress = JSON.stringify({ ...ingress, disableIngressCreation: true, disableIstioVirtualHost: true });
      await applyObjects(context.admin, [...roles, configuration as KubernetesObject], manager);
    },
  };
}

/** KServe's controller with its webhook server, as the service account that KServe's own roles are bound to. */
export async function kserveController({ layout, tools }: ControlContext): Promise<PartSpec> {
  const kubeconfig = await issueKubeconfig(layout, {
    part: "kserve",
    user: `system:serviceaccount:${namespace}:${serviceAccount}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`],
  });
  // The manager has no flag for its serving certificate: it looks below the folder for temporary files.
  const temporary = join(layout.root, "kserve");
  const certificates = join(temporary, "k8s-webhook-server", "serving-certs");
  await mkdir(certificates, { recursive: true, mode: 0o700 });
  const serving = await issueServingCertificate(layout, "kserve-webhook", [addresses.host]);
  await copyFile(serving.certFile, join(certificates, "tls.crt"));
  await copyFile(serving.keyFile, join(certificates, "tls.key"));
  return {
    name: "kserve",
    launch: async () => ({
      command: await tools.part("kserve-manager"),
      args: [
        `--metrics-addr=127.0.0.1:${ports.kserveMetrics}`,
        `--health-probe-addr=127.0.0.1:${ports.kserveHealth}`,
        `--webhook-port=${ports.kserveWebhook}`,
      ],
      env: { KUBECONFIG: kubeconfig, POD_NAMESPACE: namespace, TMPDIR: temporary },
    }),
    after: ["kserve-configuration"],
    ready: async () =>
      (await fetch(`http://127.0.0.1:${ports.kserveHealth}/readyz`, { signal: AbortSignal.timeout(1_000) })).ok,
  };
}

/** Registers the webhooks last: registered before the manager answers, they would refuse every write. */
export function kserveWebhooks(context: ControlContext): StepSpec {
  return {
    name: "kserve-webhooks",
    after: ["kserve"],
    run: async () => {
      const caBundle = (await readFile(caFiles(context.layout).certFile)).toString("base64");
      const { webhooks } = (await context.tools.part("manifests")).kserveManifests;
      const objects = (await Promise.all(webhooks.map(readObjects))).flat();
      // The Service that the files point to is for a controller in a pod; here the API server calls it by address.
      const configurations = objects.filter((object): object is WebhookConfiguration =>
        Boolean(object.kind?.endsWith("WebhookConfiguration")),
      );
      for (const webhook of configurations.flatMap((configuration) => configuration.webhooks ?? [])) {
        const path = webhook.clientConfig.service?.path ?? "";
        webhook.clientConfig = { url: `https://${addresses.host}:${ports.kserveWebhook}${path}`, caBundle };
      }
      await applyObjects(context.admin, configurations, manager);
    },
  };
}
