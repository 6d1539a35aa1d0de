import type { ClientBase } from "pg";
import { platformDatabase, roles } from "../../../domain/platformDatabase.ts";
import { type DatabaseServer, withClient } from "../server.ts";
import { actAs } from "../transaction.ts";
import { refuse } from "./refusals.ts";

/** A pipeline as the journal of a release's state has it. */
export interface JournaledPipeline {
  readonly schema: string;
  readonly name: string;
  /** Says which run it is. */
  readonly run: string;
  /** `<url>@<digest>` that ran; null while that is not known. */
  readonly image: string | null;
  /** Content hash of the folder that the image was made from. */
  readonly source: string | null;
  /** Null while it runs, and when it failed. */
  readonly finishedAt: Date | null;
}

const columns = `schema_name AS schema, name, run, image, source, finished_at AS "finishedAt"`;

/** Pipelines of all states, in the order of their names. */
export async function readPipelines(client: ClientBase): Promise<JournaledPipeline[]> {
  const { rows } = await client.query<JournaledPipeline>(
    `SELECT ${columns} FROM menagerie.release_pipeline ORDER BY schema_name, name`,
  );
  return rows;
}

/** A pipeline of one state; undefined for one that never began. */
export function readPipeline(
  server: DatabaseServer,
  schema: string,
  name: string,
): Promise<JournaledPipeline | undefined> {
  return withClient(server, platformDatabase, async (client) => {
    const all = await readPipelines(client);
    return all.find((each) => each.schema === schema && each.name === name);
  });
}

/**
 * Notes that a pipeline is about to run and answers its row: the one that is there, finished or not, or a new one.
 * @throws OperatorError for a state that is not there.
 */
export function beginPipeline(server: DatabaseServer, schema: string, name: string): Promise<JournaledPipeline> {
  return asState(server, async (client) => {
    const { rows } = await client.query<JournaledPipeline>(
      // The update changes nothing; it makes the row that is there the answer.
      `INSERT INTO menagerie.release_pipeline (schema_name, name)
       SELECT r.name, $2 FROM menagerie.release_schema r WHERE r.name = $1 AND r.ready_at IS NOT NULL
       ON CONFLICT (schema_name, name) DO UPDATE SET name = excluded.name RETURNING ${columns}`,
      [schema, name],
    );
    const [row] = rows;
    if (row) return row;
    throw refuse("pipeline.no-state", { name, schema });
  });
}

/**
 * Notes that a run came to its end. Nobody else's end is overwritten, nor that of a state that was made anew meanwhile.
 * Answers the row as it is then.
 */
export function finishPipeline(
  server: DatabaseServer,
  { schema, name, run }: Pick<JournaledPipeline, "schema" | "name" | "run">,
  ran: { readonly image: string; readonly source: string | null },
): Promise<JournaledPipeline> {
  return asState(server, async (client) => {
    const { rows } = await client.query<JournaledPipeline>(
      `UPDATE menagerie.release_pipeline
          SET finished_at = coalesce(finished_at, now()),
              image = CASE WHEN finished_at IS NULL THEN $4 ELSE image END,
              source = CASE WHEN finished_at IS NULL THEN $5 ELSE source END
        WHERE schema_name = $1 AND name = $2 AND run = $3 RETURNING ${columns}`,
      [schema, name, run, ran.image, ran.source],
    );
    const [row] = rows;
    if (row) return row;
    throw refuse("pipeline.state-changed", { name, schema });
  });
}

function asState<T>(server: DatabaseServer, work: (client: ClientBase) => Promise<T>): Promise<T> {
  return withClient(server, platformDatabase, async (client) => {
    await actAs(client, roles.state);
    return work(client);
  });
}
