import type { V1Pod } from "@kubernetes/client-node";
import { isRunning } from "./containerPlan.ts";
import type { PodRecord } from "./podRecord.ts";
import { readUsage, type Usage } from "./processUsage.ts";

/** A node with its pods, as far as they are measured. */
export interface MeasuredNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly workers: Iterable<{ readonly record: Readonly<PodRecord>; readonly pod: V1Pod | undefined }>;
}

/** What one container used of late. */
export interface ContainerUsage {
  readonly name: string;
  /** Cores, on average over the window. */
  readonly cores: number;
  readonly memoryBytes: number;
}

/** What one pod used of late. */
export interface PodUsage {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly node: string;
  /** When it was measured, in milliseconds since 1970. */
  readonly at: number;
  /** What the averages are over, in milliseconds. */
  readonly windowMs: number;
  readonly containers: readonly ContainerUsage[];
}

export interface NodeUsage {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly at: number;
  readonly windowMs: number;
  readonly cores: number;
  readonly memoryBytes: number;
}

/** Between two measurements, in milliseconds. */
export const measureEvery = 5_000;
/** Averages are over so many of them. */
const kept = 4;

interface Sample {
  readonly at: number;
  /** By pid and start of a container's parent process, so that a run is never taken for another one. */
  readonly runs: ReadonlyMap<string, Usage>;
}

/** Measures what the containers of all nodes use, as the kubelet does with cgroups, which take root. */
export class UsageMeter {
  readonly #nodes: () => Iterable<MeasuredNode>;
  readonly #read: typeof readUsage;
  readonly #now: () => number;
  #samples: readonly Sample[] = [];

  /**
   * @param read - default: from /proc
   * @param now - milliseconds since 1970
   */
  constructor(nodes: () => Iterable<MeasuredNode>, read: typeof readUsage = readUsage, now: () => number = Date.now) {
    this.#nodes = nodes;
    this.#read = read;
    this.#now = now;
  }

  measure(): void {
    const processes = [...this.#nodes()].flatMap(({ workers }) =>
      [...workers].flatMap(({ record }) => runsOf(record).map(({ process }) => process)),
    );
    const at = this.#now();
    const used = this.#read(processes.map(({ pid }) => pid));
    const runs = new Map<string, Usage>();
    for (const process of processes) {
      const usage = used.get(process.pid);
      if (usage) runs.set(keyOf(process), usage);
    }
    this.#samples = [...this.#samples.slice(1 - kept), { at, runs }];
  }

  /** Pods whose running containers were all measured twice: others' averages would be half the truth. */
  get pods(): PodUsage[] {
    return [...this.#nodes()].flatMap(({ name, workers }) =>
      [...workers].flatMap((worker) => this.#usageOf(name, worker) ?? []),
    );
  }

  /** Nodes by their pods; what else runs on the machine is nobody's. */
  get nodes(): NodeUsage[] {
    const [oldest, newest] = [this.#samples[0], this.#samples.at(-1)];
    if (!oldest || !newest || oldest === newest) return [];
    const pods = this.pods;
    return [...this.#nodes()].map(({ name, labels }) => {
      const containers = pods.filter(({ node }) => node === name).flatMap((pod) => pod.containers);
      return {
        name,
        labels,
        at: newest.at,
        windowMs: newest.at - oldest.at,
        cores: containers.reduce((sum, { cores }) => sum + cores, 0),
        memoryBytes: containers.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
      };
    });
  }

  #usageOf(node: string, { record, pod }: { record: Readonly<PodRecord>; pod: V1Pod | undefined }) {
    const runs = runsOf(record);
    const newest = this.#samples.at(-1);
    // All containers are averaged over one window, that of the youngest.
    const oldest = this.#samples.find((sample) => runs.every(({ process }) => sample.runs.has(keyOf(process))));
    if (!pod || runs.length === 0 || !newest || !oldest || oldest === newest) return undefined;
    const windowMs = newest.at - oldest.at;
    const containers: ContainerUsage[] = [];
    for (const { name, process } of runs) {
      const [before, after] = [oldest.runs.get(keyOf(process)), newest.runs.get(keyOf(process))];
      if (!before || !after) return undefined;
      const cores = Math.max(0, after.cpuSeconds - before.cpuSeconds) / (windowMs / 1000);
      containers.push({ name, cores, memoryBytes: after.memoryBytes });
    }
    const { namespace, name } = record;
    return { namespace, name, labels: pod.metadata?.labels ?? {}, node, at: newest.at, windowMs, containers };
  }
}

function runsOf({ containers }: Readonly<PodRecord>) {
  return Object.values(containers).flatMap((each) =>
    isRunning(each) && each.process ? [{ name: each.name, process: each.process }] : [],
  );
}

function keyOf({ pid, startTime }: { readonly pid: number; readonly startTime: string }): string {
  return `${pid} ${startTime}`;
}
