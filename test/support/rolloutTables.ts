import type { ClientBase } from "pg";
import { createApp } from "../../src/adapters/postgres/apps.ts";
import { registerVersion } from "../../src/adapters/postgres/modelVersions.ts";
import { type DatabaseServer, withClient } from "../../src/adapters/postgres/server.ts";
import type { TakeBackIntent } from "../../src/adapters/postgres/takeBack/takeBacks.ts";
import { type RunOptions, runMigration } from "../../src/adapters/postgres/zoo/migration/run.ts";
import { movingTarget } from "../../src/adapters/postgres/zoo/migration/target.ts";
import { platformDatabase, roles } from "../../src/domain/platformDatabase.ts";
import { silent } from "../../src/domain/progress.ts";
import type { MigrationDirection, MigrationRequest } from "../../src/domain/zoo/migration.ts";
import type { Phase } from "../../src/domain/zoo/phases.ts";
import { watched } from "../integration/adapters/postgres/zoo/migration/world/client.ts";
import { irisServing } from "./irisServing.ts";
import { rolePassword } from "./platformTables.ts";

/** A rollout in the platform's tables, with apps on its old version. */
export interface TestRollout {
  readonly model: string;
  readonly modelId: string;
  readonly from: string;
  readonly to: string;
  readonly hash: string;
  readonly server: DatabaseServer;
  /** With every right. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** By the guard's own login. */
  asGuard<T>(work: (client: ClientBase) => Promise<T>): Promise<T>;
  /** Moves apps as an `up` does; waits for `between` before the first statement after its first batch. */
  move(
    direction: MigrationDirection,
    options?: Partial<RunOptions> &
      Pick<MigrationRequest, "expected"> & { readonly between?: (() => Promise<unknown>) | undefined },
  ): Promise<unknown>;
  /** Ids of the versions of the apps that point at the new version, in order. */
  moved(): Promise<string[]>;
  /** What would be taken back. */
  intent(change?: Partial<TakeBackIntent>): TakeBackIntent;
}

let made = 0;

/** Makes a rollout of a model of its own in phase `forward`, at a weight of 50, with `apps` apps on the old version. */
export async function makeRollout(
  server: DatabaseServer,
  apps: number,
  phase: Phase = "forward",
): Promise<TestRollout> {
  made += 1;
  // Of this rollout: others may be made at the same time.
  const own = made;
  const model = `rolled${own}`;
  const onPlatform = <T>(work: (client: ClientBase) => Promise<T>) => withClient(server, platformDatabase, work);
  const hash = `hash-${own}-2`;
  const verdictId = String(own * 1000);
  const [from = "", to = ""] = await onPlatform(async (client) => {
    const ids: string[] = [];
    for (const number of [1, 2]) {
      const id = await registerVersion(client, {
        model,
        organization: "admin",
        number,
        serving: irisServing,
        url: `registry/${model}`,
        hash: `hash-${own}-${number}`,
        digest: `sha256:${String(number).repeat(64)}`,
        current: number === 1,
      });
      ids.push(id);
    }
    for (let app = 0; app < apps; app += 1) {
      await createApp(client, { zooModel: model, owner: `user${app % 7}@example.com`, name: `${model}-${app}` });
    }
    return ids;
  });
  const query = async <Row extends object>(text: string, values: readonly unknown[] = []) =>
    (await onPlatform((client) => client.query<Row>(text, [...values]))).rows;
  const [row] = await query<{ id: string }>("SELECT model_id AS id FROM menagerie.model_version WHERE id = $1", [from]);
  const modelId = row?.id ?? "";
  await query(`INSERT INTO menagerie.rollout (model_id, phase, from_version_id, truss_hash) VALUES ($1, $2, $3, $4)`, [
    modelId,
    phase,
    from,
    hash,
  ]);
  await query(
    `INSERT INTO menagerie.rollout_traffic (model_id, generation, from_version_id, to_version_id, truss_hash, weight, control, changed_at)
     VALUES ($1, 1, $2, $3, $4, 50, 0, now())`,
    [modelId, from, to, hash],
  );
  return {
    model,
    modelId,
    from,
    to,
    hash,
    server,
    query,
    asGuard: (work) => withClient({ ...server, user: roles.guard, password: rolePassword }, platformDatabase, work),
    move: (direction, { between, expected, ...options } = {}) =>
      movingTarget({ server }, (client, target) => {
        let waits = false;
        const before = async (): Promise<void> => {
          if (!waits) return;
          waits = false;
          await between?.();
          between = undefined;
        };
        return runMigration(
          watched(client, { before }),
          target,
          { name: model, from, to, direction, expected },
          {
            progress: silent,
            ...options,
            onMoved(ids) {
              waits = between !== undefined;
              options.onMoved?.(ids);
            },
          },
        );
      }),
    moved: async () =>
      (
        await query<{ id: string }>(
          "SELECT id::text AS id FROM menagerie.model_version WHERE proxy_model_version_id = $1 ORDER BY id",
          [to],
        )
      ).map(({ id }) => id),
    intent: (change = {}) => ({
      modelId,
      from,
      to,
      hash,
      verdictId,
      action: "revert",
      reason: "errors 12 of 180 against 3 of 1,620, at least 2.1 points more, 1.0 points are allowed",
      ...change,
    }),
  };
}
