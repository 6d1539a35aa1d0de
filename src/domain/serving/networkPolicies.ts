import { consoleName } from "./consoleService.ts";
import { guardName } from "./guardService.ts";
import { platformMetadata } from "./platformMetadata.ts";
import { developmentLevel, labels } from "./servedModel.ts";

/** Namespaces between which requests go. */
export interface NetworkZones {
  /** Of the models. */
  readonly models: string;
  /** Of the API service; undefined for a stack without one. */
  readonly services?: string | undefined;
  /** Whether the guard of rollouts runs beside the API service. @default false */
  readonly guard?: boolean | undefined;
  /** Whether the console runs beside the API service, and the gateway leads to it. @default it does not run */
  readonly console?: "inside" | "routed" | undefined;
  /** Of a PostgreSQL that the stack makes. */
  readonly database?: string | undefined;
  /** Of the gateway's pods. */
  readonly gateway: string;
  /** Others that reach everything: Knative, Prometheus. */
  readonly allowFrom: readonly string[];
}

/** Who may be at the other end of a connection. */
type Peer =
  | { readonly podSelector: object }
  | { readonly namespaceSelector: { matchExpressions: { key: string; operator: string; values: string[] }[] } }
  | { readonly ipBlock: { cidr: string; except: string[] } };

interface NetworkPolicyManifest {
  readonly metadata: { name: string; namespace: string; labels: Record<string, string> };
  readonly spec: {
    podSelector: { matchExpressions?: { key: string; operator: string; values?: string[] }[] };
    policyTypes: string[];
    ingress: { from: Peer[]; ports?: { port: number; protocol: string }[] }[];
    egress?: { to: Peer[] }[];
  };
}

/** Where clouds answer a pod with its node's credentials (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html). */
const metadataService = { v4: "169.254.169.254/32", v6: "fd00:ec2::254/128" };

const anyModel = { key: "serving.kserve.io/inferenceservice", operator: "Exists" };
const named = (operator: "In" | "NotIn", ...values: string[]) => ({ key: "app.kubernetes.io/name", operator, values });
const level = (operator: "In" | "NotIn") => ({ key: labels.serviceLevel, operator, values: [developmentLevel] });

/**
 * The NetworkPolicies (networking.k8s.io/v1) of a stack. A pod that one of them selects is reached from the namespaces it names
 * and no others. Models run code of many people: none of them reaches a development version, whose port carries its
 * control server, nor the node's credentials.
 */
export function networkPolicyManifests(zones: NetworkZones) {
  const { models, services, guard = false, console, database, gateway, allowFrom } = zones;
  const platform = [gateway, ...(services === undefined ? [] : [services]), ...allowFrom];
  const ofModels = (operator: "In" | "NotIn", ...from: string[]) => ({
    podSelector: { matchExpressions: [anyModel, level(operator)] },
    policyTypes: ["Ingress", "Egress"],
    ingress: [{ from: namespaces(...from) }],
    egress: [{ to: anywhereElse }],
  });
  const policies: NetworkPolicyManifest[] = [
    manifest("models", models, ofModels("NotIn", models, ...platform)),
    manifest("development-versions", models, ofModels("In", ...platform)),
  ];
  const everyPod = { podSelector: {}, policyTypes: ["Ingress"] };
  if (services !== undefined) {
    const from = namespaces(gateway, models, ...allowFrom);
    const apart = [...(console ? [consoleName] : []), ...(guard ? [guardName] : [])];
    const others = apart.length > 0 ? { podSelector: { matchExpressions: [named("NotIn", ...apart)] } } : {};
    policies.push(manifest("services", services, { ...everyPod, ...others, ingress: [{ from }] }));
    // Nobody asks the guard anything but its metrics. People reach the console through the node (`kubectl port-forward`), or from a namespace
    // that is named, and by the gateway where a route is declared; models do not.
    for (const name of apart) {
      const others = [...allowFrom, ...(name === consoleName && console === "routed" ? [gateway] : [])];
      const ingress = others.length > 0 ? [{ from: namespaces(...others) }] : [];
      const own = { podSelector: { matchExpressions: [named("In", name)] }, policyTypes: ["Ingress"] };
      policies.push(manifest(name, services, { ...own, ingress }));
    }
  }
  if (database !== undefined) {
    const own = [{ podSelector: {} }];
    const clients = namespaces(models, ...(services === undefined ? [] : [services]), ...allowFrom);
    const ingress = [{ from: own }, { from: clients, ports: [{ port: 5432, protocol: "TCP" }] }];
    policies.push(manifest("database", database, { ...everyPod, ingress }));
  }
  return policies;
}

const anywhereElse: Peer[] = [
  { ipBlock: { cidr: "0.0.0.0/0", except: [metadataService.v4] } },
  { ipBlock: { cidr: "::/0", except: [metadataService.v6] } },
];

const namespaces = (...names: string[]): Peer[] => [
  {
    namespaceSelector: {
      matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "In", values: [...new Set(names)].sort() }],
    },
  },
];

function manifest(name: string, namespace: string, spec: NetworkPolicyManifest["spec"]): NetworkPolicyManifest {
  return { metadata: platformMetadata(name, namespace), spec };
}
