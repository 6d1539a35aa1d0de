import { describe, expect, it } from "vitest";
import { waitForModel } from "../../../../src/adapters/kubernetes/modelWait.ts";
import { type Answers, answer, apiServer, refusal } from "../../../support/apiServer.ts";

const paths = {
  service: "/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices/iris",
  deployments: "/apis/apps/v1/namespaces/models/deployments",
  replicaSets: "/apis/apps/v1/namespaces/models/replicasets",
  pods: "/api/v1/namespaces/models/pods",
  log: "/api/v1/namespaces/models/pods/iris-x/log",
  model: "/api/v1/namespaces/models/services/http:iris-predictor:80/proxy/v1/models/model",
};

/** A cluster whose one pod has this container status. */
function cluster(container: object, ready: boolean): Answers {
  const numbered = { "deployment.kubernetes.io/revision": "1" };
  const template = { metadata: { annotations: { "menagerie.dev/revision": "r1" } } };
  const pod = {
    metadata: { name: "iris-x", ownerReferences: [{ kind: "ReplicaSet", uid: "rs" }] },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
      containerStatuses: [{ name: "kserve-container", ready, restartCount: 0, ...container }],
    },
  };
  return {
    [paths.service]: {},
    [paths.deployments]: {
      items: [{ metadata: { uid: "d", annotations: numbered }, spec: { replicas: 1, template } }],
    },
    [paths.replicaSets]: {
      items: [{ metadata: { uid: "rs", annotations: numbered, ownerReferences: [{ kind: "Deployment", uid: "d" }] } }],
    },
    [paths.pods]: { items: [pod] },
  };
}

async function wait(
  answers: Answers,
  changes: { timeoutSeconds?: number; signal?: AbortSignal } = {},
): Promise<string[]> {
  const told: string[] = [];
  await waitForModel({
    config: await apiServer(answers),
    namespace: "models",
    name: "iris",
    revision: "r1",
    pool: "cpu",
    mode: "Standard",
    path: "/v1/models/model",
    timeoutSeconds: 20,
    interval: 5,
    report: (reason) => told.push(reason),
    signal: new AbortController().signal,
    ...changes,
  });
  return told;
}

describe("waiting for a model", () => {
  it("ends when its pod is ready and it answers through its Service", async () => {
    let asked = 0;
    const answers = { ...cluster({}, true), [paths.model]: () => (++asked < 3 ? refusal(503, "no endpoints") : {}) };
    expect(await wait(answers)).toEqual(["it answers HTTP 503 to GET /v1/models/model: no endpoints"]);
    expect(asked).toBe(3);
  });

  it("fails at once in a crash loop, with the last log lines of the run before", async () => {
    const crash = {
      restartCount: 3,
      state: { waiting: { reason: "CrashLoopBackOff" } },
      lastState: { terminated: { exitCode: 1 } },
    };
    const answers = {
      ...cluster(crash, false),
      [`${paths.log}?previous`]: answer(200, "loading\nValueError: no weights\n"),
    };
    await expect(wait(answers)).rejects.toThrow(
      "model iris failed: container kserve-container keeps ending with exit code 1, 3 restarts so far. Its last log lines:\n" +
        "    loading\n    ValueError: no weights",
    );
  });

  it("takes the log at hand when that of the run before is gone", async () => {
    const crash = { restartCount: 3, state: { waiting: { reason: "CrashLoopBackOff" } } };
    const answers = { ...cluster(crash, false), [paths.log]: answer(200, "again\n") };
    await expect(wait(answers)).rejects.toThrow("    again");
  });

  it("says at the deadline what was still missing", async () => {
    await expect(wait(cluster({}, false), { timeoutSeconds: 0.2 })).rejects.toThrow(
      "model iris is not ready after 0.2 s: 0 of 1 pods are ready",
    );
  });

  it("goes on while the API server does not answer", async () => {
    let asked = 0;
    const healthy = { ...cluster({}, true), [paths.model]: {} };
    const answers = { ...healthy, [paths.service]: () => (++asked === 1 ? refusal(500, "etcd is away") : {}) };
    expect(await wait(answers)).toEqual(["the API server does not answer: etcd is away"]);
  });

  it("does not go on without permission", async () => {
    await expect(wait({ ...cluster({}, true), [paths.pods]: refusal(403, "pods is forbidden") })).rejects.toThrow(
      "model iris: the cluster refuses to show it: pods is forbidden",
    );
  });

  it("ends when it is told to", async () => {
    await expect(wait(cluster({}, false), { signal: AbortSignal.timeout(50) })).rejects.toThrow(/aborted/);
  });
});
