import type { Clock, ControlServer, PatchStore } from "./ports.ts";
import { plainHash } from "./position.ts";

/** What the container runs, as far as it is known. */
export interface Running {
  /** The control server's hash; null where it has not answered. */
  readonly hash: string | null;
  /** Whether the model answered last; null where it was not asked. */
  readonly answers: boolean | null;
}

/** How a sync ended. Only `synced` says that the head of the chain is what answers predictions. */
export type SyncResult =
  | {
      readonly state: "synced";
      readonly hash: string;
      readonly generation: number;
      readonly seq: number;
      /** Requests with patches that this sync sent; 0 where others had done it. */
      readonly sent: number;
      /** Whether the last of them was applied without a restart. */
      readonly hot: boolean;
      /** How long the container took for the last of them, in milliseconds; 0 where this sync sent none. */
      readonly applyMs: number;
    }
  | {
      /**
       * `recreate`: only a new pod helps. `replaced`: a later container has taken its place. `fullDeployment`: the running truss has no place in the chain. `failed`: the
       * truss itself is at fault, and another patch can mend it. `unsettled`: time ran out; sync again.
       */
      readonly state: "recreate" | "replaced" | "fullDeployment" | "failed" | "unsettled";
      readonly reason: string;
      readonly running: Running;
    };

/** Whether the model of a container answered, loaded from the files of `hash`. */
export interface Seen {
  readonly hash: string;
  readonly answers: boolean;
}

export interface SyncPorts {
  readonly store: PatchStore;
  readonly control: ControlServer;
  readonly clock: Clock;
  /** Unique text for one sync. */
  readonly newId: () => string;
  /**
   * What the model of each container was seen to do last, by instance: known without a question by later syncs of one process.
   * @default known to this sync alone
   */
  readonly seen?: Map<string, Seen>;
}

/** Times in milliseconds. */
export interface SyncOptions {
  /** After this the sync answers `unsettled`. @default 120_000 */
  readonly withinMs?: number;
  /** How long others leave a container to the replica that sends to it. @default 30_000 */
  readonly leaseMs?: number;
  /** How long a request whose reply was lost may still arrive. @default 180_000 */
  readonly lateMs?: number;
  /** How long a model may be down before it counts as failed; the overseer restarts one within 10 s. @default 15_000 */
  readonly downMs?: number;
  /** How long a process may go on with predictions under way before its pod is replaced. @default 25_000 */
  readonly drainMs?: number;
  /** The same for a process that does not answer, or whose reload a later patch has overtaken. @default 3_000 */
  readonly stuckMs?: number;
  /** Size of one request's patches, in UTF-16 code units of JSON. @default 32 MiB */
  readonly requestSize?: number;
}

/** One sync under way. */
export interface SyncContext extends Required<SyncPorts> {
  readonly versionId: string;
  readonly id: string;
  readonly times: Required<SyncOptions>;
  /** What the container itself said last. */
  running: Running;
  /** Whether the record's word is taken for where the container is; false once it was wrong, or was no help. */
  trustsRecord: boolean;
  sent: number;
  hot: boolean;
  applyMs: number;
  /** How the model does not answer, and since when; undefined while it does or was not asked since it was started. */
  down: { readonly since: number; readonly state: string; readonly isFirst: boolean } | undefined;
  /** Whether a process that had ended was started once more. */
  isStartedAgain: boolean;
  /** Whether the process that a request ends was seen not to answer. */
  isDown: boolean;
  /** Whether patches that install or download something may be under way. */
  isInstalling: boolean;
  /** Whether this sync may have written down that it sends something: others wait for it then. */
  hasTaken: boolean;
}

/** What a round came to: an end, an immediate next round, or one after a pause. */
export type Turn =
  | { readonly end: SyncResult }
  | { readonly next: true }
  | { readonly pause: string; readonly atMostMs: number };

export const next: Turn = { next: true };
export const pause = (reason: string, atMostMs = 2_000): Turn => ({ pause: reason, atMostMs });
export function end(
  context: SyncContext,
  state: "recreate" | "replaced" | "fullDeployment" | "failed" | "unsettled",
  reason: string,
): Turn {
  return { end: { state, reason, running: shown(context.running) } };
}

/** As callers know it: without the mark of a hash that is on its way. */
export function shown({ hash, answers }: Running): Running {
  return { hash: hash === null ? null : plainHash(hash), answers };
}
