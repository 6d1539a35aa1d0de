import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { V1Pod } from "@kubernetes/client-node";
import { apiTime } from "./apiTime.ts";
import type { ProcessRef } from "./processes.ts";

/** How one run of a container ended. */
export interface ContainerEnd {
  readonly exitCode: number;
  readonly signal: number;
  /** Machine-readable, such as `Completed`, `Error` or `StartError`. */
  readonly reason: string;
  readonly message: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Which run it was, from 0. */
  readonly attempt: number;
}

/** Everything the node must remember of a container to go on after its own restart. */
export interface ContainerRecord {
  readonly name: string;
  /** Runs begun so far; the current run is number `runs - 1`. */
  runs: number;
  /** Parent (container-shim) of the current run, as long as it is not known to have ended. */
  process?: ProcessRef | undefined;
  startedAt?: string | undefined;
  /** The end of the current run, once it is known. */
  end?: ContainerEnd | undefined;
  /** The end of the run before. */
  lastEnd?: ContainerEnd | undefined;
  /** Ends in a row, for the back-off. */
  failures: number;
  /** Startup probe passed. */
  started: boolean;
  ready: boolean;
  /** In any of its runs. */
  wasReady?: boolean;
  imageID: string;
}

/** State of one pod on its node: `<node>/pods/<uid>/pod.json`. */
export interface PodRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly address: string;
  /** Seconds a container gets between SIGTERM and SIGKILL. */
  gracePeriodSeconds: number;
  startTime: string;
  sandbox?: ProcessRef | undefined;
  /** All init containers have done their work in the present sandbox. */
  initialized: boolean;
  /** Set once no container runs or will run again. */
  outcome?: "Succeeded" | "Failed" | undefined;
  outcomeReason?: string | undefined;
  readonly containers: Record<string, ContainerRecord>;
}

export function emptyContainerRecord(name: string): ContainerRecord {
  return { name, runs: 0, failures: 0, started: false, ready: false, imageID: "" };
}

export function recordOf(record: PodRecord, name: string): ContainerRecord {
  record.containers[name] ??= emptyContainerRecord(name);
  return record.containers[name];
}

/** Replaces the file in one step; a node killed in between leaves the old state. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(value)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** The file's value, or undefined when it is missing or damaged. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}

export async function writePodRecord(folder: string, record: PodRecord): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeJson(join(folder, "pod.json"), record);
}

/** All pods that the node's folder knows; a folder without a record is one that never got a process. */
export async function readPodRecords(podsFolder: string): Promise<PodRecord[]> {
  const names = await readdir(podsFolder).catch(() => []);
  const records = await Promise.all(names.map((name) => readJson<PodRecord>(join(podsFolder, name, "pod.json"))));
  return records.filter((record) => record !== undefined);
}

/** The record of a pod that this node sees for the first time. */
export function newPodRecord(pod: V1Pod, address: string): PodRecord {
  return {
    uid: pod.metadata?.uid ?? "",
    namespace: pod.metadata?.namespace ?? "",
    name: pod.metadata?.name ?? "",
    address,
    gracePeriodSeconds: pod.spec?.terminationGracePeriodSeconds ?? 30,
    startTime: apiTime(Date.now()),
    initialized: false,
    containers: {},
  };
}
