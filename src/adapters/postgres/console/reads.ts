import type { ClientBase, Pool } from "pg";
import { type ShownStanding, shownStandings } from "../../../domain/zoo/shownStanding.ts";
import { standings } from "../../../domain/zoo/standing.ts";
import { readVerdicts } from "../judgement/readVerdicts.ts";
import { inTransaction } from "../transaction.ts";
import { listShownMigrations } from "../zoo/migration/journal.ts";
import { platformTarget } from "../zoo/migration/target.ts";
import { readZooRegistry } from "../zoo/registry.ts";

/** Where models stand in the platform's own tables: all of them, or the one called `name`. */
export async function readShownStandings(client: ClientBase, name?: string): Promise<ShownStanding[]> {
  const registry = await inTransaction(client, () => readZooRegistry(client, name === undefined ? [] : [name]), {
    readOnly: true,
  });
  const all = standings(registry);
  const chosen = name === undefined ? all : all.filter((each) => each.name === name);
  const judged = await readVerdicts(client, name === undefined ? "every" : [name]);
  return shownStandings(chosen, judged, await listShownMigrations(client, platformTarget));
}

/**
 * Differs whenever something changed that a page shows, other than counts of requests: a page that was made by the same mark is as it would be
 * made now.
 */
export async function readMark(pool: Pick<Pool, "query">): Promise<string> {
  const { rows } = await pool.query<{ mark: string }>(
    `SELECT concat_ws(' ',
       (SELECT max(id) FROM menagerie.audit),
       (SELECT max(id) FROM menagerie.rollout_step),
       (SELECT max(id) FROM menagerie.rollout_traffic_step),
       (SELECT max(id) FROM menagerie.verdict),
       (SELECT max(id) FROM menagerie.take_back), (SELECT count(*) FROM menagerie.take_back_step),
       (SELECT count(*) FROM menagerie.rollout_resume),
       (SELECT max(id) FROM menagerie.deployment), (SELECT max(clock_at) FROM menagerie.deployment_outcome),
       (SELECT max(id) FROM menagerie.gate_evidence),
       (SELECT max(changed_at) FROM menagerie.zoo_migration), (SELECT count(paused_at) FROM menagerie.zoo_migration),
       (SELECT concat_ws('.', sum(generation), sum(seq)) FROM menagerie.truss_head), (SELECT max(at) FROM menagerie.truss_reload),
       (SELECT concat_ws('.', max(id), max(finished_at)) FROM menagerie.development_deployment),
       (SELECT max(id) FROM menagerie.model_version), (SELECT max(id) FROM menagerie.model)) AS mark`,
  );
  return rows[0]?.mark ?? "";
}
