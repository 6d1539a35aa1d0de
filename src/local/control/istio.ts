import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { applyObjects } from "../../adapters/kubernetes/apply.ts";
import { embeddedGateway } from "../../domain/serving/embeddedGateway.ts";
import { envoyBootstrap } from "../mesh/bootstrap.ts";
import { askEnvoy } from "../mesh/envoyAdmin.ts";
import { envoyLimits } from "../mesh/envoyLimits.ts";
import { envoyFilter, gatewayObjects, meshConfiguration, validationWebhook } from "../mesh/objects.ts";
import { addresses, ports } from "../network/addresses.ts";
import { caFiles, issueKubeconfig, issueServingCertificate } from "../pki.ts";
import type { PartSpec } from "../supervisor/supervisedProcess.ts";
import type { StepSpec } from "../supervisor/supervisor.ts";
import type { ControlContext } from "./context.ts";

const manager = "menagerie-local";
const envoyThreads = 2;

/**
 * Istio's namespace, roles and MeshConfig, and what Envoy cannot take: the API server heeds an admission policy a second or so after it was
 * written, which istiod's start outlasts.
 */
export function istioConfiguration(context: ControlContext): StepSpec {
  return {
    name: "istio-configuration",
    after: ["kube-apiserver"],
    run: async () => {
      const [namespace, ...others] = meshConfiguration();
      if (namespace) await applyObjects(context.admin, [namespace], manager);
      await applyObjects(context.admin, [...others, ...envoyLimits()], manager);
    },
  };
}

/** Istio's control plane: translates VirtualServices, HTTPRoutes, Gateways and policies for Envoy, and rejects invalid ones of its own kinds by its webhook. */
export async function istiod({ layout, tools }: ControlContext): Promise<PartSpec> {
  const kubeconfig = await issueKubeconfig(layout, { part: "istiod", user: "menagerie:istiod" });
  const serving = await issueServingCertificate(layout, "istiod", [addresses.host]);
  return {
    name: "istiod",
    launch: async () => ({
      command: await tools.part("pilot-discovery"),
      args: [
        "discovery",
        `--kubeconfig=${kubeconfig}`,
        "--registries=Kubernetes",
        // Empty: read from the ConfigMap, which istiod watches.
        "--meshConfig=",
        "--networksConfig=",
        `--grpcAddr=127.0.0.1:${ports.istiodXds}`,
        "--secureGRPCAddr=",
        `--httpAddr=127.0.0.1:${ports.istiodHealth}`,
        `--httpsAddr=${addresses.host}:${ports.istiodWebhook}`,
        `--monitoringAddr=127.0.0.1:${ports.istiodMetrics}`,
        `--caCertFile=${caFiles(layout).certFile}`,
        `--tlsCertFile=${serving.certFile}`,
        `--tlsKeyFile=${serving.keyFile}`,
        "--profile=false",
        "--ctrlz_port=0",
        "--shutdownDuration=1s",
        "--log_output_level=all:warn",
      ],
      env: {
        POD_NAME: "istiod",
        POD_NAMESPACE: embeddedGateway.namespace,
        CLUSTER_ID: "Kubernetes",
        REVISION: "default",
        // There is one istiod, and no sidecar that needs injection or certificates.
        ENABLE_LEADER_ELECTION: "false",
        ENABLE_CA_SERVER: "false",
        INJECTION_WEBHOOK_CONFIG_NAME: "",
        // `istioGateway` registers it with this environment's authority.
        VALIDATION_WEBHOOK_CONFIG_NAME: "",
        // Filters that only Istio's own build of Envoy has.
        // istiod waits until changes pause, 10 s at most: somebody's Service that comes and goes would hold back everybody's routes so long.
        PILOT_DEBOUNCE_MAX: "500ms",
        PILOT_ENABLE_METADATA_EXCHANGE: "false",
        PILOT_ENABLE_ALPN_FILTER: "false",
        // `istioGateway` makes the GatewayClass, and its Gateway needs no Deployment.
        PILOT_ENABLE_GATEWAY_API_GATEWAYCLASS_CONTROLLER: "false",
        PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER: "false",
      },
    }),
    after: ["istio-configuration", "crds"],
    ready: async () => (await fetch(`http://127.0.0.1:${ports.istiodHealth}/ready`, soon())).ok,
  };
}

/** The Gateways and the validation webhook. After istiod: from then on the API server stores Istio's objects only while istiod answers. */
export function istioGateway(context: ControlContext): StepSpec {
  return {
    name: "istio-gateway",
    after: ["istiod"],
    run: async () => {
      const { layout, admin } = context;
      const caBundle = (await readFile(caFiles(layout).certFile)).toString("base64");
      await applyObjects(admin, [envoyFilter(layout.socketOf("gateway"))], manager);
      await applyObjects(admin, gatewayObjects(), manager);
      await applyObjects(admin, [validationWebhook(caBundle)], manager);
    },
  };
}

/** Envoy. While istiod is away it keeps the configuration it has. */
export async function gateway({ layout, tools }: ControlContext): Promise<PartSpec> {
  const folder = join(layout.root, "gateway");
  const admin = layout.socketOf("gateway-admin");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const bootstrap = join(folder, "envoy.json");
  await writeFile(bootstrap, JSON.stringify(envoyBootstrap(admin), null, 2));
  return {
    name: "gateway",
    launch: async () => ({
      command: await tools.part("envoy"),
      args: [
        ...["--config-path", bootstrap, "--log-level", "warn", "--concurrency", String(envoyThreads)],
        "--disable-hot-restart",
        // Without this Envoy warns for each route about a deprecated field that istiod sets.
        ...["--component-log-level", "misc:error"],
      ],
    }),
    after: ["istiod"],
    drain: () => drained(admin),
    ready: async () => (await adminAnswers(admin, "/ready")) && (await hasListener(admin)),
  };
}

/** Takes no more connections, and resolves when no request is in flight. */
async function drained(socket: string): Promise<void> {
  await askEnvoy(socket, "/drain_listeners", "POST");
  const active = /^http\.outbound_.*\.downstream_rq_active: [1-9]/m;
  while (active.test((await askEnvoy(socket, "/stats?filter=downstream_rq_active")).body)) await delay(50);
}

async function hasListener(socket: string): Promise<boolean> {
  return (await askEnvoy(socket, "/listeners")).body.trim() !== "";
}

async function adminAnswers(socket: string, path: string): Promise<boolean> {
  return (await askEnvoy(socket, path)).status === 200;
}

function soon(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(1_000) };
}
