import { join } from "node:path";
import { request } from "../../adapters/kubernetes/request.ts";
import { addresses, ports } from "../network/addresses.ts";
import {
  caFiles,
  frontProxy,
  issueClientCertificate,
  issueKubeconfig,
  issueServingCertificate,
  serviceAccountKeyFiles,
} from "../pki.ts";
import type { PartSpec } from "../supervisor/supervisedProcess.ts";
import type { ControlContext } from "./context.ts";
import { storedCrdsStep } from "./crds.ts";
import { etcdUrl } from "./etcd.ts";

const issuer = `https://kubernetes.default.svc.${addresses.clusterDomain}`;

/** kube-apiserver with Node and RBAC authorization; it reaches nodes with a client certificate of its own. */
export async function apiserver({ layout, tools, admin }: ControlContext): Promise<PartSpec> {
  const serving = await issueServingCertificate(layout, "apiserver", [
    addresses.host,
    addresses.kubernetesService,
    "127.0.0.1",
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    `kubernetes.default.svc.${addresses.clusterDomain}`,
  ]);
  const kubeletClient = await issueClientCertificate(layout, {
    part: "apiserver-kubelet-client",
    user: "kube-apiserver-kubelet-client",
  });
  const aggregator = await issueClientCertificate(layout, frontProxy);
  const serviceAccount = serviceAccountKeyFiles(layout);
  return {
    name: "kube-apiserver",
    launch: async () => ({
      command: await tools.part("kube-apiserver"),
      args: [
        `--etcd-servers=${etcdUrl}`,
        `--bind-address=${addresses.host}`,
        `--advertise-address=${addresses.host}`,
        `--secure-port=${ports.apiserver}`,
        `--tls-cert-file=${serving.certFile}`,
        `--tls-private-key-file=${serving.keyFile}`,
        `--client-ca-file=${caFiles(layout).certFile}`,
        `--service-account-issuer=${issuer}`,
        `--service-account-key-file=${serviceAccount.publicKeyFile}`,
        `--service-account-signing-key-file=${serviceAccount.privateKeyFile}`,
        `--service-cluster-ip-range=${addresses.serviceCidr}`,
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction,ServiceAccount",
        "--allow-privileged=true",
        `--kubelet-certificate-authority=${caFiles(layout).certFile}`,
        `--kubelet-client-certificate=${kubeletClient.certFile}`,
        `--kubelet-client-key=${kubeletClient.keyFile}`,
        "--kubelet-preferred-address-types=InternalIP",
        // One authority signs all certificates here, so the name decides who may say on whose behalf it asks.
        `--requestheader-client-ca-file=${caFiles(layout).certFile}`,
        `--requestheader-allowed-names=${frontProxy.user}`,
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        `--proxy-client-cert-file=${aggregator.certFile}`,
        `--proxy-client-key-file=${aggregator.keyFile}`,
      ],
    }),
    after: ["etcd", storedCrdsStep],
    ready: async () => {
      await request(admin, "GET", "/readyz", { signal: AbortSignal.timeout(2_000) });
      return true;
    },
  };
}

export async function controllerManager({ layout, tools }: ControlContext): Promise<PartSpec> {
  const kubeconfig = await issueKubeconfig(layout, {
    part: "kube-controller-manager",
    user: "system:kube-controller-manager",
  });
  return {
    name: "kube-controller-manager",
    launch: async () => ({
      command: await tools.part("kube-controller-manager"),
      args: [
        ...componentFlags(kubeconfig, ports.controllerManager, join(layout.pki, "kube-controller-manager-serving")),
        "--use-service-account-credentials=true",
        `--root-ca-file=${caFiles(layout).certFile}`,
        `--service-account-private-key-file=${serviceAccountKeyFiles(layout).privateKeyFile}`,
        "--allocate-node-cidrs=false",
        // A cluster's are 15 s and 5 min: here somebody waits to see it.
        "--horizontal-pod-autoscaler-sync-period=5s",
        "--horizontal-pod-autoscaler-downscale-stabilization=30s",
      ],
    }),
    after: ["kube-apiserver"],
    ready: () => healthy(ports.controllerManager),
  };
}

export async function scheduler({ layout, tools }: ControlContext): Promise<PartSpec> {
  const kubeconfig = await issueKubeconfig(layout, { part: "kube-scheduler", user: "system:kube-scheduler" });
  return {
    name: "kube-scheduler",
    launch: async () => ({
      command: await tools.part("kube-scheduler"),
      args: componentFlags(kubeconfig, ports.scheduler, join(layout.pki, "kube-scheduler-serving")),
    }),
    after: ["kube-apiserver"],
    ready: () => healthy(ports.scheduler),
  };
}

function componentFlags(kubeconfig: string, port: number, certDir: string): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    "--leader-elect=false",
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    `--cert-dir=${certDir}`,
  ];
}

/** Whether a component answers /healthz. Its certificate is self-signed and on loopback, so it is not verified. */
async function healthy(port: number): Promise<boolean> {
  const { Agent, fetch } = await import("undici");
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  try {
    const signal = AbortSignal.timeout(2_000);
    return (await fetch(`https://127.0.0.1:${port}/healthz`, { dispatcher, signal })).ok;
  } finally {
    await dispatcher.close();
  }
}
