import type { KubeConfig } from "@kubernetes/client-node";
import type { ClientBase } from "pg";
import { readyPods } from "../../adapters/kubernetes/oldVersion.ts";
import { applyTraffic } from "../../adapters/kubernetes/traffic.ts";
import { type DatabaseServer, withClient } from "../../adapters/postgres/server.ts";
import type { OpenTakeBack } from "../../adapters/postgres/takeBack/takeBacks.ts";
import { readRolloutTraffic, setTraffic, writeTraffic } from "../../adapters/postgres/zoo/traffic.ts";
import { OperatorError } from "../../domain/errors.ts";
import type { RouteApi } from "../../domain/serving/route.ts";
import { kubernetesName, versionedName } from "../../domain/zoo/plan.ts";
import { servingSchema } from "../../domain/zoo/serving.ts";
import type { TakeBackPorts } from "./takeBack.ts";

/** Where the models and their routes are. */
export interface GuardedCluster {
  readonly config: KubeConfig;
  readonly namespace: string;
  readonly api: RouteApi;
}

/** The split of a rollout's requests in the database, by the guard's login. */
export function trafficRows(client: ClientBase): Pick<TakeBackPorts["traffic"], "read" | "lower"> {
  return {
    read: (model) => readRolloutTraffic(client, model),
    async lower({ model, verdictId }, expected, weight) {
      try {
        await setTraffic(client, { model, expected, weight, control: 0, by: "guard", verdictId });
        return "set";
      } catch (error) {
        // Somebody else changed it, or the rollout is over: it is read again.
        if (error instanceof OperatorError) return "moved on";
        throw error;
      }
    },
  };
}

/**
 * What a take-back works on: the database by the guard's login, and the cluster by its account.
 *
 * @param appsDatabase - an existing database with apps, by the guard's login there. Default: it has none
 */
export function takeBackPorts(
  client: ClientBase,
  cluster: GuardedCluster,
  appsDatabase?: DatabaseServer,
): TakeBackPorts {
  return {
    client,
    traffic: {
      ...trafficRows(client),
      apply(model) {
        const address = { ...cluster, name: kubernetesName(model) };
        return writeTraffic(client, model, (read) => applyTraffic(address, read));
      },
    },
    elsewhere: appsDatabase && ((work) => withClient(appsDatabase, appsDatabase.maintenanceDatabase, work)),
    oldVersion: (open) => oldVersion(client, cluster, open),
  };
}

/** As many pods as it had are those that its rollout has it keep, or the least that its row says. */
async function oldVersion(client: ClientBase, { config, namespace }: GuardedCluster, { model, from }: OpenTakeBack) {
  const { rows } = await client.query<{ number: number; serving: unknown; kept: number | null }>(
    `SELECT v.number, v.serving, r.kept_pods AS kept
       FROM menagerie.model_version v LEFT JOIN menagerie.rollout r ON r.model_id = v.model_id AND r.from_version_id = v.id
      WHERE v.id = $1`,
    [from],
  );
  const [row] = rows;
  const serving = row?.serving ? servingSchema.parse(row.serving) : undefined;
  if (!row || !serving) return { ready: 0, wanted: 1, sleeps: false };
  const { min } = serving.replicas;
  const service = serving.service ?? versionedName(model, row.number);
  return {
    ready: await readyPods(config, namespace, service),
    wanted: Math.max(1, min, row.kept ?? 0),
    sleeps: min === 0,
  };
}
