import type { DeclaredJudge } from "../domain/judgement/declared.ts";
import type { ExistingTable } from "../domain/zoo/existingTable.ts";
import type { Gate, Phase } from "../domain/zoo/phases.ts";
import type { TargetCounts, TargetPair } from "../domain/zoo/targetApps.ts";
import type { DatabaseInput } from "../providers/databaseInput.ts";
import { asDeployer, migrationTargetServer } from "../providers/databaseServer.ts";
import type { Due, Handler } from "../providers/handler.ts";
import { refuse } from "../providers/refusals.ts";

export interface ZooRolloutInputs extends DatabaseInput, Due {
  /** Name of the zoo model. */
  readonly model: string;
  readonly phase: Phase;
  /** Id of the version that the rollout leaves. */
  readonly from?: string | undefined;
  /** Content that is deployed or rolled out. */
  readonly hash: string;
  /** What must have passed before apps move. */
  readonly gates: readonly Gate[];
  /** How long a bake takes. */
  readonly bakeSeconds: number;
  /**
   * Ids of apps that stay on the old version by choice, in {@link target} where {@link apps} are, else of the platform's own.
   * @default none
   */
  readonly leave?: readonly string[] | undefined;
  /**
   * What the rollout is judged by.
   * @default nobody judges
   */
  readonly judge?: DeclaredJudge | undefined;
  /**
   * Pods that the version which the rollout leaves keeps until it is done.
   * @default its usual ones
   */
  readonly keptPods?: number | undefined;
  /**
   * The rollout's ids in the table {@link target}, whose apps count too.
   * @default apps are in the platform's tables alone
   */
  readonly apps?: TargetPair | undefined;
  readonly target?: ExistingTable | undefined;
  /** Secret url of the existing database. MENAGERIE_MIGRATION_DATABASE_URL wins over it. */
  readonly targetUrl?: string | undefined;
  /**
   * The guard's login in the existing database, which gets what it needs to take apps back there.
   * @default apps there are not taken back automatically
   */
  readonly guardRole?: string | undefined;
}

export interface ZooRolloutOutputs extends ZooRolloutInputs {
  /** When the model entered its phase; ISO 8601. */
  readonly since: string;
}

/**
 * Where a zoo model stands. Everything else of it depends on this, so that a phase that cannot be entered, by what the
 * database holds at that moment, changes nothing. Deleting it records that the model is off.
 */
export const zooRollout: Handler<ZooRolloutInputs, ZooRolloutOutputs> = {
  inputs: {
    model: "replace",
    phase: "update",
    from: "update",
    hash: "update",
    gates: "update",
    bakeSeconds: "update",
    leave: "update",
    judge: "update",
    keptPods: "update",
    apps: "update",
    target: "update",
    targetUrl: "update",
    guardRole: "update",
    database: "ignore",
  },
  async create(inputs) {
    return { id: inputs.model, outs: await record(inputs) };
  },
  update: (_id, _olds, news) => record(news),
  async delete(_id, props) {
    const { recordRemoval } = await import("../adapters/postgres/zoo/rollouts.ts");
    await asDeployer(props, (client) => recordRemoval(client, props.model));
  },
};

async function record(inputs: ZooRolloutInputs): Promise<ZooRolloutOutputs> {
  const { recordPhase } = await import("../adapters/postgres/zoo/rollouts.ts");
  const request = {
    ...inputs,
    from: inputs.from,
    organization: "admin",
    targetApps: await countTarget(inputs),
    guardedApps: await letGuard(inputs),
    leave: inputs.apps ? [] : inputs.leave,
  };
  const since = await asDeployer(inputs, (client) => recordPhase(client, request));
  return { ...inputs, since: since.toISOString() };
}

/** Before the phase is recorded: from then on a guard may have to take apps back there. */
async function letGuard({ apps, target: existing, targetUrl, guardRole }: ZooRolloutInputs) {
  if (!apps || !existing || guardRole === undefined) return undefined;
  const { movingTarget } = await import("../adapters/postgres/zoo/migration/target.ts");
  const { installGuard } = await import("../adapters/postgres/zoo/migration/guarded.ts");
  const connection = { server: migrationTargetServer(targetUrl), existing };
  return movingTarget(connection, async (client, target) => {
    await installGuard(client, target, guardRole);
    return { table: target.table, ...apps };
  });
}

/** Of another database, so not in the transaction that records the phase: what happens meanwhile is the next `up`'s. */
async function countTarget({
  model,
  apps,
  leave,
  target: existing,
  targetUrl,
}: ZooRolloutInputs): Promise<TargetCounts[]> {
  if (!apps || !existing) return [];
  const { readPointing } = await import("../adapters/postgres/zoo/migration/pointing.ts");
  const [found] = await readPointing({ server: migrationTargetServer(targetUrl), existing }, [{ ...apps, leave }]);
  const [obstacle] = found?.obstacles ?? [];
  if (!found || obstacle) throw refuse("target.refused", obstacle ?? { problem: "cannot be read", fix: "" });
  return [{ model, ...found.counts }];
}
