import type { V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { afterEnd, restartDelay, restartsAfter } from "../../../../src/local/node/backOff.ts";
import { planContainers } from "../../../../src/local/node/containerPlan.ts";
import { type ContainerEnd, emptyContainerRecord, type PodRecord } from "../../../../src/local/node/podRecord.ts";
import { podStatus } from "../../../../src/local/node/podStatus.ts";
import { afterAnswer, countsAsFailure, nextProbeIn, probeTiming, untested } from "../../../../src/local/node/probe.ts";

const now = Date.parse("2026-01-01T00:10:00Z");

function pod(spec: Partial<NonNullable<V1Pod["spec"]>> = {}): V1Pod {
  return {
    metadata: { name: "web", namespace: "shop", uid: "u1" },
    spec: { containers: [{ name: "main", image: "web@sha256:00" }], ...spec },
  };
}

function record(containers: PodRecord["containers"] = {}, more: Partial<PodRecord> = {}): PodRecord {
  return {
    uid: "u1",
    namespace: "shop",
    name: "web",
    address: "10.88.1.0",
    gracePeriodSeconds: 30,
    startTime: "2026-01-01T00:00:00Z",
    sandbox: { pid: 7, startTime: "1" },
    initialized: false,
    containers,
    ...more,
  };
}

function end(exitCode: number, secondsAgo = 0): ContainerEnd {
  const at = new Date(now - secondsAgo * 1000).toISOString();
  return { exitCode, signal: 0, reason: "Error", message: "", startedAt: at, finishedAt: at, attempt: 0 };
}

const running = (name: string, ready = true) => ({
  ...emptyContainerRecord(name),
  runs: 1,
  process: { pid: 9, startTime: "1" },
  started: true,
  ready,
});
const ended = (name: string, exitCode: number, failures = 1, secondsAgo = 0) => ({
  ...emptyContainerRecord(name),
  runs: 1,
  failures,
  end: end(exitCode, secondsAgo),
});
const names = (plan: ReturnType<typeof planContainers>): string[] => plan.start.map(({ name }) => name);

describe("restarts", () => {
  it("come at once the first time, then after 10 s doubling to 5 min", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7, 50].map(restartDelay)).toEqual([
      0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000,
    ]);
  });

  it("count from the beginning after a run of ten minutes", () => {
    expect(afterEnd({ failures: 6 }, 599_000).failures).toBe(7);
    expect(afterEnd({ failures: 6 }, 600_000).failures).toBe(1);
  });

  it("follow the restart policy, Always by default", () => {
    expect(restartsAfter(undefined, 0)).toBe(true);
    expect(restartsAfter("OnFailure", 0)).toBe(false);
    expect(restartsAfter("OnFailure", 1)).toBe(true);
    expect(restartsAfter("Never", 1)).toBe(false);
  });
});

describe("the plan for a pod's containers", () => {
  const inits = [{ name: "a" }, { name: "side", restartPolicy: "Always" }, { name: "b" }];

  it("starts init containers one after the other, and sidecars among them", () => {
    const withInits = pod({ initContainers: inits });
    expect(names(planContainers(withInits, record(), now))).toEqual(["a"]);
    expect(names(planContainers(withInits, record({ a: running("a") }), now))).toEqual([]);
    expect(names(planContainers(withInits, record({ a: ended("a", 0) }), now))).toEqual(["side"]);
    const sideStarting = { ...running("side"), started: false };
    expect(names(planContainers(withInits, record({ a: ended("a", 0), side: sideStarting }), now))).toEqual([]);
    const sideUp = record({ a: ended("a", 0), side: running("side") });
    expect(names(planContainers(withInits, sideUp, now))).toEqual(["b"]);
    const done = record({ a: ended("a", 0), side: running("side"), b: ended("b", 0) });
    expect(planContainers(withInits, done, now)).toMatchObject({ initialized: true, start: [{ name: "main" }] });
  });

  it("fails a pod whose init container failed when it never restarts, and retries otherwise", () => {
    const failed = record({ a: ended("a", 1) });
    expect(planContainers(pod({ initContainers: inits, restartPolicy: "Never" }), failed, now).outcome).toBe("Failed");
    expect(names(planContainers(pod({ initContainers: inits }), failed, now))).toEqual(["a"]);
  });

  it("waits for the back-off of a container that keeps ending", () => {
    const plan = planContainers(pod(), record({ main: ended("main", 1, 3, 5) }, { initialized: true }), now);
    expect(plan).toMatchObject({ start: [], wakeAt: now + 15_000, outcome: undefined });
  });

  it("is over when nothing will run again", () => {
    const job = pod({ restartPolicy: "OnFailure", containers: [{ name: "x" }, { name: "y" }] });
    const half = record({ x: ended("x", 0), y: running("y") });
    expect(planContainers(job, half, now).outcome).toBeUndefined();
    expect(planContainers(job, record({ x: ended("x", 0), y: ended("y", 0) }), now).outcome).toBe("Succeeded");
    const never = pod({ restartPolicy: "Never" });
    expect(planContainers(never, record({ main: ended("main", 2) }), now).outcome).toBe("Failed");
  });
});

describe("the status of a pod", () => {
  const input = { hostIP: "10.88.0.2", waiting: new Map(), now, previous: [] };
  const condition = (status: ReturnType<typeof podStatus>, type: string) =>
    status.conditions?.find((each) => each.type === type);

  it("is Pending until a container was started, then Running, and Ready with all containers", () => {
    expect(podStatus(pod(), record(), input).phase).toBe("Pending");
    const starting = podStatus(pod(), record({ main: running("main", false) }, { initialized: true }), input);
    expect(starting.phase).toBe("Running");
    expect(condition(starting, "Ready")).toMatchObject({
      status: "False",
      message: "containers with unready status: [main]",
    });
    const ready = podStatus(pod(), record({ main: running("main") }, { initialized: true }), input);
    expect(condition(ready, "Ready")?.status).toBe("True");
    expect(ready).toMatchObject({ podIP: "10.88.1.0", hostIP: "10.88.0.2" });
  });

  it("keeps the transition time of a condition that did not change", () => {
    const before = "2025-12-31T00:00:00Z" as unknown as Date;
    const previous = [{ type: "Ready", status: "True", lastTransitionTime: before }];
    const same = podStatus(pod(), record({ main: running("main") }, { initialized: true }), { ...input, previous });
    expect(condition(same, "Ready")?.lastTransitionTime).toBe(before);
    const changed = podStatus(pod(), record({ main: running("main", false) }), { ...input, previous });
    expect(condition(changed, "Ready")?.lastTransitionTime).toBe("2026-01-01T00:10:00Z");
  });

  it("is not Ready while a readiness gate is not true", () => {
    const gated = pod({ readinessGates: [{ conditionType: "shop/open" }] });
    const up = record({ main: running("main") }, { initialized: true });
    expect(condition(podStatus(gated, up, input), "Ready")?.reason).toBe("ReadinessGatesNotReady");
    const open = { ...gated, status: { conditions: [{ type: "shop/open", status: "True" }] } };
    expect(condition(podStatus(open, up, input), "Ready")?.status).toBe("True");
  });

  it("tells of a crash loop with the end before it, and of what keeps a container from starting", () => {
    const looping = podStatus(pod(), record({ main: ended("main", 3, 2) }, { initialized: true }), input);
    expect(looping.containerStatuses?.[0]).toMatchObject({
      ready: false,
      state: { waiting: { reason: "CrashLoopBackOff" } },
      lastState: { terminated: { exitCode: 3 } },
    });
    const waiting = new Map([["main", { reason: "ErrImagePull", message: "no such image" }]]);
    expect(podStatus(pod(), record(), { ...input, waiting }).containerStatuses?.[0]?.state).toEqual({
      waiting: { reason: "ErrImagePull", message: "no such image" },
    });
  });

  it("of a finished pod says how each container ended", () => {
    const done = record({ main: ended("main", 0) }, { outcome: "Succeeded", sandbox: undefined });
    const status = podStatus(pod({ restartPolicy: "Never" }), done, input);
    expect(status.phase).toBe("Succeeded");
    expect(status.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(0);
    expect(condition(status, "Ready")?.reason).toBe("PodCompleted");
  });
});

describe("a probe", () => {
  const timing = probeTiming({ failureThreshold: 3, successThreshold: 2, periodSeconds: 10 });

  it("changes its verdict only at its thresholds, in a row", () => {
    let state = untested;
    const verdicts = [true, true, false, false, true, false, false, false].map((success) => {
      state = afterAnswer(state, success, timing);
      return state.passed;
    });
    expect(verdicts).toEqual([undefined, true, true, true, true, true, true, false]);
  });

  it("has the API's defaults", () => {
    expect(probeTiming({})).toEqual({
      initialDelay: 0,
      period: 10,
      timeout: 1,
      successThreshold: 1,
      failureThreshold: 3,
    });
  });

  it("asks often in the first minute without shortening what its threshold allows", () => {
    expect(nextProbeIn(untested, timing, true, 5)).toBe(0.2);
    expect(nextProbeIn(untested, timing, true, 61)).toBe(10);
    expect(nextProbeIn(untested, timing, false, 5)).toBe(10);
    expect(countsAsFailure(0.5, timing)).toBe(false);
    expect(countsAsFailure(10, timing)).toBe(true);
  });
});
