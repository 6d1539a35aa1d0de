import type { ClientBase } from "pg";
import type { RestorableDeployment } from "../../../domain/release/record.ts";
import type { RunnableCombination, RunnableState } from "../../../domain/trial/combination.ts";
import { combinationOfRelease, type RecordedVersion } from "../../../domain/trial/ofRelease.ts";
import { servingSchema } from "../../../domain/zoo/serving.ts";
import { extensionsInUse } from "../releaseState/extensions.ts";
import { readRelease } from "../releaseState/journal.ts";
import { refuse } from "../releaseState/refusals.ts";

/**
 * A deployment of the record as it can be brought up somewhere else. As role `menagerie_reader`, or one with its rights.
 * @param project - folder of the project, whose trusses images are built from again that are gone. @default nothing is built
 * @param dumped - finds a state that was dropped, by its schema. @default there is none
 * @throws OperatorError where a model of it works in a state that was dropped.
 */
export async function readRunnable(
  client: ClientBase,
  deployment: RestorableDeployment,
  project?: string,
  dumped: (schema: string) => Promise<RunnableState | null> = async () => null,
): Promise<RunnableCombination> {
  const { stateSchema } = deployment;
  const state = stateSchema === null ? null : ((await readState(client, stateSchema)) ?? (await dumped(stateSchema)));
  const combination = combinationOfRelease(
    { ...deployment, project },
    await recordedVersions(client, deployment),
    state,
  );
  const worker = combination.models.find((model) => model.state);
  if (worker && !state) throw refuse("state.of-release-dropped", { tag: deployment.tag, model: worker.name });
  return combination;
}

async function recordedVersions(client: ClientBase, { models }: RestorableDeployment): Promise<RecordedVersion[]> {
  const { rows } = await client.query<{ model: string; number: number; imageUrl: string | null; serving: unknown }>(
    `SELECT m.name AS model, v.number, v.image_url AS "imageUrl", v.serving
       FROM menagerie.model_version v
       JOIN menagerie.model m ON m.id = v.model_id
       JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
      WHERE m.name = ANY ($1) AND v.proxy_model_version_id IS NULL AND NOT v.is_development`,
    [models.map(({ name }) => name)],
  );
  return rows.map(({ serving, ...row }) => {
    const parsed = servingSchema.safeParse(serving);
    return { ...row, serving: parsed.success ? parsed.data : undefined };
  });
}

async function readState(client: ClientBase, schema: string): Promise<RunnableState | null> {
  const release = await readRelease(client, schema);
  if (!release?.ready) return null;
  const { tag, files, tables } = release;
  const extensions = await extensionsInUse(client);
  return { tag, schema, files, tables: tables.map(({ name, seed }) => ({ name, seed })), extensions };
}
