import type { ClientBase } from "pg";
import { actAs } from "../../../src/adapters/postgres/transaction.ts";
import { runMigration } from "../../../src/adapters/postgres/zoo/migration/run.ts";
import { platformTarget } from "../../../src/adapters/postgres/zoo/migration/target.ts";
import { recordPhase } from "../../../src/adapters/postgres/zoo/rollouts.ts";
import { readRolloutTraffic, setTraffic } from "../../../src/adapters/postgres/zoo/traffic.ts";
import { roles } from "../../../src/domain/platformDatabase.ts";
import { silent } from "../../../src/domain/progress.ts";
import type { Gate } from "../../../src/domain/zoo/phases.ts";
import type { TestRollout } from "../rolloutTables.ts";
import { applyTable } from "./gatewayTable.ts";

/** What has passed for every content of these tests. */
export const gate: Gate = { kind: "smoke", suite: "test" };

/** What an `up` is planned from. */
export interface ForwardPlan extends Pick<TestRollout, "model" | "from" | "to" | "hash"> {
  /** Generation of the traffic when it was planned. */
  readonly generation: number | undefined;
}

export async function planForward(rollout: TestRollout): Promise<ForwardPlan> {
  const { model, from, to, hash } = rollout;
  const row = await rollout.asGuard((client) => readRolloutTraffic(client, model));
  return { model, from, to, hash, generation: row?.generation };
}

/**
 * What an `up` does in the database when its stack goes from `version` at half of the requests to `forward` at all of them, in the
 * order in which its resources depend on each other: the phase, the weight, the gateway's object, the apps.
 *
 * @param client - of a login that may act as each role
 */
export async function goForward(client: ClientBase, plan: ForwardPlan): Promise<void> {
  const { model, from, to, hash, generation } = plan;
  await actAs(client, roles.deployer);
  const phase = { model, organization: "admin", phase: "forward", from, hash, gates: [gate], bakeSeconds: 0 } as const;
  await recordPhase(client, phase);
  await setTraffic(client, { model, expected: generation, weight: 100, by: "up" });
  await applyTable(client, model);
  await client.query("RESET ROLE");
  await actAs(client, roles.migrator);
  const request = { name: model, from, to, direction: "forward" } as const;
  await runMigration(client, platformTarget, request, { progress: silent, batchRows: 4 });
}
