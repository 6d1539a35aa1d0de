import { resolve } from "node:path";
import type { RecordedRequest } from "../../adapters/postgres/predictions/recordedRequests.ts";
import { proofRequestOf, SideNotBack, SidesAsker } from "../../adapters/predictions/askSides.ts";
import { counted } from "../../domain/counted.ts";
import { OperatorError } from "../../domain/errors.ts";
import type { Progress } from "../../domain/progress.ts";
import { shuffled } from "../../domain/proof/order.ts";
import { type ModelProof, type ProofSide, sideLatency } from "../../domain/proof/result.ts";
import type { ChangedSubject, Subject } from "../../domain/proof/subjects.ts";
import { type ProofRisk, ProofTally } from "../../domain/proof/tally.ts";
import { boundsHash, type Judged, judgeAnswers } from "../../domain/proof/verdict.ts";
import { contentVersion } from "../../domain/shadow/evidence.ts";
import { describeRules } from "../../domain/shadow/ruleText.ts";
import type { RunnableModel } from "../../domain/trial/combination.ts";
import { ModelsNotStarted } from "../../domain/trial/notStarted.ts";
import type { BringUp, Trial } from "../../domain/trial/trial.ts";
import type { ModelSamples } from "./modelSamples.ts";

/** How a proof is made. */
export interface Proving {
  readonly bringUp: BringUp;
  readonly seed: string;
  /** Rounds at least, for requests whose answers differ. */
  readonly repeat: number;
  readonly risk: ProofRisk;
  /** Until an answer is complete, in milliseconds. */
  readonly timeoutMs: number;
  /** Until a side is ready, in seconds. */
  readonly startWithinSeconds: number;
  /** Nothing is asked any more then; what was asked is judged. */
  readonly deadline: Date;
  /** Values of secrets that the models read, by name. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** A changed model with what it is asked, and where each of its contents lies. */
export interface ProvenModel {
  readonly change: ChangedSubject;
  readonly samples: ModelSamples;
  /** Project folders of the two revisions. */
  readonly projects: { readonly old: string; readonly new: string };
}

/** Requests that the new side fails one after the other: the rest is not asked any more. */
const failuresInARow = 20;
/** Of a timer, in milliseconds. */
const longestTimer = 2 ** 31 - 1;

/**
 * Brings both contents of a model up, asks them, and answers what that shows. What ends a trial before every request was asked leaves what
 * it has shown so far; a model that has shown nothing then is not judged.
 */
export async function proveModel(model: ProvenModel, proving: Proving): Promise<ModelProof> {
  const { change, samples } = model;
  const cannot = reasonNotToTry(model, proving.secrets);
  if (cannot !== undefined) return unasked(model, { verdict: "not judged", because: [cannot] });
  const left = proving.deadline.getTime() - Date.now();
  const over = left <= 0 ? AbortSignal.abort() : AbortSignal.timeout(Math.min(longestTimer, left));
  const up = await broughtUp(model, proving, over);
  if ("verdict" in up) return unasked(model, up);
  const { trial } = up;
  try {
    const [old, fresh] = [startOf(trial, "old"), startOf(trial, "new")];
    // An answer of a trial that ended by itself would not be the model's.
    const ended = new AbortController();
    trial.ended().catch((error: unknown) => ended.abort(error));
    const stop = AbortSignal.any([over, ended.signal]);
    const { timeoutMs, startWithinSeconds } = proving;
    const signal = AbortSignal.any([proving.signal, stop]);
    const asking = { timeoutMs, backWithinMs: startWithinSeconds * 1_000, signal };
    const asker = new SidesAsker({ old: old.socketPath, new: fresh.socketPath }, asking);
    try {
      const { tally, asked, passedOver, stopped } = await ask(model, asker, proving, stop);
      const answers = tally.answers();
      const { latency, ...kept } = answers;
      const judged = judgeAnswers(answers, change.old);
      const how =
        stopped && `${stopped.because}, when ${asked} of ${counted(samples.requests.length, "request")} were asked`;
      if (stopped && judged.verdict !== "differs" && judged.verdict !== "fails") {
        return unasked(model, { verdict: stopped.verdict, because: [`${how}; so far: ${judged.because[0]}`] });
      }
      return {
        ...described(model, { ...judged, because: [...judged.because, ...(how ? [how] : []), ...passedOver] }),
        answers: kept,
        isRedacted: samples.isRedacted,
        old: { ...side(change.old), ...(await ran(trial, "old")), latency: sideLatency(latency.old) },
        new: { ...side(change.new), ...(await ran(trial, "new")), latency: sideLatency(latency.new) },
      };
    } finally {
      await asker.end();
    }
  } finally {
    await trial.dispose();
  }
}

/** Both sides, ready; or what it means that one of them is not. */
async function broughtUp(
  model: ProvenModel,
  { bringUp, secrets, deadline, startWithinSeconds, progress, signal }: Proving,
  over: AbortSignal,
): Promise<{ readonly trial: Trial } | Judged> {
  const up = (names: readonly ("old" | "new")[]): Promise<Trial> =>
    bringUp(
      { name: `proof of ${model.change.new.name}`, models: names.map((name) => runnable(name, model)), state: null },
      {
        state: "empty",
        secrets,
        // Of its own accord it ends only where this process does not end it.
        deadline: new Date(deadline.getTime() + 60_000),
        startWithinSeconds,
        progress,
        signal: AbortSignal.any([signal, over]),
      },
    );
  const refusalOf = async (names: readonly ("old" | "new")[]): Promise<Trial | OperatorError> =>
    up(names).catch((error: unknown) => {
      signal.throwIfAborted();
      over.throwIfAborted();
      if (error instanceof OperatorError) return error;
      throw error;
    });
  try {
    over.throwIfAborted();
    const trial = await refusalOf(["old", "new"]);
    if (!(trial instanceof OperatorError)) return { trial };
    // Either side may be the first of two that cannot come up here: then nothing is known of the old one yet.
    const ofOld = reasonOf(trial, "old") ? trial : await refusalOf(["old"]);
    if (!(ofOld instanceof OperatorError)) await ofOld.dispose();
    else if (!(ofOld instanceof ModelsNotStarted) && !isOfTheModel(ofOld)) throw trial;
    return notUp(trial, ofOld instanceof OperatorError ? ofOld : undefined, model.change);
  } catch (error) {
    signal.throwIfAborted();
    if (!over.aborted) throw error;
    return { verdict: "not judged", because: ["the deadline was over before both sides were ready"] };
  }
}

/** Whether a model's own requirements cannot be met, whatever this machine is. */
function isOfTheModel({ refusals }: OperatorError): boolean {
  const ids: readonly string[] = [
    "packages.no-wheel",
    "packages.not-installable",
    "truss.unsafe-requirement",
    "truss.local-requirement",
  ];
  return refusals.some(({ id }) => ids.includes(id));
}

function reasonOf(error: OperatorError, side: "old" | "new") {
  return error instanceof ModelsNotStarted ? error.models.find(({ model }) => model === side) : undefined;
}

/** @param ofOld - why the old side does not come up either */
function notUp(error: OperatorError, ofOld: OperatorError | undefined, { old, new: fresh }: ChangedSubject): Judged {
  const [before, after] = [old.resources.gpus, fresh.resources.gpus];
  if (ofOld) {
    const reason = reasonOf(ofOld, "old")?.reason;
    if (reason === undefined)
      return { verdict: "not judged", because: [`the old side cannot be built here: ${ofOld.message}`] };
    const gpus = Math.max(before, after);
    const asks = gpus > 0 ? ` (it asks for ${counted(gpus, "GPU")}, and this machine may have none)` : "";
    return { verdict: "not judged", because: [`the old side does not start here${asks}: ${reason}`] };
  }
  const ofNew = reasonOf(error, "new");
  if (!ofNew) return { verdict: "fails", because: [`the new side cannot be brought up: ${error.message}`] };
  const { reason, log } = ofNew;
  const lastLine = log.trimEnd().split("\n").at(-1)?.trim();
  const because = [`the new side does not start: ${reason}`, ...(lastLine ? [lastLine] : [])];
  if (after <= before) return { verdict: "fails", because };
  const asks = `the new side asks for ${counted(after, "GPU")} and the old one for ${before === 0 ? "none" : before}, and this machine may not have so many`;
  return { verdict: "not judged", because: [asks, ...because] };
}

interface Asked {
  readonly tally: ProofTally;
  /** Requests that were asked at least once. */
  readonly asked: number;
  /** A sentence for requests that are of no path of such a model. */
  readonly passedOver: readonly string[];
  /** Why not everything was asked that should have been. */
  readonly stopped?: { readonly verdict: "not judged" | "fails"; readonly because: string } | undefined;
}

/** @param stop - ends the asking, and not what was found by then */
async function ask(
  { change, samples }: ProvenModel,
  asker: SidesAsker,
  { seed, repeat, risk, progress, signal }: Proving,
  stop: AbortSignal,
): Promise<Asked> {
  const task = progress.begin(`asking ${change.new.name}`);
  const tally = new ProofTally(change.old.rules, risk, repeat);
  const byKey = new Map(samples.requests.map((each) => [proofRequestOf(each).key, each]));
  let due: readonly RecordedRequest[] = samples.requests;
  const [asked, without] = [new Set<string>(), new Set<string>()];
  const outcome = (): Omit<Asked, "stopped"> => ({
    tally,
    asked: asked.size,
    passedOver:
      without.size === 0
        ? []
        : [
            `${counted(without.size, "request")} ${without.size === 1 ? "was" : "were"} not asked: such a model has no such path`,
          ],
  });
  let [round, rounds, failures] = [1, 0, 0];
  try {
    for (; due.length > 0 && failures < failuresInARow; round += 1) {
      const of = due.length;
      for (const [place, recorded] of shuffled(due, `${seed} ${round}`, (each) => proofRequestOf(each).key).entries()) {
        const answers = await asker.round(recorded);
        task.update(`round ${round}: ${place + 1} of ${counted(of, "request")}`);
        if (!answers) {
          without.add(proofRequestOf(recorded).key);
          continue;
        }
        rounds += 1;
        asked.add(proofRequestOf(recorded).key);
        tally.add(proofRequestOf(recorded), answers);
        failures = answers[1].failure === null ? 0 : failures + 1;
        if (failures >= failuresInARow) break;
      }
      due = tally.unsettled().flatMap(({ key }) => byKey.get(key) ?? []);
    }
    task.done(`${counted(samples.requests.length, "request")} in ${counted(rounds, "round")} of three`);
    return outcome();
  } catch (error) {
    task.failed();
    signal.throwIfAborted();
    if (error instanceof SideNotBack) {
      const verdict = error.side === "new" ? "fails" : "not judged";
      return { ...outcome(), stopped: { verdict, because: error.message } };
    }
    if (!stop.aborted) throw error;
    const because = stop.reason instanceof OperatorError ? stop.reason.message : "the deadline was over";
    return { ...outcome(), stopped: { verdict: "not judged", because } };
  }
}

/** What no trial can change. */
function reasonNotToTry({ change, samples }: ProvenModel, given: Proving["secrets"]): string | undefined {
  const secrets = [...new Set([...change.old.secrets, ...change.new.secrets])].filter((name) => !(name in given));
  if (samples.requests.length === 0) {
    return `no sample of ${change.new.recordedAs}: export one by \`menagerie sample export ${change.new.recordedAs}\`, and keep it by \`menagerie sample add\``;
  }
  if (secrets.length > 0)
    return `it reads ${counted(secrets.length, "secret")} (${secrets.join(", ")}) that ${secrets.length === 1 ? "is" : "are"} not given by --secrets`;
  if (change.new.hasState || change.old.hasState) return "it works in a release's state, and a proof has none";
  return undefined;
}

function runnable(name: "old" | "new", { change, projects }: ProvenModel): RunnableModel {
  const { truss, hash, resources, env, secrets } = change[name];
  return { name, content: { folder: resolve(projects[name], truss), hash }, resources, env, secrets };
}

function startOf({ models }: Trial, name: string) {
  const model = models.find((each) => each.name === name);
  if (!model) throw new Error(`the trial has no model ${name}`);
  return model;
}

async function ran(trial: Trial, name: "old" | "new"): Promise<Pick<ProofSide, "startedInMs" | "restarts">> {
  return { startedInMs: startOf(trial, name).startedInMs, restarts: await trial.restarts(name) };
}

function side({ hash, env, resources }: Subject): ProofSide {
  const version = contentVersion(hash, env);
  return { hash, version, resources, startedInMs: null, restarts: 0, latency: { p50: null, p95: null } };
}

function described({ change, samples }: ProvenModel, { verdict, because }: Judged) {
  const { kind, name, rules } = change.old;
  const { places } = samples;
  const ruleText = { text: describeRules(rules), hash: boundsHash(change.old) };
  return { kind, name, changes: change.changes, samples: places, rules: ruleText, verdict, because };
}

function unasked(model: ProvenModel, judged: Judged): ModelProof {
  const { change, samples } = model;
  const sides = { old: side(change.old), new: side(change.new) };
  return { ...described(model, judged), ...sides, answers: null, isRedacted: samples.isRedacted };
}
