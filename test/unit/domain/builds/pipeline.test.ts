import { describe, expect, it } from "vitest";
import { partName, partSize, partsOf } from "../../../../src/domain/builds/contextArchive.ts";
import { buildPipelineManifest, buildTaskManifest } from "../../../../src/domain/builds/pipeline.ts";
import {
  buildKey,
  contextSecretsOf,
  failedReason,
  failedStep,
  judgeRun,
  type ObservedRun,
  pipelineRunManifest,
  prunable,
  runningStep,
  waitingReason,
} from "../../../../src/domain/builds/pipelineRun.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("a context's archive", () => {
  it("is cut into parts that fit a Secret, whose names are in their order", () => {
    const archive = Uint8Array.from({ length: 2 * partSize + 1 }, (_, index) => index % 251);
    const parts = partsOf(archive);
    expect(parts.map(({ length }) => length)).toEqual([partSize, partSize, 1]);
    expect(Buffer.concat(parts).equals(archive)).toBe(true);
    const names = Array.from({ length: 120 }, (_, index) => partName(index));
    expect([...names].sort()).toEqual(names);
  });
});

const target = { kind: "registry", builderImage: `buildkit@${digest}`, layerCache: true } as const;
const pipeline = { namespace: "builds", target, resources: { cpu: "1", memory: "2Gi" }, retries: 1 };
const local = {
  ...pipeline,
  target: {
    kind: "directory" as const,
    builderImage: `step@${digest}`,
    command: ["node"],
    store: "/store",
    cache: "/cache",
  },
};
const request = { name: "iris", hash: "f".repeat(64), contextSha256: "0", parts: 2, nonce: "abc123" };
const runs = { namespace: "builds", serviceAccount: "truss-build", timeoutMinutes: 60 };

describe("the Pipeline", () => {
  it.each([
    ["for a registry", pipeline, { image: "registry.example.com/iris", tag: "f" }],
    ["for directory images", local, { name: "iris", hash: "f", python: "{}", control: "false" }],
  ])("%s gets from a run exactly the parameters and workspaces that it has", (_, declared, params) => {
    const { spec } = buildPipelineManifest(declared);
    const run = pipelineRunManifest({ ...runs, credentials: "registry" }, { ...request, params }, 1);
    const names = (items: readonly { name: string }[]) => items.map(({ name }) => name).sort();
    expect(names(run.spec.params)).toEqual(names(spec.params));
    expect(names(spec.tasks[0]?.params ?? [])).toEqual(names(buildTaskManifest(declared).spec.params));
    expect(names(run.spec.workspaces)).toEqual(expect.arrayContaining(names(spec.workspaces)));
  });

  it("never puts a parameter into a script, which would run it", () => {
    for (const { script } of buildTaskManifest(pipeline).spec.steps as { script?: string }[]) {
      expect(script).not.toMatch(/\$\((params|workspaces|results|context|steps)\b/);
    }
  });

  it("gives a directory build no rights to a registry, and every step an image by digest", () => {
    expect(buildTaskManifest(local).spec.workspaces.map(({ name }) => name)).toEqual(["context"]);
    for (const declared of [pipeline, local]) {
      for (const { image } of buildTaskManifest(declared).spec.steps) expect(image).toMatch(/@sha256:/);
    }
  });
});

describe("a PipelineRun", () => {
  it("is named by model and hash, short enough for labels and pods", () => {
    const name = "a-name-as-long-as-kubernetes-allows-it-to-be-here-at-all";
    const made = pipelineRunManifest(runs, { ...request, name, params: {} }, 12);
    expect(made.metadata.name).toBe(`${buildKey(name, request.hash)}-12`);
    expect(made.metadata.name.length).toBeLessThanOrEqual(57);
    expect(made.spec.status).toBe("PipelineRunPending");
  });

  it("names the Secrets of its context, which others read from it", () => {
    const made = pipelineRunManifest(runs, { ...request, params: {} }, 1) as unknown as ObservedRun;
    expect(contextSecretsOf(made)).toEqual(["iris-ffffffffffffffff-1-abc123-0", "iris-ffffffffffffffff-1-abc123-1"]);
  });
});

const observed = (status: ObservedRun["status"], spec?: ObservedRun["spec"], name = "iris-1"): ObservedRun => ({
  metadata: { name, uid: name, creationTimestamp: "2026-01-01T00:00:00Z" },
  ...(spec ? { spec } : {}),
  ...(status ? { status } : {}),
});
const condition = (status: string, reason: string, message = reason) => ({
  conditions: [{ type: "Succeeded", status, reason, message }],
});

describe("what has become of a run", () => {
  it("is pending, waiting for the controller, running, failed", () => {
    expect(judgeRun(observed(undefined, { status: "PipelineRunPending" }))).toEqual({ state: "pending" });
    expect(judgeRun(observed(undefined))).toMatchObject({
      state: "running",
      reason: expect.stringContaining("not taken it up"),
    });
    expect(judgeRun(observed(condition("Unknown", "Running", "Tasks: 1")))).toEqual({
      state: "running",
      reason: "Tasks: 1",
    });
    expect(judgeRun(observed(condition("False", "Cancelled")))).toMatchObject({ state: "failed", code: "Cancelled" });
  });

  it("is success with an image by digest alone", () => {
    const results = (IMAGE_DIGEST: string) =>
      judgeRun(
        observed({
          ...condition("True", "Succeeded"),
          results: Object.entries({ IMAGE_URL: "registry/iris\n", IMAGE_DIGEST }).map(([name, value]) => ({
            name,
            value,
          })),
        }),
      );
    expect(results(digest)).toEqual({ state: "succeeded", image: { url: "registry/iris", digest } });
    for (const wrong of ["", "latest", "sha256:abc"]) {
      expect(results(wrong)).toMatchObject({ state: "failed", code: "NoDigest" });
    }
  });

  it("tells the first step that failed, of the last try, and the one that runs", () => {
    const taskRun = (time: string, steps: object[]) => ({
      metadata: { name: time, creationTimestamp: time },
      status: { podName: `pod-${time}`, steps: steps as never[] },
    });
    const ended = (name: string, exitCode: number) => ({ name, container: `step-${name}`, terminated: { exitCode } });
    const tries = [
      taskRun("2026-01-01", [ended("fetch", 1), ended("build", 1)]),
      taskRun("2026-01-02", [ended("fetch", 0), ended("build", 2), ended("verify", 1)]),
    ];
    expect(failedStep(tries)).toEqual({ pod: "pod-2026-01-02", container: "step-build", name: "build" });
    expect(failedStep([])).toBeUndefined();
    expect(runningStep([taskRun("2026-01-03", [ended("fetch", 0), { name: "build", running: {} }])])).toMatchObject({
      name: "build",
      pod: "pod-2026-01-03",
    });
  });

  it("tells in Tekton's words why no step runs yet", () => {
    const waiting = (conditions: object[]) => [
      { metadata: { name: "t", creationTimestamp: "2026-01-01" }, status: { conditions: conditions as never[] } },
    ];
    const condition = { type: "Succeeded", status: "Unknown", message: "pod status: 0/1 nodes\n  have room" };
    expect(waitingReason(waiting([condition]))).toBe("pod status: 0/1 nodes have room");
    expect(waitingReason(waiting([{ ...condition, status: "False" }]))).toBeUndefined();
    expect(failedReason(waiting([{ ...condition, status: "False" }]))).toBe("pod status: 0/1 nodes have room");
    expect(waitingReason(waiting([]))).toBeUndefined();
  });

  it("leaves the newest finished runs when others are pruned, and whatever still runs", () => {
    const finished = (day: number) => ({
      ...observed({ completionTime: "x" }, undefined, `run-${day}`),
      metadata: { name: `run-${day}`, uid: "", creationTimestamp: `2026-01-0${day}T00:00:00Z` },
    });
    const all = [finished(1), observed(undefined, undefined, "running"), finished(3), finished(2)];
    expect(prunable(all, 2).map(({ metadata }) => metadata.name)).toEqual(["run-1"]);
    expect(prunable(all, 5)).toEqual([]);
  });
});
