import type { ClientBase } from "pg";
import { writeTraffic } from "../../../src/adapters/postgres/zoo/traffic.ts";
import { roles } from "../../../src/domain/platformDatabase.ts";
import type { OldVersion } from "../../../src/domain/zoo/takeBackWeight.ts";
import { trafficRows } from "../../../src/services/guard/ports.ts";
import type { TakeBackPorts } from "../../../src/services/guard/takeBack.ts";

/** A gateway that is a table: one row a model, with the generation and the weight that it divides requests by. */
export const gatewayTable = `CREATE TABLE public.gateway (model text PRIMARY KEY, generation bigint, weight double precision, writes integer NOT NULL DEFAULT 1);
  GRANT USAGE ON SCHEMA public TO ${roles.guard}, ${roles.deployer};
  GRANT SELECT, INSERT, UPDATE ON public.gateway TO ${roles.guard}, ${roles.deployer}`;

/** Writes the table's row from the database's newest; whoever read an older one writes nothing, as with the cluster's object. */
export function applyTable(client: ClientBase, model: string): Promise<void> {
  return writeTraffic(client, model, async (read) => {
    for (;;) {
      const row = await read();
      await client.query(
        `INSERT INTO public.gateway AS g (model, generation, weight) VALUES ($1, $2, $3)
         ON CONFLICT (model) DO UPDATE SET generation = excluded.generation, weight = excluded.weight, writes = g.writes + 1
          WHERE g.generation <= excluded.generation`,
        [model, row.generation, row.weight],
      );
      if ((await read()).generation === row.generation) return row.generation;
    }
  });
}

/**
 * What a take-back works on, with {@link gatewayTable} in the place of the cluster.
 *
 * @param elsewhere - works in an existing database of apps
 */
export function tablePorts(
  client: ClientBase,
  old: () => OldVersion = () => ({ ready: 1, wanted: 1, sleeps: false }),
  elsewhere?: TakeBackPorts["elsewhere"],
): TakeBackPorts {
  return {
    client,
    batchRows: 4,
    traffic: { ...trafficRows(client), apply: (model) => applyTable(client, model) },
    oldVersion: async () => old(),
    elsewhere,
  };
}
