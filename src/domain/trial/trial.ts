import type { Progress } from "../progress.ts";
import type { Failure } from "../recording/prediction.ts";
import type { RunnableCombination } from "./combination.ts";

/**
 * An environment of one combination, beside whatever serves. Nothing of it outlives the process that brought it up, however that
 * ends.
 */
export interface Trial {
  /** In the combination's order. */
  readonly models: readonly TriedModel[];
  /** Sends one request to a model and answers what came, also where that is a failure. Throws only the signal's reason. */
  ask(model: string, request: TrialRequest): Promise<TrialAnswer>;
  /** What a model's container has written since it started, without times; at most the last `bytes`. @default 64 KiB */
  logs(model: string, bytes?: number): Promise<string>;
  /** How often a model's container has ended since it was ready. One that ends starts again, as it would in a cluster. */
  restarts(model: string): Promise<number>;
  /**
   * Resolves once the trial was disposed of.
   * @throws OperatorError where it ended by itself, such as at its deadline
   */
  ended(): Promise<void>;
  /** Ends every process, and deletes everything that was made for the trial. Answers once that is done; may be called twice. */
  dispose(): Promise<void>;
}

/** A model that answers. */
export interface TriedModel {
  readonly name: string;
  /** `<url>@sha256:<64 hex>` of what runs. */
  readonly image: string;
  /** From the start of its container until it was ready, in milliseconds. */
  readonly startedInMs: number;
  /**
   * Unix socket at which it takes HTTP, as its port does: for `new Agent({ connect: { socketPath } })` of undici, with any host in
   * the url.
   */
  readonly socketPath: string;
}

export interface TrialRequest {
  /** Path and query. @default /v1/models/model:predict */
  readonly path?: string | undefined;
  /** @default POST */
  readonly method?: string | undefined;
  /** @default content-type: application/json */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body: Uint8Array | string;
  /** Until the answer is whole, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface TrialAnswer {
  /** HTTP status; null where nothing answered. */
  readonly status: number | null;
  readonly headers: Readonly<Record<string, string>>;
  /** As it came, so far as it came. */
  readonly body: Uint8Array;
  /** Why the answer is not whole; null where it is. */
  readonly failure: Failure | null;
  /** What is known of a failure of the connection, in the words of whoever saw it; null otherwise. */
  readonly error: string | null;
  /** Until the last byte, in milliseconds; null where the answer is not whole. */
  readonly durationMs: number | null;
  /** Until the first byte of the body, in milliseconds; null where none came. */
  readonly firstByteMs: number | null;
  /** Of a stream of a known protocol: until the model said something, in milliseconds. Null otherwise. */
  readonly firstTokenMs: number | null;
}

/** What the state of a trial begins with. */
export type TrialState =
  /** Its tables, without rows. */
  | "empty"
  /** The rows of a snapshot: see {@link StateCopy}. */
  | StateCopy;

/**
 * The permission to copy a release's state, which is audited. Only the adapter that checks the right makes one.
 */
export interface StateCopy {
  readonly kind: "copy";
  /** Writes the snapshot into a folder of the trial; answers the folder. */
  readonly copy: (folder: string, signal: AbortSignal) => Promise<string>;
}

export interface BringUpOptions {
  readonly state: TrialState;
  /** Whether containers reach public addresses, through the egress proxy. @default false: they reach nothing outside the trial */
  readonly egress?: boolean | undefined;
  /** Values of secrets, by name. What is missing is refused before anything starts. */
  readonly secrets: Readonly<Record<string, string>>;
  /** The trial is removed then, whatever still happens in it. */
  readonly deadline: Date;
  /** How long a model may take until it is ready, in seconds. @default 1800, as in a cluster */
  readonly startWithinSeconds?: number | undefined;
  readonly progress: Progress;
  /** Aborting removes what has been brought up so far. It does not end a trial that was answered: `dispose` does. */
  readonly signal: AbortSignal;
}

/**
 * Brings a combination up and answers once every model is ready.
 * @throws OperatorError for missing secrets (all of them), images that are gone, a state that cannot be had; `ModelsNotStarted` for
 *   models that did not become ready; the signal's reason.
 */
export type BringUp = (combination: RunnableCombination, options: BringUpOptions) => Promise<Trial>;
