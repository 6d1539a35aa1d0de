import type { ClientBase } from "pg";
import {
  type JudgedRollout,
  readJudgedRollouts,
  readWeightSteps,
} from "../../adapters/postgres/judgement/judgedRollouts.ts";
import {
  currentJudgement,
  endOtherJudgements,
  foldStored,
  type JudgementCursor,
  type NewVerdict,
  storeRows,
} from "../../adapters/postgres/judgement/judgements.ts";
import { readCountFacts } from "../../adapters/postgres/judgement/readCounts.ts";
import { readDrawn, readRecorders } from "../../adapters/postgres/judgement/readDrawn.ts";
import { readPairs } from "../../adapters/postgres/judgement/readPairs.ts";
import { readUsers } from "../../adapters/postgres/judgement/readUsers.ts";
import type { Prometheus } from "../../adapters/prometheus/gatewayReadings.ts";
import { readLimit } from "../../adapters/prometheus/readLimit.ts";
import type { DeclaredJudge } from "../../domain/judgement/declared.ts";
import { limitRow, newLimitRows, rangeOf } from "../../domain/judgement/limits.ts";
import { pairRows } from "../../domain/judgement/pairRows.ts";
import { type RecordersTold, recordedRows } from "../../domain/judgement/recordedRows.ts";
import { countRows, type WeightStep } from "../../domain/judgement/routedRows.ts";
import type { LimitRow, PairsRow, RecordedRow, UsersRow } from "../../domain/judgement/rows.ts";
import type { Judgement } from "../../domain/judgement/state.ts";
import { userRows } from "../../domain/judgement/userRows.ts";
import { type Readiness, warmSeconds } from "../../domain/judgement/warmup.ts";
import { openEvery } from "../../domain/recording/openRequests.ts";
import type { Second } from "../../domain/traffic/seconds.ts";

/** Recorders store what they have every second; a busy database takes it a little later. Seconds. */
const recordersLag = 15;
/** Seconds of pairs that are read at once: at least, so that not each turn asks for them, and at most. */
const pairsEvery = 5;
const mostPairSeconds = 60;
/** Seconds between two times that limits are asked for. */
const limitsEvery = 10;

/** A verdict that is new, with its rollout's model. */
export interface ModelVerdict extends NewVerdict {
  /** Name of the zoo model. */
  readonly model: string;
}

export interface JudgingOptions {
  /** Is asked for the values of fixed limits. @default they are not known */
  readonly prometheus?: Prometheus | undefined;
  /** The pods of an InferenceService that are ready; undefined where nobody can tell. @default they are not known */
  readonly readiness?: ((service: string) => Promise<Readiness | undefined>) | undefined;
  /** Told of a rollout that could not be judged; the others are. @default it is thrown */
  readonly onFailed?: ((model: string, error: unknown) => void) | undefined;
}

/**
 * Judges every rollout once: what its sources have told since the last time is stored as rows, and these are folded. Answers the verdicts
 * that are new. Two may do so at once: each row is stored once, and each verdict follows once.
 *
 * @param client - acts with the rights of the guard, in no transaction
 */
export async function judgeOnce(client: ClientBase, now: Date, options: JudgingOptions = {}): Promise<ModelVerdict[]> {
  const failed =
    options.onFailed ??
    ((model: string, error: unknown) => {
      throw new Error(`the rollout of ${model} cannot be judged`, { cause: error });
    });
  const rollouts = await readJudgedRollouts(client, failed);
  await endOtherJudgements(client, rollouts);
  const verdicts: ModelVerdict[] = [];
  for (const rollout of rollouts) {
    try {
      const steps = await readWeightSteps(client, rollout);
      const seconds = Math.floor(now.getTime() / 1000);
      const { id, cursor: at } = await currentJudgement(client, rollout, Math.floor(steps[0]?.at ?? seconds));
      const isDue = rollout.judge.limits.length > 0 && Math.abs(seconds - at.limits) >= limitsEvery;
      // Before the transaction, which holds no lock while Prometheus thinks.
      const limits = isDue && isAnswering(steps) ? await askedLimits(rollout.judge, seconds, options.prometheus) : [];
      const ready = await readinessOf(rollout, options);
      const [ofNew, ofOld] = ready;
      const pods = ofNew && ofOld && { new: ofNew.pods, old: ofOld.pods };
      await storeRows(client, id, async (cursor, state) => {
        const facts = await readCountFacts(client, rollout, steps, cursor, seconds);
        const warm = warmSeconds(cursor.warm ?? [], ready, rollout.judge.warmupSeconds ?? 0, seconds);
        const counted = countRows(cursor, { ...facts, pods });
        const at = { ...cursor, ...counted.cursor, warm, now: seconds };
        const recorded = await readRecorded(client, rollout, steps, at, state);
        const rows = [...counted.rows, ...recorded.rows, ...newLimitRows(limits, state)];
        const moved = { users: cursor.users, pairs: recorded.until, limits: isDue ? seconds : cursor.limits, warm };
        return { rows, cursor: { ...counted.cursor, ...moved } };
      });
      for (let isWhole = false; !isWhole; ) {
        const folded = await foldStored(client, id);
        verdicts.push(...folded.verdicts.map((each) => ({ ...each, model: rollout.model })));
        isWhole = folded.isWhole;
      }
    } catch (error) {
      failed(rollout.model, error);
    }
  }
  return verdicts;
}

/**
 * Pairs, users' requests, and those that the coin drew, whose answers were over up to some seconds before now, and no later than counts were read: a clock that jumps passes
 * over none. What a recorder stores later than that is not counted.
 */
async function readRecorded(
  client: ClientBase,
  rollout: JudgedRollout,
  steps: readonly WeightStep[],
  {
    pairs: since,
    second,
    longest,
    users: drawnFrom = 0,
    warm = [],
    now,
  }: Pick<JudgementCursor, "pairs" | "second" | "longest" | "users" | "warm"> & { readonly now: Second },
  state: Judgement,
): Promise<{ readonly rows: readonly (PairsRow | UsersRow | RecordedRow)[]; readonly until: Second }> {
  const { recordedIn, compare = {}, users, recorded } = rollout.judge;
  const latest = Math.min(now - recordersLag, second, since + mostPairSeconds);
  // Recorders tell what is open at such seconds.
  const until = latest - (latest % openEvery);
  if (recordedIn === undefined || until < since + pairsEvery) return { rows: [], until: since };
  const pairs = await readPairs(client, recordedIn, rollout, { since, until });
  const asked = { ...rollout, schema: recordedIn, steps };
  const range = { since, until, drawnFrom };
  const ofUsers = users ? await readUsers(client, asked, range) : [];
  const timed = { isTimed: rollout.judge.maxLatencyRatio !== undefined, warm };
  const drawn = recorded ? await readDrawn(client, asked, range, timed) : [];
  const told = recorded ? await readRecorders(client, asked, range) : undefined;
  return {
    rows: [
      ...userRows(ofUsers, steps),
      ...recordedRows(drawn, steps, told && isNews(told, state) ? told : undefined, until),
      ...pairRows(pairs, compare, steps, longest, warm),
    ],
    until,
  };
}

function isNews({ open, lost }: RecordersTold, { latency, lost: before = 0 }: Judgement): boolean {
  return lost !== before || latency.open !== undefined || open.new.length + open.old.length > 0;
}

/** Latency alone needs to know them. */
function readinessOf(
  { judge, old, new: fresh }: JudgedRollout,
  { readiness }: JudgingOptions,
): Promise<(Readiness | undefined)[]> {
  if (!readiness || judge.maxLatencyRatio === undefined) return Promise.resolve([]);
  return Promise.all([readiness(fresh.service), readiness(old.service)]);
}

/** The new version has requests by now: what a value says while it has none is not its doing. */
function isAnswering(steps: readonly WeightStep[]): boolean {
  return (steps.at(-1)?.weight ?? 0) > 0;
}

function askedLimits(
  { limits }: DeclaredJudge,
  now: number,
  prometheus: Prometheus | undefined,
): Promise<readonly LimitRow[]> {
  return Promise.all(
    limits.map(async (limit) => {
      const range = rangeOf(limit, now);
      const answer = prometheus ? await readLimit(prometheus, limit, range) : { failed: "no Prometheus is named" };
      return limitRow(limit, answer, range);
    }),
  );
}
