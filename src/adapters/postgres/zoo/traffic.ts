import type { ClientBase } from "pg";
import { messageOf } from "../../../domain/errors.ts";
import {
  type RolloutTraffic,
  type Sticky,
  stickyHeaderOf,
  type TrafficChanger,
  type TrafficSplit,
  type TrafficStep,
} from "../../../domain/zoo/traffic.ts";
import { sqlState } from "../server.ts";
import { takeBackStates } from "../takeBack/takeBacks.ts";
import { refuse } from "./refusals.ts";

/** A change of how much the new version of a rollout answers. */
export interface TrafficChange extends Pick<TrafficSplit, "weight">, Partial<Omit<TrafficSplit, "weight">> {
  /** Name of the zoo model. */
  readonly model: string;
  /** Generation that the change was planned from; undefined where none was ever set. */
  readonly expected: number | undefined;
  readonly by: TrafficChanger;
  /** Verdict that asked for it. @default none */
  readonly verdictId?: string | undefined;
}

/**
 * Sets the traffic of the rollout that the model is in, with its step of the history, under the rollout's lock. `sticky` that is not named stays, and
 * without `control` nothing is copied. The same again changes nothing, whatever generation it expects. Answers the generation by now.
 * @throws OperatorError where somebody else changed it since it was read, or where no rollout is under way.
 */
export async function setTraffic(
  client: ClientBase,
  { model, expected, weight, by, verdictId, ...given }: TrafficChange,
): Promise<{ readonly generation: number; readonly isChanged: boolean }> {
  const held = await readRolloutTraffic(client, model);
  const split = { control: 0, sticky: held?.sticky, ...given };
  const { rows } = await client
    .query<{ outcome: string; generation: string | null }>(
      "SELECT outcome, generation FROM menagerie.set_traffic($1, $2, $3, $4, $5, $6, $7)",
      [model, expected ?? null, weight, split.control, split.sticky ?? null, by, verdictId ?? null],
    )
    .catch((error: unknown) => {
      if (sqlState(error) !== takeBackStates.takenBack) throw error;
      throw refuse("traffic.taken-back", { model, state: messageOf(error) }, error);
    });
  const { outcome, generation } = rows[0] ?? { outcome: "no rollout", generation: null };
  if (outcome === "stale") throw refuse("traffic.stale", { model, now: await described(client, model) });
  if (outcome === "no rollout") throw refuse("traffic.no-rollout", { model });
  return { generation: Number(generation), isChanged: outcome === "set" };
}

async function described(client: ClientBase, model: string): Promise<string> {
  const [last] = await readTrafficSteps(client, model, 1);
  return last ? `the ${last.by === "up" ? "last `up`" : last.by} set it to ${last.weight} %` : "it was never set";
}

interface TrafficRow {
  readonly model: string;
  readonly generation: string;
  readonly from: string;
  readonly to: string;
  readonly hash: string;
  readonly weight: number;
  readonly control: number;
  readonly sticky: Sticky | null;
}

const columns = `m.name AS model, t.generation, t.from_version_id AS "from", t.to_version_id AS "to", t.truss_hash AS hash, t.weight, t.control, t.sticky`;
const ofZoo =
  "JOIN menagerie.model m ON m.id = t.model_id JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin";

function splitOf<Row extends TrafficRow>({ generation, sticky, ...row }: Row) {
  return { ...row, generation: Number(generation), sticky: sticky ?? undefined };
}

/** The traffic of every zoo model that ever had a weight, by its name. Rows of rollouts that are over stay as they were. */
export function readRolloutTraffics(client: ClientBase): Promise<Map<string, RolloutTraffic>> {
  return trafficsOf(client, null);
}

/** That of one; undefined where none was ever set. */
export async function readRolloutTraffic(client: ClientBase, model: string): Promise<RolloutTraffic | undefined> {
  return (await trafficsOf(client, model)).get(model);
}

/** That of one with the key of its draw, for whoever writes the object that the gateway reads. A draw by a header that has no key gets one. */
export async function readTrafficToWrite(client: ClientBase, model: string): Promise<RolloutTraffic | undefined> {
  const row = await readRolloutTraffic(client, model);
  if (!row || stickyHeaderOf(row.sticky) === undefined) return row;
  const { rows } = await client.query<{ key: string | null }>("SELECT menagerie.draw_key($1) AS key", [model]);
  return { ...row, drawKey: rows[0]?.key ?? undefined };
}

async function trafficsOf(client: ClientBase, model: string | null): Promise<Map<string, RolloutTraffic>> {
  const { rows } = await client.query<TrafficRow & { changedAt: Date }>(
    `SELECT ${columns}, t.changed_at AS "changedAt" FROM menagerie.rollout_traffic t ${ofZoo}
      WHERE $1::text IS NULL OR m.name = $1 ORDER BY m.name`,
    [model],
  );
  return new Map(rows.map((row) => [row.model, splitOf(row)]));
}

/** Changes of one model's traffic, the latest first. */
export async function readTrafficSteps(client: ClientBase, model: string, most = 100): Promise<TrafficStep[]> {
  const { rows } = await client.query<
    TrafficRow & { by: TrafficChanger; verdictId: string | null; at: Date; appliedAt: Date | null }
  >(
    `SELECT ${columns}, t.changed_by AS by, t.verdict_id AS "verdictId", t.at, t.applied_at AS "appliedAt"
       FROM menagerie.rollout_traffic_step t ${ofZoo} WHERE m.name = $1 ORDER BY t.generation DESC LIMIT $2`,
    [model, most],
  );
  return rows.map(({ verdictId, appliedAt, ...row }) => ({
    ...splitOf(row),
    verdictId: verdictId ?? undefined,
    appliedAt: appliedAt ?? undefined,
  }));
}

/**
 * Has the object that the gateway reads written from the row, and notes the generation that was written.
 *
 * @param write - writes the object from the row as it is now; answers its generation, or undefined when the object does not exist
 */
export async function writeTraffic(
  client: ClientBase,
  model: string,
  write: (read: () => Promise<RolloutTraffic>) => Promise<number | undefined>,
): Promise<void> {
  const written = await write(async () => {
    const row = await readTrafficToWrite(client, model);
    if (!row) throw new Error(`${model} has no traffic`);
    return row;
  });
  if (written !== undefined) await noteTrafficApplied(client, model, written);
}

/** Notes that the object which the gateway reads was written for this generation. Only the first note counts. */
export async function noteTrafficApplied(client: ClientBase, model: string, generation: number): Promise<void> {
  await client.query("SELECT menagerie.traffic_applied($1, $2)", [model, generation]);
}
