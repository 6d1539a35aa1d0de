import { randomUUID } from "node:crypto";
import { Agent } from "undici";
import { type RequestToSend, type SentAgain, sendRecorded } from "../../adapters/predictions/sendRecorded.ts";
import type { MixedCombination } from "../../domain/bisect/parts.ts";
import type { NotJudged, Raise, Standing } from "../../domain/bisect/ports.ts";
import { OperatorError } from "../../domain/errors.ts";
import { replayUrl } from "../../domain/protocols/asked.ts";
import { loadedPath } from "../../domain/serving/servedModel.ts";
import { ModelsNotStarted } from "../../domain/trial/notStarted.ts";
import type { BringUp, BringUpOptions, Trial } from "../../domain/trial/trial.ts";
import type { Expectation } from "./expectation.ts";

/** The request that every combination is asked. */
export interface BisectRequest extends RequestToSend {
  /** Path and query at the model. */
  readonly url: string;
}

export interface Trials {
  readonly bringUp: BringUp;
  /** Of each combination. @throws OperatorError for what ends the search, such as a state that may not be copied */
  readonly optionsFor: (combination: MixedCombination) => Promise<BringUpOptions>;
  readonly model: string;
  readonly request: BisectRequest;
  /** Until an answer is complete, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A combination of which the request can be asked. */
export interface AskedTrial {
  /** A reason where the model ended on a request before, and does not start again. */
  send(): Promise<SentAgain | NotJudged>;
  dispose(): Promise<void>;
}

/** Where a model of a trial predicts; the host is not looked at. */
const predictUrl = "http://trial/v1/models/model:predict";
/** How long a model has to say that it is loaded, in milliseconds, as a probe gives it. */
const probeMs = 5_000;

/** Brings a combination up in a trial. A reason where an operator's mistake, or what is gone, keeps it from starting. */
export async function raiseTrial(trials: Trials, combination: MixedCombination): Promise<AskedTrial | NotJudged> {
  const { model, request, timeoutMs, signal } = trials;
  const url = replayUrl(predictUrl, request.url, request.operation);
  if (url === undefined) throw new Error(`a model of a trial cannot be asked at ${request.url}`);
  const running = await started(trials, combination);
  if ("notJudged" in running) return running;
  let trial: RunningTrial | undefined = running;
  return {
    async send() {
      if (!trial) {
        const again = await started(trials, combination);
        if ("notJudged" in again) return again;
        trial = again;
      }
      const { dispatcher } = trial;
      const sent = await sendRecorded(request, url, `bisect-${randomUUID()}`, {
        dispatcher,
        headers: {},
        timeoutMs,
        signal,
      });
      if (sent.answer.failure === null || (await trial.isWell(model))) return sent;
      // Its process ended on the request, or hangs. Started again in its place it would wait longer each time.
      await trial.dispose();
      trial = undefined;
      return sent;
    },
    dispose: async () => trial?.dispose(),
  };
}

interface RunningTrial {
  readonly dispatcher: Agent;
  /** @throws OperatorError where the whole trial ended by itself. */
  isWell(model: string): Promise<boolean>;
  dispose(): Promise<void>;
}

async function started(trials: Trials, combination: MixedCombination): Promise<RunningTrial | NotJudged> {
  const { bringUp, optionsFor, model, signal } = trials;
  if (!combination.models.some(({ name }) => name === model)) return { notJudged: `it does not serve ${model}` };
  const options = await optionsFor(combination);
  let trial: Trial;
  try {
    trial = await bringUp(combination, options);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof OperatorError)) throw error;
    return { notJudged: firstLine(error.message), mayBeMended: !(error instanceof ModelsNotStarted) };
  }
  const socketPath = trial.models.find(({ name }) => name === model)?.socketPath;
  if (socketPath === undefined) throw new Error(`the trial does not serve ${model}`);
  const dispatcher = new Agent({ connect: { socketPath }, keepAliveTimeout: 4_000, headersTimeout: 0, bodyTimeout: 0 });
  const endedByItself = trial.ended();
  // It is looked at when an answer is missing.
  endedByItself.catch(() => {});
  return {
    dispatcher,
    async isWell(name) {
      const loaded = trial.ask(name, { path: loadedPath, method: "GET", body: "", timeoutMs: probeMs, signal });
      const answer = await Promise.race([loaded, endedByItself]);
      return answer?.status === 200;
    },
    async dispose() {
      await dispatcher.destroy();
      await trial.dispose();
    },
  };
}

/** The same as the port that a search asks. @param expectation - asked once the combination is up */
export function raiseTrials(trials: Trials, expectation: (trial: AskedTrial) => Promise<Expectation>): Raise {
  return async (combination): Promise<Standing | NotJudged> => {
    const trial = await raiseTrial(trials, combination);
    if ("notJudged" in trial) return trial;
    try {
      const judge = await expectation(trial);
      const ask = async () => {
        const sent = await trial.send();
        return "notJudged" in sent ? sent : judge(sent);
      };
      return { ask, dispose: () => trial.dispose() };
    } catch (error) {
      await trial.dispose();
      throw error;
    }
  };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
