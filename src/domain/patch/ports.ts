import type { AppendResult, NewPatch, PatchChain } from "./chain.ts";
import type { PatchOperation } from "./operation.ts";

/** An answer, or why there is none. */
export type Reply<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** What became of a patch that was sent. */
export type PatchOutcome =
  /** Applied, or there was nothing to do because the hash was the running one: the answers are alike. */
  | { readonly kind: "accepted" }
  | {
      /**
       * `inadmissible`: the running hash is another one. `unsupported`: nothing was touched. `recoverable`: the first
       * operation failed and the old process runs; or a hot reload failed, and then the hash is the new one although
       * the old code serves. `unrecoverable`: some operations were applied, the server is stopped.
       * `unknown`: no usable answer; it may have happened, may happen later, or never.
       */
      readonly kind: "inadmissible" | "unsupported" | "recoverable" | "unrecoverable" | "unknown";
      readonly reason: string;
    };

/** Whether the model answers requests. */
export type Probe =
  | { readonly answers: true }
  | {
      readonly answers: false;
      /** `stopped`: there is no process; `load_failed`: the process gave up; `loading`: not yet. */
      readonly state: "stopped" | "load_failed" | "loading" | "unreachable";
      readonly reason: string;
    };

/** The control server of one running container. No method throws for what the server or the network does. */
export interface ControlServer {
  /**
   * Identity of the container's disk, such as the container id: another one when the disk is fresh from the image. A
   * control process that restarts on the same disk keeps it.
   */
  readonly instance: string;
  /** When that container started, in milliseconds since 1970: tells which of two containers is the later one. */
  readonly startedAt: number;
  runningHash(): Promise<Reply<string | null>>;
  isPartiallyApplied(): Promise<Reply<boolean>>;
  patch(request: {
    readonly hash: string;
    readonly prevHash: string;
    readonly patches: readonly PatchOperation[];
  }): Promise<PatchOutcome>;
  restartInference(): Promise<Reply<undefined>>;
  stopInference(): Promise<Reply<undefined>>;
  /** Must not be asked before the inference server was started: requests that wait for it block the control server. */
  probe(): Promise<Probe>;
}

/** What was sent and is not known to have arrived, and the lease of the replica that sent it. */
export interface SyncIntent {
  /** Of the sync that holds the lease. */
  readonly id: string;
  /** Position that the container had. */
  readonly from: number;
  /** Positions that it may have got, by those that this sync took over from and, last, by this one. */
  readonly to: readonly number[];
  /** End of the lease, in milliseconds since 1970; others may take over after it. */
  readonly until: number;
}

/** What is known about the one container of a version. Written before anything is sent to it. */
export interface SyncRecord {
  readonly generation: number;
  readonly instance: string;
  /** Of that container; a sync that still believes in an earlier one must not go on. */
  readonly startedAt: number;
  /** Position whose files the running process was started from or has reloaded; null until that is known. */
  readonly at: number | null;
  readonly intent: SyncIntent | null;
  /** Until when a request whose reply was lost may still arrive, in milliseconds since 1970; 0 where there is none. */
  readonly lateUntil: number;
  /** Why the container cannot be used any more. */
  readonly broken: string | null;
  /** What could not be applied, kept for the container's successor too. */
  readonly refused: Refusal | null;
}

/** Patches that a container could not take: it goes on with what is before them, and they are not sent again by themselves. */
export interface Refusal {
  /** The patches up to this one. */
  readonly seq: number;
  /** The reason. Records in `truss_sync` have it by this name. */
  readonly because: string;
  /** Position that a container can have; 0, the image's own content, where what is just before `seq` was refused too. */
  readonly good: number;
  /** When they were refused, in milliseconds since 1970, where another try may do no harm. @default it would */
  readonly at?: number;
}

/** What a sync reads: taken in one transaction. */
export interface SyncState {
  readonly chain: PatchChain;
  readonly record: SyncRecord | null;
  /** Counts writes of the record; 0 before the first. */
  readonly revision: number;
}

/** Keeps chains and records, for many API replicas at once. */
export interface PatchStore {
  /** Undefined when the version has no generation yet. */
  read(versionId: string): Promise<SyncState | undefined>;
  /** Check-and-set on the head, in one transaction. */
  append(versionId: string, patch: NewPatch): Promise<AppendResult>;
  /** A full deployment: a new, empty chain. Answers its generation. */
  startGeneration(versionId: string, baseHash: string): Promise<number>;
  /** Check-and-set on the revision; false when another replica was first. */
  writeRecord(versionId: string, record: SyncRecord, revision: number): Promise<boolean>;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}
