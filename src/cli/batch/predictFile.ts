import { stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { type FoundAnswers, readAnswers } from "../../adapters/batch/answers.ts";
import { AnswersFile } from "../../adapters/batch/answersFile.ts";
import { Asker } from "../../adapters/batch/ask.ts";
import { compareAnswered } from "../../adapters/batch/compareAnswered.ts";
import { type BatchInput, openInput } from "../../adapters/batch/input.ts";
import { isBlank, type LinePlace, sha256Of, textOf } from "../../adapters/batch/inputLines.ts";
import { lockAnswers } from "../../adapters/batch/lockAnswers.ts";
import type { AnsweredLines } from "../../domain/batch/answeredLines.ts";
import { answerLine } from "../../domain/batch/answerLine.ts";
import { refuse } from "../../domain/batch/refusals.ts";
import { type BatchLine, BatchRun } from "../../domain/batch/run.ts";
import { counted } from "../../domain/counted.ts";
import type { Progress } from "../../domain/progress.ts";
import { interruptible } from "../interrupt.ts";
import { terminalProgress } from "../terminalProgress.ts";
import type { FileOptions } from "./options.ts";
import { batchStatus, failureNotes } from "./status.ts";

/** Whom a batch asks. */
export interface BatchTarget {
  /** As answers name it. */
  readonly model: string;
  /** Where a path of it is; undefined for one that it does not take. Without a path: where it predicts. */
  readonly urlOf: (path: string | undefined) => string | undefined;
  /** Sent with every request, such as a key. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its users' requests are recorded. */
  readonly isRecorded: boolean;
}

interface Work {
  readonly target: BatchTarget;
  readonly options: FileOptions;
  readonly input: BatchInput;
  /** The file of the answers, without links. */
  readonly out: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

const hint = "run the same command again: it goes on with the lines that have no answer";
const stillRecorded =
  "these requests are recorded as users' are: a batch is told apart by an admin's key, or one with the right batch, where the gateway checks keys";
const statusEveryMs = 250;

/**
 * Answers each line of a file once, from where an earlier run of the same command has ended. The exit code is 1 where a line's answer is
 * an error.
 */
export async function predictFile(target: BatchTarget, options: FileOptions): Promise<void> {
  const shown = options.out ?? options.file.replace(/(\.(jsonl|ndjson|json|txt))?$/i, ".answers.jsonl");
  await interruptible(hint, async (signal) => {
    const input = await openInput(options.file);
    try {
      await requireOther(shown, options.file);
      const progress = terminalProgress();
      const begun = performance.now();
      const done = await lockAnswers(shown, (out) => answerLines({ target, options, input, out, progress, signal }));
      if (signal.aborted) return;
      const seconds = Number(((performance.now() - begun) / 1000).toFixed(1));
      if (options.json) {
        console.log(JSON.stringify({ model: target.model, file: options.file, out: shown, ...done, seconds }));
      } else {
        const failed = done.failed > 0 ? `, ${done.failed} of them with an error` : "";
        console.log(`${counted(done.answered, "line")} answered${failed}: ${shown}`);
      }
      if (done.failed > 0) process.exitCode = 1;
    } finally {
      await input.close();
    }
  });
}

/** Whatever their names: a link to the requests is the requests. */
async function requireOther(out: string, file: string): Promise<void> {
  const [requests, answers] = await Promise.all([file, out].map((each) => stat(each).catch(() => undefined)));
  if (requests && answers && requests.ino === answers.ino && requests.dev === answers.dev) {
    throw refuse("batch.out-is-input", { out });
  }
}

async function answerLines(work: Work): Promise<{ answered: number; failed: number; sent: number }> {
  const before = await readAnswers(work.out, work.target.model);
  const place = await compared(work, before);
  const answers = await AnswersFile.open(work.out, before.size);
  try {
    const { answered, failed, sent } = await send(work, { before, place, answers });
    return { answered: before.lines.count + answered, failed: before.failed + failed, sent };
  } finally {
    await answers.close();
  }
}

/** Where the first line without an answer begins. */
async function compared({ input, out, progress, signal }: Work, before: FoundAnswers): Promise<LinePlace> {
  if (before.lines.count === 0) return { number: 1, offset: 0 };
  const task = progress.begin(`compare ${counted(before.lines.count, "answered line")}`);
  try {
    const place = await compareAnswered(input, out, before, {
      signal,
      onCompared: (bytes) => task.update(`${Math.floor((bytes / input.size) * 100)} % of the file`),
    });
    task.done();
    return place;
  } catch (error) {
    task.failed();
    throw error;
  }
}

interface Begun {
  readonly before: FoundAnswers;
  readonly place: LinePlace;
  readonly answers: AnswersFile;
}

async function send({ target, options, input, progress, signal }: Work, { before, place, answers }: Begun) {
  const { concurrency, timeout } = options;
  const asker = new Asker({ concurrency, headers: target.headers, timeoutMs: timeout * 1000 });
  const position = { bytes: place.offset };
  const run = new BatchRun({
    model: target.model,
    format: input.format,
    path: options.path,
    urlOf: target.urlOf,
    ask: (url, body, failed) => asker.ask(url, body, failed),
    write: (answer) => answers.append(answerLine(answer)),
    now: () => performance.now(),
    wait: (milliseconds, ended) => delay(milliseconds, undefined, { signal: ended }).catch(() => {}),
    settings: { ...options, patienceMs: options.patience * 60_000 },
    signal,
    onAnswered: failureNotes(progress),
  });
  const status = batchStatus(run, { size: input.size, before: before.lines.count });
  const task = progress.begin(`batch ${target.model}`);
  let isNoted = !target.isRecorded;
  const watch = (): void => {
    task.update(status(performance.now(), position.bytes));
    if (isNoted || asker.isKeptOut !== false) return;
    isNoted = true;
    progress.note(stillRecorded);
  };
  const watching = setInterval(watch, statusEveryMs);
  const onInterrupt = (): void => progress.note("waits for the answers under way; Ctrl-C again ends at once");
  signal.addEventListener("abort", onInterrupt);
  try {
    await run.run(unanswered(input, place, before.lines, position));
    if (!signal.aborted) await input.requireUnchanged();
    watch();
    task.done(`${counted(run.counts.answered, "line")}, ${counted(run.counts.sent, "request")}`);
    return run.counts;
  } catch (error) {
    task.failed();
    throw error;
  } finally {
    clearInterval(watching);
    signal.removeEventListener("abort", onInterrupt);
    await asker.close();
  }
}

/** @param position - set to the end of the last line that was read */
async function* unanswered(
  input: BatchInput,
  place: LinePlace,
  answered: AnsweredLines,
  position: { bytes: number },
): AsyncGenerator<BatchLine> {
  for await (const line of input.lines(place)) {
    position.bytes = line.end;
    if (answered.has(line.number) || isBlank(line)) continue;
    yield { number: line.number, sha256: sha256Of(line), content: textOf(line) };
  }
}
