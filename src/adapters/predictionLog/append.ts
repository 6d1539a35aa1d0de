import { write } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Loss, LossReason } from "../../domain/recording/prediction.ts";
import { ByteWriter } from "../byteWriter.ts";
import { type CapturedPrediction, type LogCounters, writeCounters, writeLoss, writePrediction } from "./frame.ts";
import { LogPositions } from "./positions.ts";
import { recoverLog } from "./recover.ts";
import { logId, segmentPath } from "./segments.ts";

export interface AppendLimits {
  /** Bytes of the log that are not stored yet. */
  readonly logBytes: number;
  /**
   * Bytes that wait for the disk, in memory.
   * @default 32 MiB
   */
  readonly pendingBytes?: number;
  /**
   * Bytes of a file, after which the next is begun.
   * @default 16 MiB
   */
  readonly segmentBytes?: number;
}

/**
 * Requests that are written at the same time share one write, which begins this long after the first of them; in
 * milliseconds. A recorder that is killed loses count of what it accepted in this time, and no more.
 */
const groupMs = 2;
/** Losses are added up for this long before they are written, in milliseconds. */
const lossesMs = 1_000;

/**
 * Writes predictions to a log on disk: nothing of it is awaited, nothing throws, memory is bounded. What was written survives the
 * process (not the machine: nothing is synced, for the database has it a moment later).
 */
export class PredictionLog {
  readonly id: string;
  readonly positions: LogPositions;
  readonly #folder: string;
  readonly #limits: Required<AppendLimits>;
  readonly #onLoss: (reason: LossReason, requests: number) => void;
  readonly #losses = new Map<LossReason, number>();
  #accepted = 0;
  #finished = 0;
  #pending = new ByteWriter();
  #writing = new ByteWriter();
  /** Predictions in `#pending`. */
  #predictions = 0;
  #isScheduled = false;
  #write: Promise<void> | undefined;
  #file: FileHandle | undefined;
  #fileBytes = 0;
  /** What the log says already. */
  #written: LogCounters = { accepted: 0, finished: 0 };
  #lossTimer: NodeJS.Timeout | undefined;
  #lossesWrittenAt = Number.NEGATIVE_INFINITY;
  #isClosing = false;

  private constructor(
    id: string,
    positions: LogPositions,
    folder: string,
    limits: AppendLimits,
    onLoss: (reason: LossReason, requests: number) => void,
  ) {
    this.id = id;
    this.positions = positions;
    this.#folder = folder;
    this.#limits = { pendingBytes: 32 * 1024 ** 2, segmentBytes: 16 * 1024 ** 2, ...limits };
    this.#onLoss = onLoss;
  }

  /**
   * Opens the log in `folder`, which is made where it is missing. One process may have it open at a time.
   * @param onLoss - called once for what a killed process left behind, and whenever a record is lost
   */
  static async open(
    folder: string,
    limits: AppendLimits,
    onLoss: (reason: LossReason, requests: number) => void,
  ): Promise<PredictionLog> {
    const id = await logId(folder);
    const { start, end, unfinished } = await recoverLog(folder);
    const positions = new LogPositions();
    positions.end = end;
    positions.stored = start;
    const log = new PredictionLog(id, positions, folder, limits, onLoss);
    await log.#beginSegment(unfinished > 0 ? [{ reason: "killed", requests: unfinished, at: Date.now() }] : []);
    if (unfinished > 0) onLoss("killed", unfinished);
    return log;
  }

  /** A request is about to be forwarded; `finish` has to follow. */
  accept(): void {
    this.#accepted += 1;
    this.#schedule();
  }

  /** Takes the record of an accepted request; without one, there is nothing to be stored of it. */
  finish(prediction?: CapturedPrediction): void {
    this.#finished += 1;
    this.#schedule();
    if (!prediction || !this.#hasRoom(1)) return;
    writePrediction(this.#pending, prediction);
    this.#predictions += 1;
  }

  /** Takes records of accepted requests that are frames already, all of them predictions. */
  finishFrames(frames: Uint8Array, predictions: number): void {
    this.#finished += predictions;
    this.#schedule();
    if (predictions === 0 || !this.#hasRoom(predictions)) return;
    this.#pending.raw(frames);
    this.#predictions += predictions;
  }

  /** Counts what is lost before it comes here; requests whose record never comes have to be finished besides. */
  lose(reason: LossReason, requests: number): void {
    this.#losses.set(reason, (this.#losses.get(reason) ?? 0) + requests);
    this.#onLoss(reason, requests);
    this.#lossTimer ??= setTimeout(() => this.#schedule(), lossesMs).unref();
  }

  /** Waits until everything is on disk, and closes the file. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#losses.size > 0) this.#schedule();
    while (this.#isScheduled || this.#write) {
      await this.#write;
      if (this.#isScheduled) await delay(groupMs);
    }
    clearTimeout(this.#lossTimer);
    await this.#file?.close();
  }

  #isFull(): boolean {
    return this.positions.end + this.#pending.length - this.positions.stored > this.#limits.logBytes;
  }

  #hasRoom(predictions: number): boolean {
    const isSlow = this.#pending.length > this.#limits.pendingBytes;
    if (!isSlow && !this.#isFull()) return true;
    this.lose(isSlow ? "log_slow" : "log_full", predictions);
    return false;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    if (!this.#write) setTimeout(() => this.#flush(), groupMs);
  }

  #flush(): void {
    this.#isScheduled = false;
    this.#write = this.#writeGroup().finally(() => {
      this.#write = undefined;
      if (this.#isScheduled) setTimeout(() => this.#flush(), groupMs);
    });
  }

  async #writeGroup(): Promise<void> {
    const predictions = this.#predictions;
    const counters = { accepted: this.#accepted, finished: this.#finished };
    const losses = this.#takeLosses();
    // A full log grows by nothing but its losses, once a second.
    if (predictions === 0 && losses.length === 0 && this.#isFull()) return;
    for (const [reason, requests] of losses) writeLoss(this.#pending, { reason, requests, at: Date.now() });
    writeCounters(this.#pending, counters);
    const group = this.#pending;
    [this.#pending, this.#writing] = [this.#writing, group];
    this.#predictions = 0;
    try {
      if (!this.#file || this.#fileBytes >= this.#limits.segmentBytes) await this.#beginSegment([]);
      await this.#append(group.bytes());
      this.#written = counters;
    } catch {
      // What is on disk may end in the middle of a frame, which ends a file for its readers: go on in another one.
      const broken = this.#file;
      this.#file = undefined;
      await broken?.close().catch(() => {});
      for (const [reason, requests] of losses) this.#losses.set(reason, (this.#losses.get(reason) ?? 0) + requests);
      if (predictions > 0) this.lose("log_failed", predictions);
    } finally {
      // Memory of a rush is given back.
      if (group.length > 4 * 1024 ** 2) this.#writing = new ByteWriter();
      else group.truncate();
    }
  }

  #takeLosses(): [LossReason, number][] {
    const now = performance.now();
    if (!this.#isClosing && now - this.#lossesWrittenAt < lossesMs) return [];
    const losses = [...this.#losses];
    if (losses.length === 0) return losses;
    this.#lossesWrittenAt = now;
    this.#losses.clear();
    clearTimeout(this.#lossTimer);
    this.#lossTimer = undefined;
    return losses;
  }

  /** A file begins with what came before it, so that nobody needs an older one. */
  async #beginSegment(losses: readonly Loss[]): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    this.#file = await open(segmentPath(this.#folder, this.positions.end), "w");
    this.#fileBytes = 0;
    const head = new ByteWriter(256);
    for (const loss of losses) writeLoss(head, loss);
    writeCounters(head, this.#written);
    await this.#append(head.bytes());
  }

  async #append(bytes: Buffer): Promise<void> {
    const file = this.#file;
    if (!file) throw new Error("the log has no file");
    let done = 0;
    try {
      while (done < bytes.length) done += await writeTo(file.fd, bytes, done);
    } finally {
      // At once, so that readers see whole frames only; or what there is of them, and then the next file begins behind it.
      this.#fileBytes += done;
      this.positions.end += done;
    }
  }
}

/** Answers how many bytes were written. A handle's own method costs twice as much, hundreds of times a second. */
function writeTo(fd: number, bytes: Buffer, from: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, from, bytes.length - from, null, (error, written) => (error ? reject(error) : resolve(written)));
  });
}
