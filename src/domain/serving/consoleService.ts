import { confined, serviceLabels, servicePodLabels, serviceProbes } from "./ownService.ts";
import type { Route } from "./route.ts";

/** The console, as its manifests are rendered. `Text` is a string, or a promise of one that is only passed on. */
export interface ConsoleService<Text = string> {
  readonly namespace: string;
  /** `<url>@sha256:<digest>` */
  readonly image: Text;
  /** What starts it in the image. @default what the image says */
  readonly command?: readonly string[] | undefined;
  readonly replicas: number;
  /** Secret of the same namespace with the key `url`: of the database, by the console's own login. */
  readonly secretName: string;
  /** Changes with the Secret's content. */
  readonly secretRevision: Text;
  readonly modelsNamespace: string;
  /** Name of the stack, for the pages' titles. */
  readonly environment: string;
}

/** Name of its Deployment, Service, ServiceAccount, Role and RoleBinding. */
export const consoleName = "console";
/** ConfigMap of the same namespace with the stack's shadow deployments, which is made after all that they need. */
export const shadowsConfigMap = "console-shadows";
const shadowsKey = "shadows.json";
const shadowsFolder = "/etc/menagerie-console";
const port = 8080;
const labels = serviceLabels(consoleName);
const podLabels = servicePodLabels(consoleName);

/** Service `console`; where no route leads to it: `kubectl port-forward service/console 8080:80`. */
export function consoleServiceManifest(namespace: string) {
  return {
    metadata: { name: consoleName, namespace, labels },
    spec: { selector: podLabels, ports: [{ name: "http", port: 80, targetPort: port, protocol: "TCP" }] },
  };
}

/** Takes everything that is asked of a host name to the console. */
export function consoleRoute({
  namespace,
  gateway,
  host,
}: Pick<Route, "namespace" | "gateway"> & { readonly host: string }): Route {
  return {
    name: consoleName,
    namespace,
    gateway: { ...gateway, hosts: [host] },
    labels,
    rules: [{ name: consoleName, paths: ["/"], destinations: [{ service: consoleName, namespace, port: 80 }] }],
  };
}

/** Deployment `console`. */
export function consoleDeployment<Text>(console: ConsoleService<Text>) {
  const { namespace, replicas, secretRevision } = console;
  return {
    metadata: { name: consoleName, namespace, labels },
    spec: {
      replicas,
      selector: { matchLabels: podLabels },
      template: {
        metadata: { labels, annotations: { "menagerie.dev/database-secret": secretRevision } },
        spec: {
          serviceAccountName: consoleName,
          securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: "RuntimeDefault" } },
          containers: [container(console)],
          volumes: [{ name: "shadows", configMap: { name: shadowsConfigMap, optional: true } }],
        },
      },
    },
  };
}

function container<Text>({ image, command, secretName, modelsNamespace, environment }: ConsoleService<Text>) {
  return {
    name: consoleName,
    image,
    ...(command ? { command: [...command] } : {}),
    ports: [{ name: "http", containerPort: port, protocol: "TCP" }],
    env: [
      { name: "MENAGERIE_DATABASE_URL", valueFrom: { secretKeyRef: { name: secretName, key: "url" } } },
      { name: "MENAGERIE_ENVIRONMENT_NAME", value: environment },
      { name: "MENAGERIE_MODELS_NAMESPACE", value: modelsNamespace },
      { name: "MENAGERIE_SHADOWS_FILE", value: `${shadowsFolder}/${shadowsKey}` },
      { name: "PORT", value: String(port) },
    ],
    volumeMounts: [{ name: "shadows", mountPath: shadowsFolder, readOnly: true }],
    resources: { requests: { cpu: "20m", memory: "128Mi" }, limits: { memory: "256Mi" } },
    ...serviceProbes(port, 5),
    securityContext: confined,
  };
}

/** The shadow deployments that the console shows, as the stack's output has them. The pods' file follows it within a minute or two. */
export function shadowsOfConsole(namespace: string, shadows: Readonly<Record<string, object>>) {
  return {
    metadata: { name: shadowsConfigMap, namespace, labels },
    data: { [shadowsKey]: JSON.stringify(shadows) },
  };
}

/**
 * What the console may see in the cluster: what serves in the models' namespace and how it stands, and which nodes have GPUs. It changes
 * nothing.
 */
export function consoleRights(namespace: string, modelsNamespace: string) {
  const metadata = { name: "menagerie-console", namespace: modelsNamespace, labels };
  const verbs = ["list"];
  // Two stacks of a cluster have a console each.
  const ofCluster = { name: `menagerie-console-${modelsNamespace}`, labels };
  const subjects = [{ kind: "ServiceAccount", name: consoleName, namespace }];
  return {
    account: { metadata: { name: consoleName, namespace, labels } },
    role: {
      metadata,
      rules: [
        { apiGroups: ["serving.kserve.io"], resources: ["inferenceservices"], verbs },
        { apiGroups: ["apps"], resources: ["deployments", "replicasets"], verbs },
        { apiGroups: [""], resources: ["pods", "services"], verbs },
      ],
    },
    binding: {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: metadata.name },
      subjects,
    },
    clusterRole: {
      metadata: ofCluster,
      rules: [
        { apiGroups: [""], resources: ["nodes"], verbs },
        { apiGroups: ["karpenter.sh"], resources: ["nodepools"], verbs },
      ],
    },
    clusterBinding: {
      metadata: ofCluster,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: ofCluster.name },
      subjects,
    },
  };
}
