import { resolve } from "node:path";
import type { RecordedRequest } from "../../adapters/postgres/predictions/recordedRequests.ts";
import { proofRequestOf, SidesAsker } from "../../adapters/predictions/askSides.ts";
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
  /** The trial of a model is removed then. */
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

/** Brings both contents of a model up, asks them, and answers what that shows. */
export async function proveModel(model: ProvenModel, proving: Proving): Promise<ModelProof> {
  const { change, samples } = model;
  const cannot = reasonNotToTry(model, proving.secrets);
  if (cannot !== undefined) return unasked(model, { verdict: "not judged", because: [cannot] });
  const up = await broughtUp(model, proving);
  if ("verdict" in up) return unasked(model, up);
  const { trial } = up;
  try {
    const [old, fresh] = [startOf(trial, "old"), startOf(trial, "new")];
    const { timeoutMs } = proving;
    // An answer of a trial that ended by itself would not be the model's.
    const ended = new AbortController();
    trial.ended().catch((error: unknown) => ended.abort(error));
    const asking = { timeoutMs, signal: AbortSignal.any([proving.signal, ended.signal]) };
    const asker = new SidesAsker({ old: old.socketPath, new: fresh.socketPath }, asking);
    try {
      const tally = await ask(model, asker, proving);
      const answers = tally.answers();
      const { latency, ...kept } = answers;
      return {
        ...described(model, judgeAnswers(answers, change.old)),
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
): Promise<{ readonly trial: Trial } | Judged> {
  const up = (names: readonly ("old" | "new")[]): Promise<Trial> =>
    bringUp(
      { name: `proof of ${model.change.new.name}`, models: names.map((name) => runnable(name, model)), state: null },
      { state: "empty", secrets, deadline, startWithinSeconds, progress, signal },
    );
  try {
    return { trial: await up(["old", "new"]) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ModelsNotStarted) return notStarted(error, model.change.new);
    if (!(error instanceof OperatorError)) throw error;
    // Such as a package that nobody has: whose it is tells whether the old side comes up alone.
    try {
      await (await up(["old"])).dispose();
    } catch (ofOld) {
      signal.throwIfAborted();
      if (wouldRunHere(ofOld)) return { verdict: "not judged", because: [ofOld.message] };
      throw error;
    }
    return { verdict: "fails", because: [`the new side cannot be brought up: ${error.message}`] };
  }
}

/** Whether a model asks for packages whose own code would run outside of its sandbox. */
function wouldRunHere(error: unknown): error is OperatorError {
  const ids: readonly string[] = ["packages.no-wheel", "truss.unsafe-requirement"];
  return error instanceof OperatorError && error.refusals.some(({ id }) => ids.includes(id));
}

async function ask(
  { change, samples }: ProvenModel,
  asker: SidesAsker,
  { seed, repeat, risk, progress }: Proving,
): Promise<ProofTally> {
  const task = progress.begin(`asking ${change.new.name}`);
  const tally = new ProofTally(change.old.rules, risk, repeat);
  const byKey = new Map(samples.requests.map((each) => [proofRequestOf(each).key, each]));
  let due: readonly RecordedRequest[] = samples.requests;
  let [round, asked, failures] = [1, 0, 0];
  try {
    for (; due.length > 0 && failures < failuresInARow; round += 1) {
      const of = due.length;
      for (const [place, recorded] of shuffled(due, `${seed} ${round}`, (each) => proofRequestOf(each).key).entries()) {
        const answers = await asker.round(recorded);
        task.update(`round ${round}: ${place + 1} of ${counted(of, "request")}`);
        if (!answers) continue;
        asked += 1;
        tally.add(proofRequestOf(recorded), answers);
        failures = answers[1].failure === null ? 0 : failures + 1;
        if (failures >= failuresInARow) break;
      }
      due = tally.unsettled().flatMap(({ key }) => byKey.get(key) ?? []);
    }
    task.done(`${counted(samples.requests.length, "request")} in ${counted(asked, "round")} of three`);
    return tally;
  } catch (error) {
    task.failed();
    throw error;
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

function notStarted(error: ModelsNotStarted, { resources }: Subject): Judged {
  const reasonOf = (side: string) => error.models.find(({ model }) => model === side);
  const [old, fresh] = [reasonOf("old"), reasonOf("new")];
  const gpus =
    resources.gpus > 0 ? ` (it asks for ${counted(resources.gpus, "GPU")}, and this machine may have none)` : "";
  if (old) return { verdict: "not judged", because: [`the old side does not start here${gpus}: ${old.reason}`] };
  const lastLine = fresh?.log.trimEnd().split("\n").at(-1)?.trim();
  return {
    verdict: "fails",
    because: [`the new side does not start: ${fresh?.reason ?? "it was not ready"}`, ...(lastLine ? [lastLine] : [])],
  };
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
