import type { RefusalEntry } from "./entry.ts";

/** Pools of nodes. */
export const poolRefusals = {
  "pool.built-in-name": {
    says: '"{name}" is the built-in pool of ordinary nodes',
    fix: "choose another name",
    cause: "Models without a pool run there.",
  },
  "pool.two-sizes": {
    says: "the pool has a fixed number of nodes by replicas: {replicas}",
    fix: "remove one of the two",
    cause: "A pool has a fixed number of nodes, or a limit up to which nodes come and go.",
  },
  "pool.local-limits": {
    says: "local nodes do not come and go with demand",
    fix: "use replicas: <nodes>",
    cause: "No Karpenter makes nodes in the local environment.",
  },
  "pool.local-replicas": {
    says: "missing",
    fix: "give the number of local nodes, such as 1",
    cause: "No Karpenter makes nodes in the local environment.",
  },
  "pool.local-placement": {
    says: "local nodes have none",
    fix: "remove the key, or set {nodeClass} to {kind: ec2, …}",
    cause: "Instance types and zones are EC2's.",
  },
  "pool.no-size": {
    says: "has no size",
    fix: "give replicas: <nodes>, or limits: {gpus: <GPUs at most>}",
    cause: "Without a bound Karpenter would buy nodes without end.",
  },
  "pool.capacity": {
    says: "EC2 nodes bring their own",
    fix: "remove the key, or choose instanceTypes",
    cause: "What an instance has follows from its type.",
  },
  "pool.limit-below-node": {
    says: "{limit} is less than the {perNode} GPUs of one node",
    fix: "use at least {perNode}",
    cause: "Not even one node would be made.",
  },
  "pool.gpu-taint": {
    says: "nvidia.com/gpu is set on every pool with GPUs",
    fix: "remove the taint",
    cause: "It keeps pods without GPUs away, and Menagerie sets it itself.",
  },
  "pool.taint-twice": {
    says: "{taint} is listed twice",
    fix: "remove one",
    cause: "Kubernetes takes a taint's key and effect once.",
  },
  "pool.too-small": {
    says: "the pods that always run here ({models}) need {need} GPUs, and the pool has {have}",
    fix: "raise it, or move a model to another pool",
    cause: "One of them would never get a node.",
  },
  "pool.too-small-at-peak": {
    says: "pool {pool} needs {need} GPUs at once ({parts}) and has {have}",
    fix: "raise it for the time of the rollout, or move a model to another pool",
    cause: "While a version replaces another both run, and one of them would get no node.",
  },
  "pool.too-few-nodes-at-peak": {
    says: "pool {pool} needs {need} nodes of {perNode} GPUs at once (pods: {parts} GPUs) and has {have}",
    fix: "raise it for the time of the rollout, or move a model to another pool",
    cause: "A pod has all of its GPUs on one node, so what is left on several nodes adds up to nothing.",
  },
  "pool.still-used": {
    says: "version {number} of {model} runs there until it is removed",
    fix: "declare the pool until then",
    cause: "A version of a rollout under way is served from its row, on the pool that it had.",
  },
} as const satisfies Record<string, RefusalEntry>;
