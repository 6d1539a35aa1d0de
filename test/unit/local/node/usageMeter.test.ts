import { expect, it } from "vitest";
import { emptyContainerRecord, type PodRecord } from "../../../../src/local/node/podRecord.ts";
import type { Usage } from "../../../../src/local/node/processUsage.ts";
import { nodeMetrics, podMetrics } from "../../../../src/local/node/resourceMetrics.ts";
import { UsageMeter } from "../../../../src/local/node/usageMeter.ts";

const container = (name: string, pid: number, startTime = "boot:1") => ({
  ...emptyContainerRecord(name),
  process: { pid, startTime },
});

function pod(name: string, ...containers: ReturnType<typeof container>[]) {
  const record: PodRecord = {
    uid: name,
    namespace: "models",
    name,
    address: "10.88.1.1",
    gracePeriodSeconds: 30,
    startTime: "2026-11-30T04:00:00Z",
    initialized: true,
    containers: Object.fromEntries(containers.map((each) => [each.name, each])),
  };
  return { record, pod: { metadata: { labels: { app: name } } } };
}

/** A meter with a clock and processes that the test sets. */
function measured(workers: ReturnType<typeof pod>[]) {
  const processes = new Map<number, Usage>();
  let now = Date.parse("2026-11-30T04:00:00Z");
  const meter = new UsageMeter(
    () => [{ name: "cpu-0", labels: { pool: "cpu" }, workers }],
    (roots) => new Map([...processes].filter(([pid]) => roots.includes(pid))),
    () => now,
  );
  const use = (seconds: number, used: Readonly<Record<number, readonly [cpu: number, memory: number]>>) => {
    now += seconds * 1000;
    for (const [pid, [cpuSeconds, memoryBytes]] of Object.entries(used)) {
      processes.set(Number(pid), { cpuSeconds, memoryBytes });
    }
    meter.measure();
  };
  return { meter, use, processes };
}

it("tells cores on average over the last measurements, and the memory of now", () => {
  const { meter, use } = measured([pod("iris", container("model", 7), container("sidecar", 8))]);
  use(5, { 7: [10, 1024], 8: [1, 2048] });
  expect(meter.pods).toEqual([]);
  use(5, { 7: [12.5, 4096], 8: [1, 2048] });
  const [first] = meter.pods;
  expect(first && podMetrics(first)).toEqual({
    kind: "PodMetrics",
    apiVersion: "metrics.k8s.io/v1beta1",
    metadata: { name: "iris", namespace: "models", labels: { app: "iris" }, creationTimestamp: "2026-11-30T04:00:10Z" },
    timestamp: "2026-11-30T04:00:10Z",
    window: "5.000s",
    containers: [
      { name: "model", usage: { cpu: "500000000n", memory: "4Ki" } },
      { name: "sidecar", usage: { cpu: "0n", memory: "2Ki" } },
    ],
  });
  use(5, { 7: [12.5, 4096] });
  use(5, { 7: [12.5, 4096] });
  expect(meter.pods[0]).toMatchObject({ windowMs: 15_000 });
  // The oldest measurement is forgotten, and with it the load.
  use(5, { 7: [12.5, 4096] });
  expect(meter.pods[0]?.containers[0]?.cores).toBe(0);
});

it("leaves out a pod until each of its containers was measured twice in one run", () => {
  const iris = pod("iris", container("model", 7));
  const { meter, use } = measured([iris, pod("starting")]);
  use(5, { 7: [10, 0] });
  use(5, { 7: [11, 0] });
  expect(meter.pods.map(({ name }) => name)).toEqual(["iris"]);
  // It was started again, under the pid that it had.
  iris.record.containers.model = container("model", 7, "boot:2");
  use(5, { 7: [0.1, 0] });
  expect(meter.pods).toEqual([]);
  use(5, { 7: [5.1, 0] });
  expect(meter.pods[0]?.containers).toEqual([{ name: "model", cores: 1, memoryBytes: 0 }]);
});

it("forgets a container whose processes have ended", () => {
  const { meter, use, processes } = measured([pod("iris", container("model", 7))]);
  use(5, { 7: [10, 0] });
  use(5, { 7: [11, 0] });
  processes.clear();
  use(5, {});
  expect(meter.pods).toEqual([]);
});

it("gives a node the sum of its pods", () => {
  const { meter, use } = measured([pod("iris", container("model", 7)), pod("greeter", container("model", 8))]);
  use(5, { 7: [0, 1024], 8: [0, 1024] });
  expect(meter.nodes).toEqual([]);
  use(5, { 7: [1, 1024], 8: [4, 1024] });
  const [node] = meter.nodes;
  expect(node && nodeMetrics(node)).toMatchObject({
    metadata: { name: "cpu-0", labels: { pool: "cpu" } },
    window: "5.000s",
    usage: { cpu: "1000000000n", memory: "2Ki" },
  });
});
