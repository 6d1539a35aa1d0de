import type { ClientBase } from "pg";
import { noteTrafficApplied, readRolloutTraffic } from "../../../src/adapters/postgres/zoo/traffic.ts";
import type { OldVersion } from "../../../src/domain/zoo/takeBackWeight.ts";
import { trafficRows } from "../../../src/services/guard/ports.ts";
import type { TakeBackPorts } from "../../../src/services/guard/takeBack.ts";

/** A gateway that is a table: one row a model, with the generation and the weight that it divides requests by. */
export const gatewayTable = `CREATE TABLE public.gateway (model text PRIMARY KEY, generation bigint, weight double precision, writes integer NOT NULL DEFAULT 1);
  GRANT USAGE ON SCHEMA public TO menagerie_guard;
  GRANT SELECT, INSERT, UPDATE ON public.gateway TO menagerie_guard`;

/** What a take-back works on, with {@link gatewayTable} in the place of the cluster. */
export function tablePorts(
  client: ClientBase,
  old: () => OldVersion = () => ({ ready: 1, wanted: 1, sleeps: false }),
): TakeBackPorts {
  return {
    client,
    batchRows: 4,
    traffic: {
      ...trafficRows(client),
      async apply(model) {
        const row = await readRolloutTraffic(client, model);
        await client.query(
          `INSERT INTO public.gateway AS g (model, generation, weight) VALUES ($1, $2, $3)
           ON CONFLICT (model) DO UPDATE SET generation = excluded.generation, weight = excluded.weight, writes = g.writes + 1`,
          [model, row?.generation, row?.weight],
        );
        await noteTrafficApplied(client, model, row?.generation ?? 0);
      },
    },
    oldVersion: async () => old(),
  };
}
