import type { RefusalEntry } from "./entry.ts";

/** Namespaces, services, databases and builds: what a stack needs around its models. */
export const clusterRefusals = {
  "namespace.reserved": {
    says: "{namespace} belongs to the cluster{there}",
    fix: "{change}",
    cause: "What runs in a namespace of the cluster's own would mix with it, and go when the stack goes.",
  },
  "namespace.shared": {
    says: "{namespace} {holds}",
    fix: "{change}",
    cause: "Rights and network policies are per namespace.",
  },
  "gateway.url-missing": {
    says: "missing",
    fix: "give the address clients use, or run through `menagerie`, which sets MENAGERIE_GATEWAY_URL",
    cause: "Outputs and the API service name the address that predictions are sent to.",
  },
  "gateway.host-names": {
    says: "has {count} host names, and an HTTPRoute takes {limit}",
    fix: "use a wildcard such as *.example.com, or set {api} to istio",
    cause: "HTTPRoute has this bound, whoever serves it.",
  },
  "gateway.host-name": {
    says: "{host} is not a host name that an HTTPRoute can have",
    fix: "write it as in DNS, or set {api} to istio",
    cause: "The API server refuses an HTTPRoute with such a host name.",
  },
  "gateway.shadows": {
    says: "has {count} shadows, and an HTTPRoute copies requests to {limit}",
    fix: "remove some, or set {api} to istio",
    cause: "A rule of an HTTPRoute has 16 filters; the rewrite, the removal of headers and each copy are one each.",
  },
  "mesh.gateway-pods-missing": {
    says: "missing",
    fix: "write {<label>: <value>}, such as {istio: ingressgateway}",
    cause: "A rule for a Gateway of Istio's own API finds the gateway's pods by their labels.",
  },
  "mesh.key-check-without-api": {
    says: "the gateway asks the API service, which a stack without a database has not",
    fix: "set {database} or {postgresCluster}, or remove the key",
    cause: "Keys are rows of the platform's database.",
  },
  "services.image-missing": {
    says: "missing",
    fix: "give the image of the services as <url>@sha256:<digest>, or remove {database}",
    cause: "Only the local environment makes the services' image of the checkout.",
  },
  "database.two": {
    says: "the platform's tables are on the server of {database} already",
    fix: "remove one of the two keys",
    cause: "The platform has one database.",
  },
  "database.needed": {
    says: "{kept} kept in the platform's database, which this stack does not have",
    fix: "{set}, or remove the key",
    cause: "Patches, predictions and states are rows of the platform's database.",
  },
  "builds.registry-key": {
    says: "only builds by Tekton push to a registry",
    fix: "set {kind} to tekton, or remove the key",
    cause: "Directory images stay in the local image store.",
  },
  "builds.local-registry": {
    says: "the local environment has no registry, and keeps directory images",
    fix: "remove the key",
    cause: "Directory images stay in the local image store.",
  },
  "builds.key-missing": {
    says: "missing",
    fix: "{give}",
    cause: "Builds in a cluster push their images to a registry.",
  },
} as const satisfies Record<string, RefusalEntry>;
