import type { SleepCluster, SleepingService } from "../sleep/ports.ts";

/** A development version's container, as the cluster tells it. */
export interface VersionPod {
  readonly name: string;
  /** `http://<pod's address>:8080` */
  readonly url: string;
  /** Identity of the container's disk: its id. */
  readonly instance: string;
  /** When that container started, in milliseconds since 1970. */
  readonly startedAt: number;
  /** Whether the model answers, by the pod's own readiness probe. */
  readonly isReady: boolean;
  /** Names of the variables that the stack sets: they win over the truss's own, in patches as in images. */
  readonly variables: ReadonlySet<string>;
  /** Whether its uv and git look for credentials in the files that are patched for them: pods from before that do not. */
  readonly readsCredentialFiles: boolean;
}

/** One line that a container wrote. */
export interface LogLine {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Nanoseconds since 1970, as text: a number of JavaScript cannot hold them. */
  readonly nanoseconds: string;
  readonly text: string;
  /** Name of the pod. */
  readonly pod: string;
}

/** What the cluster runs, development versions by their ids. */
export interface VersionCluster extends SleepCluster {
  /** Undefined where the version is not deployed. */
  service(versionId: string): SleepingService | undefined;
  /** The pod that runs and is not ending; undefined where there is none yet. */
  pod(versionId: string): VersionPod | undefined;
  /** Ids of all deployed development versions. */
  versions(): readonly string[];
  /** The last lines of a version's log, the oldest first; none where it does not run. */
  logs(versionId: string, lines: number): Promise<readonly LogLine[]>;
  deletePod(name: string): Promise<void>;
}
