import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { refuse } from "../../domain/batch/refusals.ts";
import { messageOf } from "../../domain/errors.ts";

interface Waiting {
  readonly text: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Between two moments at which the disk has all answers, in milliseconds: a power cut takes no more, and a kill takes nothing. */
const syncEveryMs = 250;

/** Appends answers to a file: whole ones, in the order in which they come. */
export class AnswersFile {
  readonly #out: string;
  readonly #handle: FileHandle;
  /** Bytes of whole answers. */
  #size: number;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #syncing: NodeJS.Timeout | Promise<void> | undefined;
  /** Why nothing can be written any more. */
  #broken: unknown;

  private constructor(out: string, handle: FileHandle, size: number) {
    this.#out = out;
    this.#handle = handle;
    this.#size = size;
  }

  /**
   * @param size - bytes of whole answers that are there; what follows them is cut off
   * @throws OperatorError where the file cannot be made, or written to.
   */
  static async open(out: string, size: number): Promise<AnswersFile> {
    try {
      // By "a" it is made where it is not there, and nothing of it is lost.
      const handle = await open(out, "a");
      await handle.truncate(size);
      await handle.sync();
      await syncFolder(dirname(out));
      return new AnswersFile(out, handle, size);
    } catch (error) {
      throw refuse("batch.out-unreadable", { out, reason: messageOf(error) }, error);
    }
  }

  /** Resolves once the operating system has it: it then survives the end of this process. */
  append(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ text, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  /** Resolves once the disk has everything. @throws OperatorError where it has not. */
  async close(): Promise<void> {
    await this.#writing;
    if (this.#syncing instanceof Promise) await this.#syncing;
    else clearTimeout(this.#syncing);
    try {
      if (this.#broken === undefined) await this.#handle.datasync();
    } catch (error) {
      this.#breakOff(error);
    } finally {
      await this.#handle.close();
    }
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** All that came while the last ones were written, in one write. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        if (this.#broken !== undefined) throw this.#broken;
        await this.#writeAll(Buffer.from(group.map(({ text }) => text).join("")));
        for (const { resolve } of group) resolve();
        this.#syncSoon();
      } catch (error) {
        this.#breakOff(error);
        for (const { reject } of group) reject(this.#broken);
      }
    }
    this.#writing = undefined;
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    try {
      for (let written = 0; written < bytes.length; ) {
        written += (await this.#handle.write(bytes, written, bytes.length - written)).bytesWritten;
      }
      this.#size += bytes.length;
    } catch (error) {
      // No half an answer stays.
      await this.#handle.truncate(this.#size).catch(() => {});
      throw error;
    }
  }

  #breakOff(error: unknown): void {
    this.#broken ??= refuse("batch.not-written", { out: this.#out, reason: messageOf(error) }, error);
  }

  #syncSoon(): void {
    this.#syncing ??= setTimeout(() => {
      this.#syncing = this.#handle
        .datasync()
        .catch((error: unknown) => this.#breakOff(error))
        .finally(() => {
          this.#syncing = undefined;
        });
    }, syncEveryMs);
  }
}

/** So that a new file's name is on the disk too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
