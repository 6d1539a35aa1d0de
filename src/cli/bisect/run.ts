import type { ClientBase } from "pg";
import { deploymentOfId } from "../../adapters/postgres/releases.ts";
import { Asking } from "../../domain/bisect/asking.ts";
import { withoutRepeats } from "../../domain/bisect/history.ts";
import { changedOutsideTrial, changedPipelines } from "../../domain/bisect/outsideTrial.ts";
import { combinationKey, type MixedCombination, partName } from "../../domain/bisect/parts.ts";
import { refuse as refuseSearch } from "../../domain/bisect/refusals.ts";
import type { BisectReport } from "../../domain/bisect/report.ts";
import { findChange, splitChange } from "../../domain/bisect/search.ts";
import { counted } from "../../domain/counted.ts";
import type { Progress } from "../../domain/progress.ts";
import type { DeploymentRange } from "../../domain/release/record.ts";
import type { ComparisonRules } from "../../domain/shadow/rules.ts";
import { findDeployment } from "../releases/record.ts";
import { type Expectation, expectAnswers, expectByCommand, expectJson, keptAnswer } from "./expectation.ts";
import { MemoryFile } from "./memoryFile.ts";
import { type AskedTrial, raiseTrial, raiseTrials, type Trials } from "./raiseTrials.ts";
import { refuse } from "./refusals.ts";
import { reportedChange, reportedRelease, type SearchedStretch } from "./report.ts";
import type { AskedRequest } from "./request.ts";
import { labelOf, type ReadRunnable, type SearchedRelease, searchedReleases } from "./searchedHistory.ts";

/** What is expected of an answer. */
export type Expected = { readonly json: string } | { readonly answerOf: string } | { readonly check: string };

export interface BisectWanted {
  readonly stack: string;
  readonly asked: AskedRequest;
  readonly model: string;
  readonly expected: Expected;
  readonly rules: ComparisonRules;
  readonly asks: number;
  readonly mostAsks: number;
  readonly lookFurther: number;
  /** Forget what was answered in earlier runs. */
  readonly fresh: boolean;
}

/** Where a search reads, keeps what it knows, and brings combinations up. */
export interface BisectSurroundings {
  /** Reads the record, in a connection of its own: a search takes longer than one lives. */
  readonly reading: <Result>(work: (client: ClientBase) => Promise<Result>) => Promise<Result>;
  readonly readRunnable: ReadRunnable;
  readonly home: string;
  readonly trials: Omit<Trials, "model" | "request">;
  readonly progress: Progress;
}

/** So many answers of the release of `--answer-of` are what is expected: a model may answer in several ways. */
const referenceAnswers = 5;

/** What a search would do. */
export interface BisectPlan {
  /** At least two. */
  readonly stretches: readonly SearchedStretch[];
  readonly memory: MemoryFile;
  /** Whose answers are expected; undefined where something else says what is. */
  readonly reference: SearchedRelease | undefined;
}

/**
 * The history as it is searched, and what is known of it already.
 * @throws OperatorError where nothing of it changes what answers, or the release of `--answer-of` is none.
 */
export async function planBisect(
  deployments: readonly DeploymentRange[],
  wanted: BisectWanted,
  { reading, readRunnable, home }: Pick<BisectSurroundings, "reading" | "readRunnable" | "home">,
): Promise<BisectPlan> {
  const { stack, model, asked, expected, rules, fresh } = wanted;
  const read = { stack, model, readRunnable };
  const [releases, reference] = await reading(async (client) => {
    const found = await searchedReleases(client, deployments, read);
    if (!("answerOf" in expected)) return [found, undefined] as const;
    const deployment = await findDeployment(client, stack, expected.answerOf);
    return [found, (await searchedReleases(client, [deployment], read))[0]] as const;
  });
  const stretches = withoutRepeats(releases);
  const [first, last] = [releases[0], releases.at(-1)];
  if (stretches.length < 2 && first && last) {
    throw refuseSearch("bisect.same-content", { old: first.label, young: last.label });
  }
  const { url, operation, body, headers } = asked.request;
  const question = {
    stack,
    model,
    request: { url, operation, headers, body: Buffer.from(body).toString("base64") },
    // A tag may stand for another deployment later.
    expected: reference ? { answerOf: reference.deployment.id } : expected,
    rules,
  };
  return { stretches, memory: await MemoryFile.open(home, question, fresh), reference };
}

/** Finds the change, splits it, and reports. */
export async function bisect(
  plan: BisectPlan,
  wanted: BisectWanted,
  surroundings: BisectSurroundings,
): Promise<BisectReport> {
  const { stretches, memory } = plan;
  const { asked, model, stack, asks, mostAsks, lookFurther } = wanted;
  const { reading, progress } = surroundings;
  const trials: Trials = { ...surroundings.trials, model, request: asked.request };
  const raise = raiseTrials(trials, await expectationOf(plan, wanted, trials, progress));
  const asking = new Asking({ raise, memory, progress });
  const patience = { least: asks, most: mostAsks };
  const { change, apart } = await findChange(stretches, asking, {
    patience,
    lookFurther,
    onStep: ({ label, left }) => progress.note(`${label} is next; at most ${counted(left, "release")} to judge`),
  });
  const [old, young] = [stretches[change.old], stretches[change.young]].map(judged);
  if (!old || !young) throw new Error("a change has two sides");
  const split = await splitChange(old, young, asking, {
    apart,
    patience,
    onTest: (parts) => progress.note(`of the change, alone: ${parts.map(partName).join(", ")}`),
  });
  const [from, to] = [stretches[0]?.releases[0], stretches.at(-1)?.releases.at(-1)];
  if (!from || !to) throw new Error("a history has two ends");
  return {
    stack,
    model,
    asked: asked.text,
    expected: describeExpected(wanted.expected, plan.reference),
    from: reportedRelease(from.deployment),
    to: reportedRelease(to.deployment),
    ...reportedChange({ stretches, change, split }),
    restores: memory.restores,
    notes: await notesOf(reading, wanted, { old: stretches[change.old], young: stretches[change.young] }),
  };
}

function judged(stretch: SearchedStretch | undefined) {
  if (!stretch || "notJudged" in stretch.combination) return undefined;
  return { label: stretch.label, combination: stretch.combination };
}

function describeExpected(expected: Expected, reference: SearchedRelease | undefined): string {
  if ("json" in expected) return expected.json;
  return "check" in expected
    ? `what \`${expected.check}\` accepts`
    : `an answer of ${reference?.label ?? expected.answerOf}`;
}

type ExpectationOfTrial = (trial: AskedTrial) => Promise<Expectation>;

async function expectationOf(
  { stretches, memory, reference }: BisectPlan,
  { expected, asked, rules }: BisectWanted,
  trials: Trials,
  progress: Progress,
): Promise<ExpectationOfTrial> {
  const comparing = { rules, operation: asked.request.operation };
  if ("json" in expected) {
    const expectation = expectJson(expected.json, comparing);
    return async () => expectation;
  }
  if ("check" in expected) {
    const expectation = expectByCommand(expected.check, trials.signal);
    return async () => expectation;
  }
  const { label: release, combination } = reference ?? {
    label: expected.answerOf,
    combination: { notJudged: "unknown" },
  };
  if ("notJudged" in combination) throw refuse("bisect.reference", { release, reason: combination.notJudged });
  const learn = async (trial: AskedTrial, restores: 0 | 1): Promise<void> => {
    const answers = [];
    while (answers.length < referenceAnswers) {
      const sent = await trial.send();
      if ("notJudged" in sent) throw refuse("bisect.reference", { release, reason: sent.notJudged });
      answers.push(keptAnswer(sent));
    }
    await memory.setReference(answers, restores);
  };
  const first = stretches[0]?.combination;
  const isFirst = first && !("notJudged" in first) && combinationKey(first) === combinationKey(combination);
  if (!memory.reference && !isFirst) {
    const task = progress.begin(`${release}, whose answers are expected`);
    const trial = await raiseTrial(trials, combination);
    if ("notJudged" in trial) {
      task.failed(trial.notJudged);
      throw refuse("bisect.reference", { release, reason: trial.notJudged });
    }
    try {
      await learn(trial, 1);
      task.done();
    } finally {
      await trial.dispose();
    }
  }
  return async (trial) => {
    // The first release that is brought up is the first end.
    if (!memory.reference) await learn(trial, 0);
    return expectAnswers(memory.reference ?? [], comparing);
  };
}

/** What the answer does not say. */
async function notesOf(
  reading: BisectSurroundings["reading"],
  { stack, model }: BisectWanted,
  { old, young }: { readonly old: SearchedStretch | undefined; readonly young: SearchedStretch | undefined },
): Promise<string[]> {
  const [before, after] = [old?.releases.at(-1)?.deployment, young?.releases[0]?.deployment];
  if (!before || !after || !young || "notJudged" in young.combination) return [];
  const [from, to] = await reading(async (client) => [
    await deploymentOfId(client, stack, before.id),
    await deploymentOfId(client, stack, after.id),
  ]);
  if (!from || !to) throw new Error("two deployments were found and are gone");
  const { state, models } = young.combination;
  const hasRows = state !== null && !findsEmptyTables(young.combination);
  const tried = { models: new Set(models.map(({ name }) => name)), hasRows };
  const outside = changedOutsideTrial(from.config, to.config, tried);
  const pipelines = hasRows ? changedPipelines(from.config, to.config) : [];
  return [
    ...(state ? [stateNote(young.combination)] : []),
    ...(pipelines.length === 0
      ? []
      : [
          `between ${labelOf(before)} and ${labelOf(after)} pipelines changed (${pipelines.join(", ")}): a table that makes the difference may do so by what they computed`,
        ]),
    ...(outside.length === 0
      ? []
      : [
          `between ${labelOf(before)} and ${labelOf(after)} these changed too, and do not reach ${model} in a trial: ${outside.map((key) => `menagerie:${key}`).join(", ")}`,
        ]),
  ];
}

function findsEmptyTables({ rowsOf = {} }: MixedCombination): boolean {
  return Object.values(rowsOf).some((schema) => schema === null);
}

function stateNote(combination: MixedCombination): string {
  if (findsEmptyTables(combination))
    return "models found tables without the rows of their release; --state copy gives them those";
  return "a release's state is judged as it was last used, not as it was at a moment";
}
