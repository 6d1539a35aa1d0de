import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../domain/errors.ts";
import type { Readiness } from "../../domain/serving/readiness.ts";
import { readExactJson } from "../../domain/shadow/exactJson.ts";
import { differences, type SmokeCase } from "../../domain/zoo/smoke.ts";

/** What a case was answered. */
export interface SmokeResult {
  /** Such as `case 2`. */
  readonly name: string;
  /** HTTP status; null where nothing answered. */
  readonly status: number | null;
  /** The answer, cut off where it is long. */
  readonly answered: string;
  /** Empty for a case that passed. */
  readonly differences: readonly string[];
}

export interface SmokeRun {
  /** Sends one input to what is tried. Throws where nothing answers. */
  readonly send: (input: unknown, signal: AbortSignal) => Promise<{ readonly status: number; readonly text: string }>;
  /** How what is tried stands, asked while nothing answers: what is down is not waited for. */
  readonly standing: (signal: AbortSignal) => Promise<Readiness>;
  readonly cases: readonly SmokeCase[];
  /** How long it may take until something answers. */
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

/** Statuses of a proxy whose backend is not there yet; a model's own failure has another one. */
const notThereYet = new Set([404, 502, 503, 504]);
/** Of an answer that is kept as evidence, in characters. */
const longestKept = 2_000;

/** Sends every case once, one after another, and compares. What does not answer yet is waited for. */
export async function runSmokeSet(run: SmokeRun): Promise<SmokeResult[]> {
  const { cases, timeoutSeconds, signal } = run;
  const deadline = performance.now() + timeoutSeconds * 1000;
  const results: SmokeResult[] = [];
  for (const [index, each] of cases.entries()) {
    for (;;) {
      const result = await tryCase(`case ${index + 1}`, each, run);
      const early = result.status === null || notThereYet.has(result.status);
      if (early && results.length === 0 && performance.now() < deadline) {
        // An API server that does not answer says nothing about the model.
        const standing = await run.standing(signal).catch(() => undefined);
        signal.throwIfAborted();
        if (standing?.state === "down") return [{ ...result, differences: [`it is down: ${standing.reason}`] }];
        await delay(500, undefined, { signal });
        continue;
      }
      results.push(result);
      break;
    }
  }
  return results;
}

async function tryCase(
  name: string,
  { input, output, tolerance }: SmokeCase,
  { send, signal }: SmokeRun,
): Promise<SmokeResult> {
  try {
    const { status, text } = await send(input, AbortSignal.any([signal, AbortSignal.timeout(60_000)]));
    const found =
      status >= 200 && status < 300 ? compared(text, output, tolerance) : [`HTTP ${status}: ${text.slice(0, 200)}`];
    return { name, status, answered: text.slice(0, longestKept), differences: found };
  } catch (error) {
    signal.throwIfAborted();
    return { name, status: null, answered: "", differences: [`does not answer (${messageOf(error)})`] };
  }
}

function compared(text: string, output: SmokeCase["output"], tolerance: number): string[] {
  const read = readExactJson(text);
  if ("notJson" in read) return [`the answer is not JSON: ${text.slice(0, 60)}`];
  if ("repeatedKey" in read) return ["the answer has a key twice: readers disagree about which one counts"];
  if ("beyondLimits" in read) return ["the answer is nested too deep, or has a number of too many digits"];
  return differences(output, read.value, tolerance);
}
