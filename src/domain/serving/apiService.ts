import { makesContexts, mountsOf, type Pushes, pushEnvironment, volumesOf } from "./apiPushes.ts";
import { confined, serviceLabels, servicePodLabels, serviceProbes } from "./ownService.ts";
import { type Backend, hostOf, type Route, type RouteApi } from "./route.ts";

/** The API service, as its manifests are rendered. `Text` is a string, or a promise of one that is only passed on. */
export interface ApiService<Text = string> extends Pushes {
  readonly namespace: string;
  /** `<url>@sha256:<digest>` */
  readonly image: Text;
  /** Secret of the same namespace with the keys `url` (of the database), `adminKey` and `signingKey`. */
  readonly secretName: string;
  /** Changes with the Secret's content. */
  readonly secretRevision: Text;
  readonly modelsNamespace: string;
  readonly requireApiKey: boolean;
  /** Whether the limits of keys and organizations hold. @default true */
  readonly holdsLimits?: boolean;
  /** Pods. */
  readonly replicas: number;
  /** Whose answers it counts. @default nobody's */
  readonly countedGateway?: CountedGateway | undefined;
  /** A Prometheus that it asks for them, `hasToken` where the Secret has its token as `prometheusToken`. @default the gateway's pods themselves */
  readonly prometheus?: { readonly url: string; readonly hasToken: boolean } | undefined;
}

/** A gateway whose answers are counted: by the Gateway, whose pods are looked for, or by the address of its statistics. */
export type CountedGateway =
  | { readonly namespace: string; readonly name: string; readonly api: RouteApi }
  | { readonly url: string };

const containerPort = 8080;
/**
 * Port of the API service's pods for requests to versions that may sleep; nothing else is answered there. It listens to a header that
 * routes set over whatever a client sent; the other port does not look at it.
 */
export const activatorPort = 8081;
/** The same for copies, which have the headers of the request that they are copies of: another header says whose they are. */
export const copiesPort = 8082;
/** The same for requests of batches, which a gateway must not count for the version that answers: a header of their own says which. */
export const batchesPort = 8083;
/** Name of the ServiceAccount. */
export const apiAccount = "api";
/** Predictions in flight may take so long after SIGTERM, in seconds. */
const terminationGraceSeconds = 60;
const labels = serviceLabels("api");
/** Labels of its pods, of all stacks' in one namespace. */
export const apiPodLabels = servicePodLabels("api");
const selector = apiPodLabels;

/** Deployment and Service `api`: port 80 of the Service is 8080 of the pods. */
export function apiService<Text>(api: ApiService<Text>) {
  const { namespace, replicas } = api;
  return {
    deployment: {
      metadata: { name: "api", namespace, labels },
      spec: {
        replicas,
        selector: { matchLabels: selector },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        template: {
          metadata: {
            labels,
            annotations: {
              "menagerie.dev/database-secret": api.secretRevision,
              "prometheus.io/scrape": "true",
              "prometheus.io/port": String(containerPort),
            },
          },
          spec: {
            serviceAccountName: apiAccount,
            terminationGracePeriodSeconds: terminationGraceSeconds,
            securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: "RuntimeDefault" } },
            containers: [container(api)],
            ...volumesOf(api),
          },
        },
      },
    },
    service: {
      metadata: { name: "api", namespace, labels },
      spec: { selector, ports: [{ name: "http", port: 80, targetPort: containerPort, protocol: "TCP" }] },
    },
  };
}

function container<Text>(api: ApiService<Text>) {
  const secret = (name: string, key: string) => ({ name, valueFrom: { secretKeyRef: { name: api.secretName, key } } });
  return {
    name: "api",
    image: api.image,
    ports: [
      { name: "http", containerPort, protocol: "TCP" },
      { name: "activator", containerPort: activatorPort, protocol: "TCP" },
      { name: "copies", containerPort: copiesPort, protocol: "TCP" },
      { name: "batches", containerPort: batchesPort, protocol: "TCP" },
    ],
    env: [
      secret("MENAGERIE_DATABASE_URL", "url"),
      secret("MENAGERIE_ADMIN_KEY", "adminKey"),
      secret("MENAGERIE_SIGNING_KEY", "signingKey"),
      { name: "MENAGERIE_MODELS_NAMESPACE", value: api.modelsNamespace },
      { name: "MENAGERIE_SERVICES_NAMESPACE", value: api.namespace },
      { name: "MENAGERIE_REQUIRE_API_KEY", value: String(api.requireApiKey) },
      ...(api.holdsLimits === false ? [{ name: "MENAGERIE_LIMITS", value: "false" }] : []),
      ...pushEnvironment(api, secret),
      ...countingEnvironment(api, secret),
      { name: "PORT", value: String(containerPort) },
    ],
    resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: makesContexts(api) ? "1Gi" : "512Mi" } },
    ...serviceProbes(containerPort, 2),
    ...mountsOf(api),
    securityContext: confined,
  };
}

function countingEnvironment<Text, Secret>(
  { countedGateway, prometheus }: ApiService<Text>,
  secret: (name: string, key: string) => Secret,
) {
  return [
    { name: "MENAGERIE_POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    ...(countedGateway ? [{ name: "MENAGERIE_COUNTED_GATEWAY", value: JSON.stringify(countedGateway) }] : []),
    ...(prometheus ? [{ name: "MENAGERIE_PROMETHEUS_URL", value: prometheus.url }] : []),
    ...(prometheus?.hasToken ? [secret("MENAGERIE_PROMETHEUS_TOKEN", "prometheusToken")] : []),
  ];
}

/** What the service answers at the gateway: predictions of apps, development versions, and what the truss client asks. */
const publicPaths = ["/models/", "/v1/", "/graphql/", "/hosts/", "/menagerie-uploads/"];

/** The API service as routes lead to it. */
export function apiBackend(namespace: string): Backend {
  return { service: "api", namespace, port: 80 };
}

/** The API service's url as pods reach it. */
export function apiUrlInCluster(namespace: string): string {
  return `http://${hostOf(apiBackend(namespace))}`;
}

/**
 * What the API service may do in the cluster, in the models' namespace alone: follow development versions and their
 * pods, replace a pod, stop and start a version; where clients push, make and delete services; and read what is served, to settle deployments that never came to their end.
 */
export function apiRights(
  namespace: string,
  modelsNamespace: string,
  { pushes = false }: { readonly pushes?: boolean } = {},
) {
  const metadata = { name: "menagerie-api", namespace: modelsNamespace, labels };
  return {
    account: { metadata: { name: apiAccount, namespace, labels } },
    role: {
      metadata,
      rules: [
        { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch", "delete"] },
        { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
        {
          apiGroups: ["serving.kserve.io"],
          resources: ["inferenceservices"],
          verbs: ["get", "list", "watch", "patch", ...(pushes ? ["create", "delete"] : [])],
        },
        // Both: of a stack that moves to the other API, some routes are the one and some the other.
        { apiGroups: ["networking.istio.io"], resources: ["virtualservices"], verbs: ["get", "list"] },
        { apiGroups: ["gateway.networking.k8s.io"], resources: ["httproutes"], verbs: ["get", "list"] },
      ],
    },
    binding: {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: metadata.name },
      subjects: [{ kind: "ServiceAccount", name: apiAccount, namespace }],
    },
  };
}

/**
 * What counting takes besides: to see which of the service's own pods there are, so that one that is gone is not waited for, and the
 * gateway's pods, with the Gateway that says which these are. One Role and its binding for each namespace.
 */
export function countingRights(namespace: string, modelsNamespace: string, gateway: CountedGateway | undefined) {
  const pods = { apiGroups: [""], resources: ["pods"], verbs: ["list"] };
  const own = { name: "menagerie-api-pods", space: namespace, rules: [pods] };
  if (!gateway || "url" in gateway) return [bound(own, namespace)];
  const gateways = {
    apiGroups: ["networking.istio.io"],
    resources: ["gateways"],
    resourceNames: [gateway.name],
    verbs: ["get"],
  };
  const rules = gateway.api === "istio" ? [pods, gateways] : [pods];
  // Stacks may share a gateway.
  return [
    bound(own, namespace),
    bound({ name: `${modelsNamespace}-counts`, space: gateway.namespace, rules }, namespace),
  ];
}

function bound(
  { name, space, rules }: { readonly name: string; readonly space: string; readonly rules: PolicyRule[] },
  namespace: string,
) {
  const metadata = { name, namespace: space, labels };
  return {
    role: { metadata, rules },
    binding: {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name: apiAccount, namespace }],
    },
  };
}

interface PolicyRule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

/** Takes the service's paths at the gateway to the API service. */
export function apiRoute({ namespace, gateway }: Pick<Route, "namespace" | "gateway">): Route {
  return {
    name: "api",
    namespace,
    gateway,
    labels,
    rules: [{ name: "api", paths: publicPaths, destinations: [apiBackend(namespace)] }],
  };
}
