import { describe, expect, it } from "vitest";
import type { ObservedContainerStatus, ObservedModel, ObservedPod } from "../../../../src/domain/serving/observed.ts";
import { judgeReadiness, type Readiness } from "../../../../src/domain/serving/readiness.ts";

const wanted = { revision: "r2", pool: "t4", mode: "Standard" } as const;

function deployment(changes: { revision?: string; replicas?: number; observed?: number; conditions?: object[] } = {}) {
  const { revision = "r2", replicas = 1, observed = 3, conditions = [] } = changes;
  return {
    metadata: {
      name: "iris-predictor",
      uid: "d",
      generation: 3,
      annotations: { "deployment.kubernetes.io/revision": "2" },
    },
    spec: { replicas, template: { metadata: { annotations: { "menagerie.dev/revision": revision } } } },
    status: { observedGeneration: observed, conditions },
  } as ObservedModel["deployments"][number];
}

function replicaSet(number: number) {
  return {
    metadata: {
      name: `iris-${number}`,
      uid: `rs${number}`,
      annotations: { "deployment.kubernetes.io/revision": String(number) },
      ownerReferences: [{ kind: "Deployment", uid: "d" }],
    },
  };
}

interface PodChanges {
  ready?: boolean;
  set?: number;
  phase?: string;
  deleted?: boolean;
  unschedulable?: string;
  container?: Partial<ObservedContainerStatus>;
}

function pod({
  ready = false,
  set = 2,
  phase = "Running",
  deleted = false,
  unschedulable,
  container,
}: PodChanges = {}) {
  const conditions = [{ type: "Ready", status: ready ? "True" : "False" }];
  const refused = { type: "PodScheduled", status: "False", reason: "Unschedulable", message: unschedulable ?? "" };
  return {
    metadata: {
      name: `iris-${set}-x`,
      ownerReferences: [{ kind: "ReplicaSet", uid: `rs${set}` }],
      ...(deleted ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
    status: {
      phase,
      conditions: unschedulable === undefined ? conditions : [...conditions, refused],
      containerStatuses: [{ name: "kserve-container", ready, restartCount: 0, ...container }],
    },
  } as ObservedPod;
}

function observe(changes: Partial<ObservedModel> = {}): ObservedModel {
  const inferenceService = { status: { conditions: [{ type: "Ready", status: "True" }] } };
  return { inferenceService, deployments: [deployment()], replicaSets: [replicaSet(2)], pods: [], ...changes };
}

const starting = (reason: string, answering = 0): Readiness => ({ state: "starting", reason, answering });
const waits = (reason: string, message?: string) => ({
  state: { waiting: { reason, ...(message ? { message } : {}) } },
});
const failedIn = (reason: string, more: object = {}) => ({
  state: "down",
  reason,
  pod: "iris-2-x",
  container: "kserve-container",
  ...more,
});

describe("a model is ready", () => {
  const cases: [string, ObservedModel][] = [
    ["when the pod of the newest ReplicaSet is", observe({ pods: [pod({ ready: true })] })],
    [
      "with a container that once crashed and is up again",
      observe({ pods: [pod({ ready: true, container: { restartCount: 5 } })] }),
    ],
    [
      "while a pod of the old revision is ending",
      observe({
        replicaSets: [replicaSet(1), replicaSet(2)],
        pods: [pod({ ready: true }), pod({ set: 1, ready: true, deleted: true })],
      }),
    ],
    ["though an evicted pod still lies about", observe({ pods: [pod({ phase: "Failed" }), pod({ ready: true })] })],
    [
      "by its pods, though its InferenceService says it is not",
      observe({
        inferenceService: { status: { conditions: [{ type: "Ready", status: "False" }] } },
        pods: [pod({ ready: true })],
      }),
    ],
  ];
  it.each(cases)("%s", (_, observed) => expect(judgeReadiness(wanted, observed)).toMatchObject({ state: "ready" }));
});

describe("a model is starting, and says what it waits for, though its InferenceService is Ready", () => {
  const complaining = {
    status: { conditions: [{ type: "PredictorReady", status: "False", message: "quota\n exceeded." }] },
  };
  const cases: [string, ObservedModel, string, number?][] = [
    ["no InferenceService", observe({ inferenceService: undefined }), "its InferenceService does not exist yet"],
    [
      "InferenceService being deleted",
      observe({ inferenceService: { metadata: { deletionTimestamp: "x" } } }),
      "its InferenceService is being deleted",
    ],
    ["no Deployment", observe({ deployments: [] }), "KServe has not taken up this revision yet"],
    [
      "no Deployment, and KServe says why",
      observe({ deployments: [], inferenceService: complaining }),
      "KServe has not taken up this revision yet: quota exceeded",
    ],
    [
      "Deployment of the revision before",
      observe({ deployments: [deployment({ revision: "r1" })], pods: [pod({ ready: true })] }),
      "KServe has not taken up this revision yet",
      1,
    ],
    [
      "Deployment not observed",
      observe({ deployments: [deployment({ observed: 2 })], pods: [pod({ ready: true })] }),
      "its Deployment is being rolled out",
      1,
    ],
    [
      "only the ReplicaSet before",
      observe({ replicaSets: [replicaSet(1)], pods: [pod({ ready: true })] }),
      "its ReplicaSet does not exist yet",
    ],
    [
      "pods refused, as in a namespace whose service account does not exist yet",
      observe({
        deployments: [
          deployment({ conditions: [{ type: "ReplicaFailure", status: "True", message: "exceeded quota." }] }),
        ],
      }),
      "its pods cannot be made: exceeded quota",
    ],
    ["no pod (maxUnavailable 1 counts as available)", observe(), "0 of 1 pods are ready"],
    [
      "one of two pods",
      observe({ deployments: [deployment({ replicas: 2 })], pods: [pod({ ready: true })] }),
      "1 of 2 pods are ready",
      1,
    ],
    [
      "the old pod still serves",
      observe({
        replicaSets: [replicaSet(1), replicaSet(2)],
        pods: [pod({ ready: true }), pod({ set: 1, ready: true })],
      }),
      "1 pod of the revision before still serves",
      2,
    ],
    [
      "GPU taken",
      observe({
        pods: [
          pod({
            phase: "Pending",
            unschedulable: "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) didn't match.",
          }),
        ],
      }),
      "no node takes its pod: pool t4 has no nvidia.com/gpu left (0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) didn't match)",
    ],
    [
      "no node of the pool",
      observe({
        pods: [
          pod({
            phase: "Pending",
            unschedulable: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
          }),
        ],
      }),
      "no node takes its pod: pool t4 has no node for it (0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector)",
    ],
    [
      "pull failed once",
      observe({ pods: [pod({ container: waits("ErrImagePull", "not found") })] }),
      "container kserve-container waits (ErrImagePull): not found",
    ],
    [
      "container being made",
      observe({ pods: [pod({ container: waits("ContainerCreating") })] }),
      "0 of 1 pods are ready",
    ],
    [
      "restarted once",
      observe({ pods: [pod({ container: { restartCount: 1, state: { running: {} } } })] }),
      "container kserve-container was started again once",
    ],
  ];
  it.each(cases)("%s", (_, observed, reason, answering = 0) =>
    expect(judgeReadiness(wanted, observed)).toEqual(starting(reason, answering)),
  );
});

const stuck = { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "timed out." };

describe("a model whose rollout stood still goes on", () => {
  const deployments = [deployment({ conditions: [stuck] })];

  it("while what was in its way is gone: Kubernetes takes the condition back only when a pod is ready", () => {
    expect(judgeReadiness(wanted, observe({ deployments, pods: [pod()] }))).toEqual(
      starting("its rollout stands still: timed out"),
    );
  });

  it("and is told what is in the way", () => {
    const unschedulable = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.";
    expect(judgeReadiness(wanted, observe({ deployments, pods: [pod({ unschedulable })] }))).toEqual(
      starting(
        "its rollout stands still: no node takes its pod: pool t4 has no nvidia.com/gpu left (0/1 nodes are available: 1 Insufficient nvidia.com/gpu)",
      ),
    );
  });
});

describe("a model without a node is told with what is known of its pool", () => {
  const message = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.";
  const told = (capacity: ObservedModel["capacity"], gpus = 1) => {
    const { spec: _, ...rest } = pod({ unschedulable: message });
    const spec = { containers: [{ resources: { limits: { "nvidia.com/gpu": String(gpus) } } }, {}] };
    const judged = judgeReadiness(wanted, observe({ pods: [{ ...rest, spec }], capacity }));
    if (judged.state !== (gpus > 0 ? "unplaced" : "starting")) throw new Error(judged.state);
    const [, why] =
      /^no node takes its pod: pool t4 has no nvidia\.com\/gpu left(.*) \(0\/2 nodes .*\)$/.exec(judged.reason) ?? [];
    return why;
  };
  const about = { pod: "iris-2-x", nodeClaims: [] };
  const limited = (used: string) => ({
    spec: { limits: { "nvidia.com/gpu": "4" } },
    status: { resources: { "nvidia.com/gpu": used } },
  });

  it("a limit that is reached, and its key", () => {
    expect(told({ ...about, nodePool: limited("4"), said: "Failed to schedule pod, all exceed limits" }, 2)).toBe(
      "; it asks for 2 GPUs, and the pool's nodes have 4 GPUs of at most 4: raise menagerie:pools.t4.limits.gpus, or free GPUs there; Karpenter says: Failed to schedule pod, all exceed limits",
    );
  });

  it("a limit that leaves room, where a node could not be had", () => {
    const conditions = [{ type: "Launched", status: "Unknown", reason: "LaunchFailed", message: "no capacity" }];
    const nodeClaims = [{ metadata: { name: "t4-abcde" }, status: { conditions } }];
    expect(told({ ...about, nodePool: limited("3"), nodeClaims })).toBe(
      "; it asks for 1 GPU, and the pool's nodes have 3 GPUs of at most 4; node claim t4-abcde is not launched (no capacity)",
    );
  });

  it("a limit that leaves room for the pod and none for a node", () => {
    const requirements = [{ key: "karpenter.k8s.aws/instance-gpu-count", values: ["2"] }];
    const spec = { limits: { "nvidia.com/gpu": "3" }, template: { spec: { requirements } } };
    const nodePool = { spec, status: { resources: { "nvidia.com/gpu": "2" } } };
    expect(told({ ...about, nodePool })).toBe(
      "; it asks for 1 GPU, and the pool's nodes have 2 GPUs of at most 3, too few for one more node of 2: raise menagerie:pools.t4.limits.gpus, or free GPUs there",
    );
  });

  it("a claim that is on its way says nothing", () => {
    const conditions = [{ type: "Launched", status: "Unknown", reason: "AwaitingReconciliation" }];
    const nodeClaims = [{ metadata: { name: "t4-abcde" }, status: { conditions } }];
    expect(told({ ...about, nodeClaims })).toBe("");
  });

  it("a fixed number of nodes", () => {
    expect(told({ ...about, nodePool: { spec: { replicas: 2 } } })).toBe(
      "; it asks for 1 GPU, and the pool has 2 nodes, never more: raise menagerie:pools.t4.replicas, or free GPUs there",
    );
  });

  it("a fixed number of nodes, of which Karpenter has made none", () => {
    expect(told({ ...about, nodePool: { spec: { replicas: 2 }, status: { nodes: 0 } } })).toBe(
      "; it asks for 1 GPU, and the pool has none of its 2 nodes: Karpenter makes them only with its feature gate StaticCapacity",
    );
  });

  it("a pool that Karpenter does not use", () => {
    const conditions = [
      { type: "ValidationSucceeded", status: "True" },
      { type: "NodeClassReady", status: "False", message: "subnets not found" },
    ];
    expect(told({ ...about, nodePool: { status: { conditions } } })).toBe(
      "; it asks for 1 GPU; Karpenter does not use the pool (NodeClassReady: subnets not found)",
    );
  });

  it("but not with what is about another pod, nor with GPUs that it does not ask for", () => {
    expect(told({ ...about, pod: "another", nodePool: limited("4") })).toBe("");
    expect(told({ ...about, nodePool: limited("4") }, 0)).toBe("");
  });
});

describe("a model is neither ready nor down", () => {
  const stop = { metadata: { annotations: { "serving.kserve.io/stop": "true" } } };
  const stopped = { status: { conditions: [{ type: "Stopped", status: "True" }] } };
  const none = [deployment({ replicas: 0 })];

  it("stopped, by KServe's condition and at once by the annotation", () => {
    for (const inferenceService of [stop, stopped]) {
      expect(judgeReadiness(wanted, observe({ inferenceService, deployments: none }))).toEqual({
        state: "stopped",
        reason: "annotation serving.kserve.io/stop is set",
      });
    }
    const development = { metadata: { ...stop.metadata, labels: { "menagerie.dev/kind": "development" } } };
    expect(judgeReadiness(wanted, observe({ inferenceService: development }))).toEqual({
      state: "stopped",
      reason: "the next request starts it",
    });
  });

  it("asleep, where it is stopped while nobody uses it", () => {
    const annotations = { ...stop.metadata.annotations, "menagerie.dev/idle-minutes": "15" };
    const inferenceService = { metadata: { annotations } };
    expect(judgeReadiness(wanted, observe({ inferenceService, deployments: [] }))).toEqual({
      state: "asleep",
      reason: "the next request starts it",
    });
  });

  it("asleep, at zero pods in Knative mode", () => {
    expect(judgeReadiness({ ...wanted, mode: "Knative" }, observe({ deployments: none }))).toEqual({
      state: "asleep",
      reason: "it is scaled to zero; the next request starts it",
    });
  });

  it("without a node, where its pod asks for GPUs", () => {
    const unschedulable = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.";
    const spec = { containers: [{ resources: { limits: { "nvidia.com/gpu": "1" } } }] };
    expect(judgeReadiness(wanted, observe({ pods: [{ ...pod({ unschedulable }), spec }] }))).toMatchObject({
      state: "unplaced",
    });
  });
});

describe("a pod that runs and is not ready", () => {
  const at = (seconds: number) => new Date(1_700_000_000_000 + seconds * 1000).toISOString();
  const unready = (since: number, started: number) => {
    const running = pod({ container: { state: { running: { startedAt: at(started) } } } });
    const conditions = [{ type: "Ready", status: "False", lastTransitionTime: at(since) }];
    const judged = judgeReadiness(
      wanted,
      observe({ pods: [{ ...running, status: { ...running.status, conditions } }] }),
    );
    return judged.state === "starting" ? judged.unready : judged;
  };
  const where = { pod: "iris-2-x", container: "kserve-container" };

  it.each([
    ["has never been ready", unready(0, 1), { since: Date.parse(at(1)), wasReady: false }],
    ["was ready until then", unready(300, 1), { since: Date.parse(at(300)), wasReady: true }],
    [
      "gets its time again in a container that was started again",
      unready(0, 300),
      { since: Date.parse(at(300)), wasReady: false },
    ],
  ])("%s", (_, judged, expected) => expect(judged).toEqual({ ...where, ...expected }));
});

describe("a model has failed", () => {
  const ended = { exitCode: 137, signal: 9, reason: "Error" };
  const cases: [string, ObservedModel, object][] = [
    [
      "pull given up",
      observe({ pods: [pod({ container: waits("ImagePullBackOff", "no such image") })] }),
      failedIn("container kserve-container cannot start (ImagePullBackOff): no such image"),
    ],
    [
      "wrong image name",
      observe({ pods: [pod({ container: waits("InvalidImageName") })] }),
      failedIn("container kserve-container cannot start (InvalidImageName): no message"),
    ],
    [
      "missing Secret",
      observe({ pods: [pod({ container: waits("CreateContainerConfigError", 'secret "x" not found') })] }),
      failedIn('container kserve-container cannot start (CreateContainerConfigError): secret "x" not found'),
    ],
    [
      "crash loop",
      observe({
        pods: [
          pod({
            container: {
              restartCount: 1,
              ...waits("CrashLoopBackOff"),
              lastState: { terminated: { exitCode: 3, reason: "Error" } },
            },
          }),
        ],
      }),
      failedIn("container kserve-container keeps ending with exit code 3 (Error), 1 restarts so far", {
        previous: true,
      }),
    ],
    [
      "second restart, between two back-offs",
      observe({
        pods: [pod({ container: { restartCount: 2, state: { running: {} }, lastState: { terminated: ended } } })],
      }),
      failedIn("container kserve-container keeps ending by signal 9 (Error), 2 restarts so far", { previous: true }),
    ],
    [
      "ended for the third time just now",
      observe({ pods: [pod({ container: { restartCount: 2, state: { terminated: { exitCode: 1 } } } })] }),
      failedIn("container kserve-container keeps ending with exit code 1, 2 restarts so far", { previous: false }),
    ],
    [
      "no progress in Knative mode, which takes the pods away then",
      observe({ deployments: [deployment({ replicas: 0, conditions: [stuck] })] }),
      { state: "down", reason: "its rollout stands still: timed out" },
    ],
    [
      "scaled to zero by hand",
      observe({ deployments: [deployment({ replicas: 0 })] }),
      { state: "down", reason: "Deployment iris-predictor is scaled to 0 pods" },
    ],
  ];
  it.each(cases)("%s", (_, observed, failure) => expect(judgeReadiness(wanted, observed)).toEqual(failure));

  it("but not in a third run after two that were long, or that nobody saw the end of", () => {
    const ran = (seconds: number, reason: string) => ({
      exitCode: 137,
      reason,
      startedAt: "2026-01-01T00:00:00Z",
      finishedAt: new Date(Date.parse("2026-01-01T00:00:00Z") + seconds * 1000),
    });
    const judged = (last: ReturnType<typeof ran>) =>
      judgeReadiness(
        wanted,
        observe({
          pods: [pod({ container: { restartCount: 2, state: { running: {} }, lastState: { terminated: last } } })],
        }),
      ).state;
    expect([ran(30, "Error"), ran(600, "Error"), ran(30, "ContainerStatusUnknown")].map(judged)).toEqual([
      "down",
      "starting",
      "starting",
    ]);
  });

  it("but not for what a pod of the revision before does", () => {
    const old = pod({ set: 1, container: { restartCount: 9, ...waits("CrashLoopBackOff") } });
    const observed = observe({ replicaSets: [replicaSet(1), replicaSet(2)], pods: [old] });
    expect(judgeReadiness(wanted, observed)).toEqual(starting("0 of 1 pods are ready"));
  });
});
