import type { KubeConfig } from "@kubernetes/client-node";
import { observeStandings } from "../../adapters/kubernetes/observeServed.ts";
import { isApiError } from "../../adapters/kubernetes/request.ts";
import { watchUntil } from "../../adapters/kubernetes/watchUntil.ts";
import { logBelow } from "../../adapters/kubernetes/workloads.ts";
import type { StateResource } from "../../domain/engineState.ts";
import { OperatorError } from "../../domain/errors.ts";
import type { Progress } from "../../domain/progress.ts";
import { declaredServing, describeStanding, isDown, type Standing } from "../../domain/serving/standing.ts";
import { refuse } from "./refusals.ts";

export interface ServingLook {
  readonly config: KubeConfig;
  /** The stack's, after the engine ran. */
  readonly resources: readonly StateResource[];
  /** What a person knows the stack by: `environment "local"`. */
  readonly stack: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Between two looks, in milliseconds. @default 500 */
  readonly interval?: number;
}

const logLines = 15;
/** For the look itself, beyond the time that what is looked at may take. */
const graceSeconds = 30;

/**
 * Looks at what the stack serves, whether the engine changed anything or not. What is starting is waited for, each for as long as it
 * may take. What is stopped, asleep or waits for a GPU is told in a line.
 * @throws OperatorError naming everything that is down, and why
 */
export async function requireServing(look: ServingLook): Promise<void> {
  const served = declaredServing(look.resources);
  if (served.length === 0) return;
  const standings = await steadyStandings(look, served).catch((error: unknown) => {
    // Whoever may deploy may not read everything; what the engine waited for has answered.
    if (!(error instanceof OperatorError) || !isForbidden(error.cause)) throw error;
    console.error(`not checked: ${error.message}`);
    return [];
  });
  const down = standings.filter(isDown);
  for (const standing of standings) {
    if (standing.readiness.state !== "ready" && !down.includes(standing)) console.error(describeStanding(standing));
  }
  if (down.length === 0) return;
  const told = await Promise.all(down.map((standing) => withLastLines(look, standing)));
  throw refuse("serving.not-all", { stack: look.stack, told: told.map((text) => `  ${text}`).join("\n") });
}

/** How everything stands once nothing changes by itself any more, or one of them is down. */
async function steadyStandings(
  { config, progress, signal, interval }: ServingLook,
  served: ReturnType<typeof declaredServing>,
): Promise<Standing[]> {
  const begun = performance.now();
  // An API server that does not answer is waited for no longer than what it would tell of.
  const longest = Math.max(...served.map(({ timeoutSeconds }) => timeoutSeconds)) + graceSeconds;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(longest * 1000)]);
  let reason = "nothing is known of it yet";
  let standings: readonly Standing[] = [];
  let task: ReturnType<Progress["begin"]> | undefined;
  try {
    const ended = await watchUntil<Standing[]>({
      what: "what the stack serves",
      signal: limit,
      interval,
      async look() {
        const seen = await observeStandings(config, served, limit);
        standings = seen;
        const elapsed = (performance.now() - begun) / 1000;
        const starting = seen.filter(
          ({ served: { timeoutSeconds }, readiness: { state } }) => state === "starting" && elapsed < timeoutSeconds,
        );
        if (starting.length === 0 || seen.some(({ readiness }) => readiness.state === "down")) return { outcome: seen };
        const [first] = starting;
        const others = starting.length > 1 ? `, and ${starting.length - 1} more` : "";
        return { reason: `${first ? describeStanding(first) : ""}${others}` };
      },
      report(waits) {
        reason = waits;
        task ??= progress.begin("what serves");
        task.update(waits);
      },
    });
    task?.done();
    return ended;
  } catch (error) {
    task?.failed();
    // Whoever interrupts the wait is told what is true, not that all is well.
    for (const standing of signal.aborted ? standings : []) {
      if (standing.readiness.state !== "ready") console.error(describeStanding(standing));
    }
    if (limit.aborted && !signal.aborted) {
      throw refuse("serving.not-checked", { longest, reason });
    }
    throw error;
  }
}

function isForbidden(error: unknown): boolean {
  return isApiError(error, 401) || isApiError(error, 403);
}

async function withLastLines({ config, signal }: ServingLook, standing: Standing): Promise<string> {
  const { readiness, served } = standing;
  const sentence = describeStanding(standing);
  if (readiness.state !== "down" || !readiness.pod || !readiness.container) return sentence;
  const { pod, container, previous = false } = readiness;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
  const wanted = { pod, container, previous, lines: logLines };
  return sentence + (await logBelow({ config, namespace: served.namespace }, wanted, limit));
}
