import type { ClientBase } from "pg";
import { describeChanges, type ReleaseModel, textDigest } from "../../domain/release/combination.ts";
import type { DeployedModel } from "../../domain/release/observed.ts";
import { drift, type Judgement, judgeEnd, judgeInterrupted } from "../../domain/release/outcome.ts";
import type { DeploymentIntent, DeploymentRun, SettledBy } from "../../domain/release/record.ts";
import { type TakenBack, takenBackContent } from "../../domain/zoo/takeBack.ts";
import { refuse } from "./refusals.ts";
import { readTakenBack } from "./takeBack/takeBacks.ts";
import { inTransaction } from "./transaction.ts";

/** Reads what an environment serves. */
export type Observe = () => Promise<readonly DeployedModel[]>;

/** An intent that nobody closed. */
export interface OpenDeployment {
  readonly id: string;
  readonly planned: readonly DeployedModel[];
}

/**
 * Writes an intent and answers its id; one that was left open is settled first. The caller holds the environment's lock.
 * @throws OperatorError when the tag stands for another combination, which was recorded after this plan was made.
 */
export async function openDeployment(
  client: ClientBase,
  intent: DeploymentIntent,
  run: DeploymentRun,
  observe: Observe,
): Promise<string> {
  await closeAbandoned(client, intent.environment, observe, "next up");
  return inTransaction(client, async () => {
    const releaseId = await ensureRelease(client, intent);
    return insertDeployment(client, intent.environment, {
      releaseId,
      models: JSON.stringify(intent.planned),
      stateSchema: intent.stateSchema,
      config: intent.config,
      configDigest: textDigest(intent.config),
      promotedFrom: intent.promotedFrom,
      ...run,
    });
  });
}

/**
 * Closes an intent at the end of its `up`, by what is served then. One that was settled meanwhile, because its `up` had
 * failed and now went on, is followed by a deployment of the same content. Closing again changes nothing. The caller
 * holds the environment's lock. Answers the id of the deployment that is current now, what is wrong with it, and which of its contents the
 * guard took back meanwhile.
 */
export async function closeDeployment(
  client: ClientBase,
  environment: string,
  id: string,
  observe: Observe,
): Promise<ClosedDeployment> {
  const found = await observe();
  return inTransaction(client, async () => {
    const { rows } = await client.query<ClosingRow>(
      `SELECT d.models, o.outcome, o.models AS served,
              NOT EXISTS (SELECT FROM menagerie.deployment l WHERE l.environment = d.environment AND l.id > d.id) AS current
         FROM menagerie.deployment d LEFT JOIN menagerie.deployment_outcome o ON o.deployment_id = d.id
        WHERE d.id = $1 AND d.environment = $2`,
      [id, environment],
    );
    const [row] = rows;
    if (!row) throw refuse("deployment.not-recorded", { environment, id });
    const { judgement, served } = judgeEnd(row.models, found);
    const models = andNamed(row.models, served);
    const takenBack = judgement.outcome === "deployed" ? [] : concerning(row.models, await readTakenBack(client));
    const told = row.current && row.outcome === judgement.outcome && drift(row.served ?? [], served).length === 0;
    if (told) return { id, models, judgement, takenBack };
    const closing = row.outcome === null ? id : await followWithSame(client, environment, id);
    await insertOutcome(client, environment, closing, { ...judgement, models, settledBy: "up" });
    return { id: closing, models, judgement, takenBack };
  });
}

export interface ClosedDeployment {
  readonly id: string;
  readonly models: readonly DeployedModel[];
  readonly judgement: Judgement;
  /** Contents of it that are taken back. */
  readonly takenBack: readonly TakenBack[];
}

function concerning(models: readonly DeployedModel[], all: readonly TakenBack[]): readonly TakenBack[] {
  return models.flatMap(
    ({ name, hash }) =>
      (hash === null ? undefined : takenBackContent(all, { model: name, from: undefined, hash })) ?? [],
  );
}

interface ClosingRow {
  readonly models: DeployedModel[];
  /** Null while it is open. */
  readonly outcome: Judgement["outcome"] | null;
  readonly served: DeployedModel[] | null;
  /** Whether no other was begun since. */
  readonly current: boolean;
}

/** Closes the intent that an `up` left open, if one did, by what is served. The caller holds the environment's lock. */
export async function closeAbandoned(
  client: ClientBase,
  environment: string,
  observe: Observe,
  settledBy: Exclude<SettledBy, "up">,
): Promise<string | undefined> {
  const open = await openIntent(client, environment);
  if (!open) return undefined;
  const observed = await observe();
  await inTransaction(client, async () => {
    const previous = (await head(client, environment))?.models;
    const judgement = judgeInterrupted(open.planned, previous, observed);
    const models = judgement.outcome === "deployed" ? andNamed(open.planned, observed) : observed;
    await insertOutcome(client, environment, open.id, { ...judgement, models, settledBy });
  });
  return open.id;
}

/** Environments that have an open intent. */
export async function environmentsWithOpenIntent(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ environment: string }>(
    `SELECT e.environment FROM (SELECT DISTINCT environment FROM menagerie.release) e
      CROSS JOIN LATERAL (SELECT d.id FROM menagerie.deployment d WHERE d.environment = e.environment
                           ORDER BY d.id DESC LIMIT 1) l
      WHERE NOT EXISTS (SELECT FROM menagerie.deployment_outcome o WHERE o.deployment_id = l.id)
      ORDER BY e.environment`,
  );
  return rows.map(({ environment }) => environment);
}

async function openIntent(client: ClientBase, environment: string): Promise<OpenDeployment | undefined> {
  const { rows } = await client.query<{ id: string; planned: DeployedModel[]; open: boolean }>(
    `SELECT d.id, d.models AS planned, o.deployment_id IS NULL AS open
       FROM menagerie.deployment d LEFT JOIN menagerie.deployment_outcome o ON o.deployment_id = d.id
      WHERE d.environment = $1 ORDER BY d.id DESC LIMIT 1`,
    [environment],
  );
  return rows[0]?.open ? rows[0] : undefined;
}

/** The outcome that nothing has replaced. */
async function head(client: ClientBase, environment: string) {
  const { rows } = await client.query<{ id: string; models: DeployedModel[] }>(
    `SELECT deployment_id AS id, models FROM menagerie.deployment_outcome
      WHERE environment = $1 AND outcome <> 'unchanged' ORDER BY at DESC, deployment_id DESC LIMIT 1`,
    [environment],
  );
  return rows[0];
}

/** A tag stands for one combination: who comes second with another one is refused. */
async function ensureRelease(client: ClientBase, release: DeploymentIntent): Promise<string> {
  const { environment, tag, base, scheme, number, candidate, code, models, combinationDigest } = release;
  await client.query(
    `INSERT INTO menagerie.release (environment, tag, base, scheme, number, candidate, code_version, models, combination_digest)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (environment, tag) DO NOTHING`,
    [environment, tag, base, scheme, number, candidate, code, JSON.stringify(models), combinationDigest],
  );
  const { rows } = await client.query<{ id: string; combination_digest: string; code: string; models: ReleaseModel[] }>(
    `SELECT id, combination_digest, code_version AS code, models FROM menagerie.release WHERE environment = $1 AND tag = $2`,
    [environment, tag],
  );
  const [held] = rows;
  if (!held) throw new Error(`release ${tag} vanished while it was recorded`);
  if (held.combination_digest !== combinationDigest) {
    throw refuse("deployment.release-taken", { tag, environment, changes: describeChanges(held, release).join(", ") });
  }
  return held.id;
}

interface NewDeployment extends DeploymentRun {
  readonly releaseId: string;
  readonly models: string;
  readonly stateSchema: string | null;
  readonly config: string;
  readonly configDigest: string;
  readonly promotedFrom: string | null;
}

async function insertDeployment(client: ClientBase, environment: string, row: NewDeployment): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO menagerie.deployment (environment, follows, release_id, models, state_schema, config, config_digest,
                                       code_commit, promoted_from, requested_by, run)
     VALUES ($1, (SELECT max(id) FROM menagerie.deployment WHERE environment = $1),
             $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id`,
    [
      ...[environment, row.releaseId, row.models, row.stateSchema, row.config, row.configDigest],
      ...[row.commit, row.promotedFrom, row.requestedBy, row.run],
    ],
  );
  return rows[0]?.id ?? "";
}

async function followWithSame(client: ClientBase, environment: string, id: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO menagerie.deployment (environment, follows, release_id, models, state_schema, config, config_digest,
                                       code_commit, promoted_from, requested_by, run)
     SELECT environment, (SELECT max(id) FROM menagerie.deployment WHERE environment = $1), release_id, models,
            state_schema, config, config_digest, code_commit, promoted_from, requested_by, run
       FROM menagerie.deployment WHERE id = $2 RETURNING id`,
    [environment, id],
  );
  return rows[0]?.id ?? "";
}

interface NewOutcome extends Judgement {
  readonly models: readonly DeployedModel[];
  readonly settledBy: SettledBy;
}

async function insertOutcome(client: ClientBase, environment: string, id: string, row: NewOutcome): Promise<void> {
  const replaces = row.outcome === "unchanged" ? null : ((await head(client, environment))?.id ?? null);
  await client.query(
    `INSERT INTO menagerie.deployment_outcome (deployment_id, environment, outcome, replaces, models, settled_by, reason, at)
     SELECT d.id, d.environment, $3, $4, $5, $6, $7,
            -- A clock that went back does not change the order: what comes later is later. In milliseconds, as clients ask.
            greatest(date_trunc('milliseconds', clock_timestamp()),
                     (SELECT at + interval '1 millisecond' FROM menagerie.deployment_outcome WHERE deployment_id = d.follows))
       FROM menagerie.deployment d WHERE d.id = $1 AND d.environment = $2`,
    [id, environment, row.outcome, replaces, JSON.stringify(row.models), row.settledBy, row.reason],
  );
}

/** Models that are only named, such as MLflow's, are observed by nobody: the record holds them as intended. */
function andNamed(planned: readonly DeployedModel[], observed: readonly DeployedModel[]): DeployedModel[] {
  return [...observed, ...planned.filter(({ service }) => service === null)].sort((a, b) => (a.name < b.name ? -1 : 1));
}
