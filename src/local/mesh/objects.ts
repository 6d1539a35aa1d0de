import type { KubernetesObject } from "@kubernetes/client-node";
import { dump } from "js-yaml";
import { embeddedGateway } from "../../domain/serving/embeddedGateway.ts";
import { gatewayFilter } from "../../domain/serving/gatewayFilter.ts";
import { queryKeyPatch } from "../../domain/serving/queryKeys.ts";
import { readyAtOnce } from "../../domain/serving/readyAtOnce.ts";
import { addresses, ports } from "../network/addresses.ts";
import { endsLogger, proxyStatsMatcher } from "./statistics.ts";

const { name: gatewayName, namespace: meshNamespace, labels: gatewayLabels } = embeddedGateway;

type IstioObject = KubernetesObject & Readonly<Record<string, unknown>>;

/** What istiod needs before it starts: its namespace, its role and the mesh's configuration. */
export function meshConfiguration(): readonly IstioObject[] {
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: meshNamespace } },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "menagerie:istiod" },
      rules: [
        {
          apiGroups: ["networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io"],
          resources: ["*"],
          verbs: ["get", "list", "watch"],
        },
        { apiGroups: ["gateway.networking.k8s.io"], resources: ["*"], verbs: ["get", "list", "watch"] },
        {
          apiGroups: ["gateway.networking.k8s.io"],
          resources: ["gatewayclasses/status", "gateways/status", "httproutes/status"],
          verbs: ["update", "patch"],
        },
        {
          apiGroups: ["apiextensions.k8s.io"],
          resources: ["customresourcedefinitions"],
          verbs: ["get", "list", "watch"],
        },
        {
          apiGroups: [""],
          resources: [
            "configmaps",
            "endpoints",
            "namespaces",
            "nodes",
            "pods",
            "secrets",
            "serviceaccounts",
            "services",
          ],
          verbs: ["get", "list", "watch"],
        },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["get", "list", "watch"] },
        {
          apiGroups: ["networking.k8s.io"],
          resources: ["ingresses", "ingressclasses"],
          verbs: ["get", "list", "watch"],
        },
        {
          apiGroups: ["admissionregistration.k8s.io"],
          resources: ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
          verbs: ["get", "list", "watch"],
        },
      ],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "menagerie:istiod" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "menagerie:istiod" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "menagerie:istiod" }],
    },
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "istio", namespace: meshNamespace },
      data: { mesh: dump(meshConfig), meshNetworks: "networks: {}" },
    },
  ];
}

/** MeshConfig (https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/), with the provider of docs/operations.md. */
const meshConfig = {
  trustDomain: addresses.clusterDomain,
  rootNamespace: meshNamespace,
  // No collector is here, and Envoy would write into every hundredth UUID of `x-request-id` that it samples the request.
  enableTracing: false,
  // Pods have no sidecars, so nothing ends mutual TLS.
  enableAutoMtls: false,
  // Counts of requests are made from what this has gateways keep.
  defaultConfig: { proxyStatsMatcher },
  extensionProviders: [
    {
      name: "menagerie-keys",
      envoyExtAuthzHttp: {
        service: `api.menagerie.svc.${addresses.clusterDomain}`,
        port: 80,
        pathPrefix: "/authorize",
        timeout: "5s",
        includeRequestHeadersInCheck: ["authorization", "x-api-key", "x-request-id"],
        headersToUpstreamOnAllow: ["x-menagerie-usage", "x-menagerie-organization"],
        headersToDownstreamOnAllow: ["x-ratelimit-*"],
        headersToDownstreamOnDeny: ["content-type", "retry-after*", "x-ratelimit-*", "x-should-retry", "x-request-id"],
        statusOnError: "503",
      },
    },
  ],
};

/** Service by which Gateway API's Gateway finds the Envoy that serves it. */
const gatewayService = embeddedGateway.service;
const gatewayClass = "istio";

/** The Gateways of both APIs, which are one listener of the same Envoy. {@link envoyFilter} comes first: it says where that listens. */
export function gatewayObjects(): readonly IstioObject[] {
  const inMesh = { name: gatewayName, namespace: meshNamespace };
  const port = { name: "http", port: ports.gateway, protocol: "TCP" };
  return [
    {
      apiVersion: "networking.istio.io/v1",
      kind: "Gateway",
      metadata: inMesh,
      spec: {
        selector: gatewayLabels,
        servers: [{ hosts: ["*"], port: { number: ports.gateway, name: "http", protocol: "HTTP" } }],
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: gatewayService, namespace: meshNamespace },
      spec: { clusterIP: "None", selector: gatewayLabels, ports: [port] },
    },
    // No pod is behind it.
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: gatewayService,
        namespace: meshNamespace,
        labels: {
          "kubernetes.io/service-name": gatewayService,
          "endpointslice.kubernetes.io/managed-by": "menagerie.dev",
        },
      },
      addressType: "IPv4",
      endpoints: [{ addresses: [addresses.host], conditions: { ready: true } }],
      ports: [port],
    },
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "GatewayClass",
      metadata: { name: gatewayClass },
      spec: { controllerName: "istio.io/gateway-controller" },
    },
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "Gateway",
      metadata: inMesh,
      spec: {
        gatewayClassName: gatewayClass,
        // Without a Deployment of its own (https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#manual-deployment).
        addresses: [{ type: "Hostname", value: `${gatewayService}.${meshNamespace}.svc.${addresses.clusterDomain}` }],
        listeners: [
          { name: "http", port: ports.gateway, protocol: "HTTP", allowedRoutes: { namespaces: { from: "All" } } },
        ],
      },
    },
  ];
}

/** What Istio has no field for: the listener is on the bridge and on the unix socket `socket`, and Envoy's own answers have a sentence. */
export function envoyFilter(socket: string): IstioObject {
  return {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata: { name: gatewayName, namespace: meshNamespace },
    spec: {
      workloadSelector: { labels: gatewayLabels },
      configPatches: [
        {
          applyTo: "LISTENER",
          match: { context: "GATEWAY", listener: { portNumber: ports.gateway } },
          patch: {
            operation: "MERGE",
            value: {
              // Not on every address: the Service proxy binds port 80 of ClusterIPs.
              address: { socket_address: { address: addresses.host, port_value: ports.gateway } },
              // The host's relay connects here, one hop less than by TCP.
              additional_addresses: [{ address: { pipe: { path: socket } } }],
            },
          },
        },
        {
          applyTo: "NETWORK_FILTER",
          match: {
            context: "GATEWAY",
            listener: { filterChain: { filter: { name: "envoy.filters.network.http_connection_manager" } } },
          },
          patch: { operation: "MERGE", value: { typed_config: connectionManager } },
        },
        queryKeyPatch("/serving/"),
        readyAtOnce,
        serviceOnItsWay,
      ],
    },
  };
}

/**
 * Envoy learns of a Service before it learns of a route to it, but asks for its endpoints only then, so a route may come first. Requests wait
 * for the Service instead of being answered with 503; one that is not there is answered so after this time.
 */
const serviceOnItsWay = gatewayFilter({
  name: "envoy.filters.http.on_demand",
  // istiod's build has no such type, and passes on what it does not know in this form only.
  typed_config: {
    "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
    type_url: "type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand",
    value: {
      odcds: { source: { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" }, timeout: "5s" },
    },
  },
});

/** Answers of Envoy's own: what its response flags mean (https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage). */
const ownAnswers: readonly (readonly [flags: readonly string[], sentence: string])[] = [
  [["NR"], 'no VirtualService or HTTPRoute for host "%REQ(:AUTHORITY)%" has a route for %REQ(:METHOD)% %REQ(:PATH)%'],
  [["NC"], "the route leads to a Service that does not exist"],
  [["UH"], "none of the pods of %UPSTREAM_CLUSTER_RAW% is ready"],
  [["UF"], "%UPSTREAM_CLUSTER_RAW% accepts no connections: %UPSTREAM_TRANSPORT_FAILURE_REASON%"],
  [["UC"], "%UPSTREAM_CLUSTER_RAW% closed the connection before it answered"],
  [["UT"], "%UPSTREAM_CLUSTER_RAW% did not answer within the time that the route allows"],
];

const responseFlags = (flags?: readonly string[]) => ({ response_flag_filter: flags ? { flags } : {} });

/** Fields of HttpConnectionManager. Answers of models, direct responses and the key check carry none of these flags and stay as they are. */
const connectionManager = {
  "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
  // Envoy would replace the ids of clients outside its trusted networks; rows of predictions are found by the client's id.
  preserve_external_request_id: true,
  local_reply_config: {
    mappers: ownAnswers.map(([flags, sentence]) => ({
      filter: responseFlags(flags),
      body_format_override: { json_format: { error: sentence } },
    })),
  },
  access_log: [
    endsLogger,
    {
      name: "envoy.access_loggers.file",
      // Only requests that Envoy answered itself, without their queries.
      filter: responseFlags(),
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
        path: "/dev/stderr",
        log_format: {
          text_format_source: {
            inline_string:
              "%START_TIME% %RESPONSE_CODE% %RESPONSE_FLAGS% %REQ(:METHOD)% %PATH(NQ:ORIG_OR_PATH)% %UPSTREAM_CLUSTER_RAW% %RESPONSE_CODE_DETAILS%\n",
          },
        },
      },
    },
  ],
};

/** Istio's validation webhook, as its own installation registers it. */
export function validationWebhook(caBundle: string): IstioObject {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "istio-validator-istio-system" },
    webhooks: [
      {
        name: "rev.validation.istio.io",
        clientConfig: { url: `https://${addresses.host}:${ports.istiodWebhook}/validate`, caBundle },
        rules: [
          {
            operations: ["CREATE", "UPDATE"],
            apiGroups: ["security.istio.io", "networking.istio.io", "telemetry.istio.io", "extensions.istio.io"],
            apiVersions: ["*"],
            resources: ["*"],
          },
        ],
        failurePolicy: "Fail",
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
      },
    ],
  };
}
