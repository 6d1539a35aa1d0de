import { confined, serviceLabels, servicePodLabels, serviceProbes } from "./ownService.ts";
import type { RouteApi } from "./route.ts";

/** The guard, as its manifests are rendered. `Text` is a string, or a promise of one that is only passed on. */
export interface GuardService<Text = string> {
  readonly namespace: string;
  /** `<url>@sha256:<digest>` */
  readonly image: Text;
  /** What starts it in the image. @default what the image says */
  readonly command?: readonly string[] | undefined;
  /** Pods, of which one judges: another takes over within seconds. */
  readonly replicas: number;
  /** Secret of the same namespace with the key `url`: of the database, by the guard's own login. */
  readonly secretName: string;
  /** Changes with the Secret's content. */
  readonly secretRevision: Text;
  /** Whether the Secret has the url of an existing database with apps, as `appsUrl`. */
  readonly hasAppsUrl: boolean;
  readonly modelsNamespace: string;
  /** What routes are made of. */
  readonly routeApi: RouteApi;
  /** A Prometheus that fixed limits are asked of, `hasToken` where the Secret has its token as `prometheusToken`. @default none */
  readonly prometheus?: { readonly url: string; readonly hasToken: boolean } | undefined;
}

/** Name of its Deployment, ServiceAccount, Role and RoleBinding. */
export const guardName = "guard";
const port = 8080;
const labels = serviceLabels(guardName);
/** Labels of its pods, of all stacks' in one namespace. */
export const guardPodLabels = servicePodLabels(guardName);

/** Deployment `guard`. Nobody asks it anything but its metrics, so it has no Service. */
export function guardDeployment<Text>(guard: GuardService<Text>) {
  const { namespace, replicas } = guard;
  return {
    metadata: { name: guardName, namespace, labels },
    spec: {
      replicas,
      selector: { matchLabels: guardPodLabels },
      template: {
        metadata: {
          labels,
          annotations: {
            "menagerie.dev/database-secret": guard.secretRevision,
            "prometheus.io/scrape": "true",
            "prometheus.io/port": String(port),
          },
        },
        spec: {
          serviceAccountName: guardName,
          securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: "RuntimeDefault" } },
          containers: [container(guard)],
        },
      },
    },
  };
}

function container<Text>(guard: GuardService<Text>) {
  const { image, command, secretName, hasAppsUrl, modelsNamespace, routeApi, prometheus } = guard;
  const secret = (name: string, key: string) => ({ name, valueFrom: { secretKeyRef: { name: secretName, key } } });
  return {
    name: guardName,
    image,
    ...(command ? { command: [...command] } : {}),
    ports: [{ name: "http", containerPort: port, protocol: "TCP" }],
    env: [
      secret("MENAGERIE_DATABASE_URL", "url"),
      ...(hasAppsUrl ? [secret("MENAGERIE_MIGRATION_DATABASE_URL", "appsUrl")] : []),
      { name: "MENAGERIE_MODELS_NAMESPACE", value: modelsNamespace },
      { name: "MENAGERIE_ROUTE_API", value: routeApi },
      ...(prometheus ? [{ name: "MENAGERIE_PROMETHEUS_URL", value: prometheus.url }] : []),
      ...(prometheus?.hasToken ? [secret("MENAGERIE_PROMETHEUS_TOKEN", "prometheusToken")] : []),
      { name: "PORT", value: String(port) },
    ],
    resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "256Mi" } },
    ...serviceProbes(port, 5),
    securityContext: confined,
  };
}

/**
 * What the guard may do in the cluster: write the objects that divide the requests of the models it guards, by their names, and see the
 * pods of the models' namespace, by which it knows whether an old version can answer.
 *
 * @param objects - names of the objects that divide requests
 */
export function guardRights(namespace: string, modelsNamespace: string, api: RouteApi, objects: readonly string[]) {
  const metadata = { name: "menagerie-guard", namespace: modelsNamespace, labels };
  const [apiGroup, resource] =
    api === "gateway-api" ? ["gateway.networking.k8s.io", "httproutes"] : ["networking.istio.io", "virtualservices"];
  return {
    account: { metadata: { name: guardName, namespace, labels } },
    role: {
      metadata,
      rules: [
        { apiGroups: [apiGroup], resources: [resource], resourceNames: [...objects], verbs: ["get", "patch"] },
        { apiGroups: [""], resources: ["pods"], verbs: ["list"] },
      ],
    },
    binding: {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: metadata.name },
      subjects: [{ kind: "ServiceAccount", name: guardName, namespace }],
    },
  };
}
