/**
 * The environment's address plan. Loopback will not do: EndpointSlices refuse 127/8, and servers that bind
 * 0.0.0.0:8080 would collide, so the cluster has a network namespace with a bridge and every pod one of its own.
 */
export const addresses = {
  /** Name of the bridge that all pods hang on. */
  bridge: "br0",
  /** The bridge's own address: control plane, gateway and PostgreSQL listen here. */
  host: "10.88.0.1",
  /** Nodes take 10.88.0.2 to 10.88.0.254 (InternalIP; secondary addresses of the bridge). */
  nodeFirst: 2,
  nodeLast: 254,
  /** Pods take 10.88.1.0 upwards inside this range. */
  podCidr: "10.88.0.0/16",
  podPrefixLength: 16,
  /** Every ClusterIP is bindable: the range is routed to `lo` as local. */
  serviceCidr: "10.96.0.0/12",
  kubernetesService: "10.96.0.1",
  dns: "10.96.0.10",
  clusterDomain: "cluster.local",
} as const;

/**
 * The hardware address of a network address in the environment. It depends on nothing else, so what a neighbour remembers of an address stays
 * right: left to itself, a bridge takes over the lowest one of its ports and changes it when that pod goes, and a pod that is set up again
 * gets a random one; in both cases packets go nowhere for some 30 s.
 */
export function hardwareAddress(address: string): string {
  const octets = address.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
  return ["0a", "58", ...octets].join(":");
}

/** TCP ports inside the namespace, on {@link addresses.host} unless said otherwise. */
export const ports = {
  apiserver: 6443,
  etcdClient: 2379,
  etcdPeer: 2380,
  controllerManager: 10257,
  scheduler: 10259,
  kserveWebhook: 9443,
  kserveHealth: 8081,
  kserveMetrics: 8082,
  tektonHealth: 8083,
  tektonMetrics: 9090,
  istiodXds: 15010,
  istiodMetrics: 15014,
  istiodWebhook: 15017,
  istiodHealth: 15018,
  postgres: 5432,
  gateway: 80,
  egress: 3128,
  /** The build service on the host, by way of a relay. */
  builder: 3129,
  /** What pods use, for the API server's aggregator. `control/manifests/identities.yaml` has it too. */
  nodeMetrics: 4443,
  /** On each node's own InternalIP. */
  kubelet: 10250,
} as const;
