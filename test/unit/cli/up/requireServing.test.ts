import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { requireServing } from "../../../../src/cli/up/requireServing.ts";
import type { Progress } from "../../../../src/domain/progress.ts";
import { type Answers, answer, apiServer, refusal } from "../../../support/apiServer.ts";

const resources = [
  {
    urn: "urn:pulumi:local::menagerie::x::iris-v2",
    type: "pulumi-nodejs:dynamic/menagerie:ModelReady",
    outputs: { namespace: "models", name: "iris", pool: "cpu", mode: "Standard", timeoutSeconds: 60 },
  },
];

const numbered = { "deployment.kubernetes.io/revision": "1" };
const revision = { "menagerie.dev/revision": "r1" };
const own = { labels: { "serving.kserve.io/inferenceservice": "iris", component: "predictor" } };
const owned = (uid: string) => ({ ...own, ownerReferences: [{ kind: "x", uid }] });
const pods = "/api/v1/namespaces/models/pods";
const items = (...all: object[]) => ({ items: all });

/** A cluster with one model whose pod has this container status. */
function cluster(container: object, ready = false): Answers {
  return {
    "/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices": items({
      metadata: { name: "iris", annotations: revision },
    }),
    "/apis/apps/v1/namespaces/models/deployments": items({
      metadata: { ...own, uid: "d", annotations: numbered },
      spec: { replicas: 1, template: { metadata: { annotations: revision } } },
    }),
    "/apis/apps/v1/namespaces/models/replicasets": items({
      metadata: { ...owned("d"), uid: "rs", annotations: numbered },
    }),
    [pods]: items({
      metadata: { name: "iris-x", ...owned("rs") },
      status: {
        phase: "Running",
        conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
        containerStatuses: [{ name: "kserve-container", ready, restartCount: 0, ...container }],
      },
    }),
  };
}

const told: string[] = [];
const progress: Progress = {
  begin: () => ({
    update: (text) => told.push(text),
    done: () => told.push("done"),
    failed: () => told.push("failed"),
  }),
  note: () => {},
};
let errors: string[];
beforeEach(() => {
  told.length = 0;
  errors = [];
  vi.spyOn(console, "error").mockImplementation((line: string) => errors.push(line));
});
afterEach(() => vi.restoreAllMocks());

async function look(answers: Answers, signal = new AbortController().signal): Promise<void> {
  await requireServing({
    config: await apiServer(answers),
    resources,
    stack: 'environment "local"',
    progress,
    signal,
    interval: 5,
  });
}

describe("after an up, what serves is looked at", () => {
  it("and nothing is said where all of it is ready, in one look", async () => {
    let looks = 0;
    const healthy = cluster({}, true);
    await look({ ...healthy, [pods]: () => [healthy[pods], ++looks][0] });
    expect([looks, told, errors]).toEqual([1, [], []]);
  });

  it("waits for what is starting, and says for what", async () => {
    let looks = 0;
    await look({ ...cluster({}), [pods]: () => cluster({}, ++looks > 3)[pods] });
    expect(told).toEqual(["iris-v2 is starting: 0 of 1 pods are ready", "done"]);
    expect(errors).toEqual([]);
  });

  it("fails with what is down, why, and its last log lines", async () => {
    const crash = {
      restartCount: 4,
      state: { waiting: { reason: "CrashLoopBackOff" } },
      lastState: { terminated: { exitCode: 1 } },
    };
    const answers = { ...cluster(crash), [`${pods}/iris-x/log?previous`]: answer(200, "ValueError: no weights\n") };
    await expect(look(answers)).rejects.toThrow(
      'environment "local" is deployed, but not everything in it answers:\n' +
        "  iris-v2 is down: container kserve-container keeps ending with exit code 1, 4 restarts so far. Its last log lines:\n" +
        "    ValueError: no weights",
    );
  });

  it("fails when what is starting takes longer than it may", async () => {
    const [model] = resources;
    await expect(
      requireServing({
        config: await apiServer(cluster({})),
        stack: 'stack "staging"',
        progress,
        interval: 5,
        resources: [{ ...model, outputs: { ...model?.outputs, timeoutSeconds: 0.05 } }] as typeof resources,
        signal: new AbortController().signal,
      }),
    ).rejects.toThrow(/^stack "staging" is deployed, .*\n {2}iris-v2 is starting: 0 of 1 pods are ready\n/);
  });

  it("does not fail for what is stopped on purpose, and says so", async () => {
    const stop = { metadata: { name: "iris", annotations: { ...revision, "serving.kserve.io/stop": "true" } } };
    const path = "/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices";
    await look({ ...cluster({}), [path]: items(stop) });
    expect(errors).toEqual(["iris-v2 is stopped: annotation serving.kserve.io/stop is set"]);
  });

  it("says what is true where the wait is interrupted", async () => {
    const interrupt = new AbortController();
    const looked = expect(look(cluster({}), interrupt.signal)).rejects.toThrow(/aborted/);
    // By what was seen, not by time: a busy machine may need long for the first look.
    await expect.poll(() => told).toHaveLength(1);
    interrupt.abort();
    await looked;
    expect(errors).toEqual(["iris-v2 is starting: 0 of 1 pods are ready"]);
    expect(told.at(-1)).toBe("failed");
  });

  it("says that the cluster refuses to show it, which is no failure of the deployment", async () => {
    await look({ ...cluster({}), [pods]: refusal(403, "pods is forbidden") });
    expect(errors).toEqual(["not checked: what the stack serves: the cluster refuses to show it: pods is forbidden"]);
  });
});
