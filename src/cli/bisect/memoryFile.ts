import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Memory, Remembered } from "../../domain/bisect/ports.ts";
import { messageOf } from "../../domain/errors.ts";
import { failures } from "../../domain/recording/prediction.ts";
import { textDigest } from "../../domain/release/combination.ts";
import type { KeptAnswer } from "./expectation.ts";
import { refuse } from "./refusals.ts";

const file = z.strictObject({
  /** What was asked, for people. */
  question: z.unknown(),
  answers: z.record(
    z.string(),
    z.union([
      z.strictObject({ asked: z.number(), faulty: z.number(), restores: z.number() }),
      z.strictObject({ notJudged: z.string(), restores: z.number() }),
    ]),
  ),
  /** What the release of `--answer-of` answered. */
  reference: z
    .array(
      z.strictObject({
        status: z.number().nullable(),
        failure: z.enum(failures).nullable(),
        body: z.string(),
        encoding: z.string().nullable(),
      }),
    )
    .nullable(),
  /** How often the release of `--answer-of` was brought up for that alone. */
  referenceRestores: z.number(),
});
type Content = z.output<typeof file>;

/** What was answered to one question, in a file of the home: a search that was ended, however, goes on with it. */
export class MemoryFile implements Memory {
  readonly #path: string;
  readonly #content: Content;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, content: Content) {
    this.#path = path;
    this.#content = content;
  }

  /**
   * @param home - the folder that holds environments
   * @param question - everything that an answer depends on beside the combination, as JSON
   * @param isFresh - forget what was answered before
   * @throws OperatorError where the file is not one of these.
   */
  static async open(home: string, question: unknown, isFresh: boolean): Promise<MemoryFile> {
    const path = memoryPath(home, question);
    const text = isFresh
      ? undefined
      : await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
          if (error.code === "ENOENT") return undefined;
          throw refuse("bisect.memory-unreadable", { path, reason: error.message }, error);
        });
    if (text === undefined)
      return new MemoryFile(path, { question, answers: {}, reference: null, referenceRestores: 0 });
    try {
      return new MemoryFile(path, file.parse(JSON.parse(text)));
    } catch (error) {
      const reason = error instanceof z.ZodError ? "another JSON" : messageOf(error);
      throw refuse("bisect.memory-unreadable", { path, reason }, error);
    }
  }

  get path(): string {
    return this.#path;
  }

  get(key: string): Remembered | undefined {
    return this.#content.answers[key];
  }

  set(key: string, remembered: Remembered): Promise<void> {
    this.#content.answers[key] = remembered;
    return this.#write();
  }

  get reference(): readonly KeptAnswer[] | null {
    return this.#content.reference;
  }

  /** @param restores - how often its release was brought up for that alone */
  setReference(answers: readonly KeptAnswer[], restores: 0 | 1): Promise<void> {
    this.#content.reference = [...answers];
    this.#content.referenceRestores += restores;
    return this.#write();
  }

  /** How often something was brought up for this question, in all runs. */
  get restores(): number {
    const { answers, referenceRestores } = this.#content;
    return Object.values(answers).reduce((sum, { restores }) => sum + restores, referenceRestores);
  }

  /** Whole at every moment; one after the other. */
  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      // Two searches for the same must not write into one file.
      const next = `${this.#path}.${process.pid}`;
      await writeFile(next, JSON.stringify(this.#content), { mode: 0o600 });
      await rename(next, this.#path);
    });
    return this.#writing;
  }
}

/** Where what was answered to a question is kept. */
export function memoryPath(home: string, question: unknown): string {
  return join(home, "bisect", `${textDigest(JSON.stringify(question)).slice(0, 32)}.json`);
}
