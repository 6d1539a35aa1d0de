import { labels, type Toleration } from "../serving/servedModel.ts";
import type { RunnableModel } from "./combination.ts";
import { type TrialPodSettings, trialPod } from "./pod.ts";

/** Label of a trial's namespace; its value is the trial's id. */
export const trialLabel = "menagerie.dev/trial";
/** Label of its pods: `model`, or `keeper`. */
const partLabel = "menagerie.dev/trial-part";
const leaseName = "owner";
const keeperName = "keeper";
const modelAccountName = "model";
/** A lease that nobody has renewed for so long is nobody's, in seconds. */
export const leaseSeconds = 60;
/** What the keeper takes: it looks at one object now and then. */
const keeperResources = { cpu: "10m", memory: "64Mi" };

/** Where a trial runs in a cluster. */
export interface ClusterPlace {
  /** Of the trial: 8 hex digits. */
  readonly id: string;
  /** Node pool of its pods. */
  readonly pool: string;
  /** Of the pool's taints. */
  readonly tolerations: readonly Toleration[];
}

/** Label selector of the models' pods. */
export const modelSelector = `${partLabel}=model`;

export function trialNamespaceOf(id: string): string {
  return `menagerie-trial-${id}`;
}

/** @param owner - who began it, such as `ada@laptop` */
export function namespaceObject(id: string, owner: string, deadline: Date) {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: trialNamespaceOf(id),
      labels: { [trialLabel]: id, "app.kubernetes.io/managed-by": "menagerie" },
      annotations: { "menagerie.dev/owner": owner, "menagerie.dev/deadline": deadline.toISOString() },
    },
  };
}

/** What the keeper may do: read the owner's lease, and delete this one namespace, with which these objects go, too. */
export function keeperRights(id: string, namespaceUid: string) {
  const namespace = trialNamespaceOf(id);
  // The garbage collector deletes them with their owner; both are of the cluster.
  const ownerReferences = [{ apiVersion: "v1", kind: "Namespace", name: namespace, uid: namespaceUid }];
  const group = "rbac.authorization.k8s.io";
  const subjects = [{ kind: "ServiceAccount", name: keeperName, namespace }];
  const ofCluster = { name: namespace, labels: { [trialLabel]: id }, ownerReferences };
  const inNamespace = { name: keeperName, namespace };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: inNamespace },
    {
      apiVersion: `${group}/v1`,
      kind: "ClusterRole",
      metadata: ofCluster,
      rules: [{ apiGroups: [""], resources: ["namespaces"], resourceNames: [namespace], verbs: ["delete"] }],
    },
    {
      apiVersion: `${group}/v1`,
      kind: "ClusterRoleBinding",
      metadata: ofCluster,
      roleRef: { apiGroup: group, kind: "ClusterRole", name: namespace },
      subjects,
    },
    {
      apiVersion: `${group}/v1`,
      kind: "Role",
      metadata: inNamespace,
      rules: [
        { apiGroups: ["coordination.k8s.io"], resources: ["leases"], resourceNames: [leaseName], verbs: ["get"] },
      ],
    },
    {
      apiVersion: `${group}/v1`,
      kind: "RoleBinding",
      metadata: inNamespace,
      roleRef: { apiGroup: group, kind: "Role", name: keeperName },
      subjects,
    },
  ];
}

/** Path of the owner's lease in the API. */
export function leasePath(namespace: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${leaseName}`;
}

/** The owner's word that it is there. @param now - of its clock, which nobody compares with another */
export function leaseObject(id: string, owner: string, now: Date) {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: leaseName, namespace: trialNamespaceOf(id) },
    spec: {
      holderIdentity: owner,
      leaseDurationSeconds: leaseSeconds,
      renewTime: now.toISOString().replace("Z", "000Z"),
    },
  };
}

/**
 * The pod that deletes the namespace once nobody renews the lease any more, or at the deadline. It runs in a model's image, so that
 * no other has to be in the cluster: each has a Python.
 * @param script - see `keeper.py`
 */
export function keeperPod(place: ClusterPlace, image: string, script: string, seconds: number) {
  const namespace = trialNamespaceOf(place.id);
  const start =
    'for python in python3 python /opt/python/inference/bin/python; do command -v $python >/dev/null && exec $python -c "$KEEPER"; done; echo no Python; exit 1';
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: keeperName, namespace, labels: { [partLabel]: "keeper" } },
    spec: {
      serviceAccountName: keeperName,
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 0,
      // It needs no GPU; where others have room it may go there.
      nodeSelector: { [labels.pool]: place.pool },
      tolerations: [...place.tolerations],
      containers: [
        {
          name: keeperName,
          image,
          command: ["sh", "-c", start],
          env: [
            { name: "KEEPER", value: script },
            { name: "NAMESPACE", value: namespace },
            { name: "LEASE_SECONDS", value: String(leaseSeconds) },
            { name: "SECONDS_LEFT", value: String(Math.max(0, Math.round(seconds))) },
          ],
          resources: { requests: keeperResources, limits: keeperResources },
        },
      ],
    },
  };
}

/** What the trial may have at most: what its models ask for, and the keeper. */
export function quotaObject(id: string, models: readonly RunnableModel[]) {
  const gpus = models.reduce((sum, { resources }) => sum + resources.gpus, 0);
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "trial", namespace: trialNamespaceOf(id) },
    spec: { hard: { pods: String(models.length + 1), "requests.nvidia.com/gpu": String(gpus) } },
  };
}

/**
 * Models reach each other and nothing else. What reaches them is not restricted: requests come from the API server, whose address a policy
 * cannot name in every cluster.
 */
export function networkPolicyObject(id: string) {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "no-egress", namespace: trialNamespaceOf(id) },
    spec: {
      podSelector: { matchLabels: { [partLabel]: "model" } },
      policyTypes: ["Egress"],
      egress: [{ to: [{ podSelector: {} }] }],
    },
  };
}

/** Account of the models' pods, which get no token of it. */
export function modelAccount(id: string) {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: modelAccountName, namespace: trialNamespaceOf(id) },
  };
}

/** A model's pod, on the nodes of the pool. */
export function modelPod(place: ClusterPlace, model: RunnableModel, settings: TrialPodSettings) {
  const { metadata, spec, ...pod } = trialPod(model, settings);
  const { uid: _, ...named } = metadata;
  return {
    ...pod,
    metadata: { ...named, namespace: trialNamespaceOf(place.id), labels: { [partLabel]: "model" } },
    spec: {
      ...spec,
      serviceAccountName: modelAccountName,
      automountServiceAccountToken: false,
      nodeSelector: { [labels.pool]: place.pool },
      tolerations: [...place.tolerations],
    },
  };
}
