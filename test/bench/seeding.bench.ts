/**
 * State of a release: seeding against `COPY TO | COPY FROM` over one connection into the same tables, and going back to a release
 * whose state is there against building it again. SEEDING_MB says the size of the state, 256 by default, and SEEDING_ROUNDS how
 * often each is measured, 3 by default.
 */
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import { ensureReleaseState, useReleaseState } from "../../src/adapters/postgres/releaseState/ensure.ts";
import { clientConfig, withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { silent } from "../../src/domain/progress.ts";
import { makePlatformTables } from "../support/platformTables.ts";
import { startPostgres } from "../support/postgres.ts";
import { stateOf } from "../support/releaseStates.ts";
import { median } from "./measures.ts";

const megabytes = Number(process.env.SEEDING_MB ?? "256");
const rounds = Number(process.env.SEEDING_ROUNDS ?? "3");
const files = [
  {
    name: "state/item.sql",
    sql: `CREATE TABLE item (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner bigint NOT NULL, text text NOT NULL);
          CREATE INDEX item_owner ON item (owner);`,
  },
];
const spec = (tag: string, from: string, parallel: number) => stateOf({ tag, from, files, tables: ["item"], parallel });

const postgres = await startPostgres();
const { server } = postgres;
const sql = (text: string) => withClient(server, platformDatabase, (client) => client.query(text));
const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
};

/** What a user would write: the same tables, and all rows through one pipe. */
async function copyThroughPipe(schema: string): Promise<void> {
  await sql(`CREATE SCHEMA ${schema}`);
  await sql(`SET search_path TO ${schema}; ${files[0]?.sql}`);
  const [reader, writer] = [1, 2].map(() => new pg.Client(clientConfig(server, platformDatabase)));
  if (!reader || !writer) return;
  await Promise.all([reader.connect(), writer.connect()]);
  await pipeline(
    reader.query(copyTo("COPY v1.item TO STDOUT")),
    writer.query(copyFrom(`COPY ${schema}.item FROM STDIN`)),
  );
  await Promise.all([reader.end(), writer.end()]);
}

try {
  await makePlatformTables(server);
  await ensureReleaseState(server, stateOf({ tag: "v1", files, tables: ["item"] }), { progress: silent });
  const rowsPerMegabyte = 2600;
  await sql(
    `INSERT INTO v1.item (owner, text) SELECT i % 1000, repeat(md5(i::text), 11) FROM generate_series(1, ${megabytes * rowsPerMegabyte}) i`,
  );
  await sql("VACUUM ANALYZE v1.item");
  const size = Number((await sql("SELECT pg_table_size('v1.item') AS size")).rows[0]?.size) / 2 ** 20;
  console.log(
    `state of ${size.toFixed(0)} MiB, ${(megabytes * rowsPerMegabyte).toLocaleString("en")} rows; medians of ${rounds}`,
  );

  const took = { pipe: [] as number[], one: [] as number[], four: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    took.pipe.push(await seconds(() => copyThroughPipe(`pipe${round}`)));
    await sql(`DROP SCHEMA pipe${round} CASCADE`);
    for (const [key, parallel] of [
      ["one", 1],
      ["four", 4],
    ] as const) {
      const tag = `${key}${round}`;
      took[key].push(await seconds(() => ensureReleaseState(server, spec(tag, "v1", parallel), { progress: silent })));
      if (round < rounds - 1 || key === "one") {
        await sql(`DROP SCHEMA ${tag} CASCADE`);
        await sql(`DELETE FROM menagerie.release_schema WHERE name = '${tag}'`);
      }
    }
    await sql("CHECKPOINT");
  }
  const pipe = median(took.pipe);
  const line = (name: string, value: number) =>
    console.log(
      `${name.padEnd(48)} ${value.toFixed(1).padStart(7)} s ${(size / value).toFixed(0).padStart(5)} MiB/s   ratio ${(value / pipe).toFixed(2)}`,
    );
  line("COPY TO | COPY FROM, one connection", pipe);
  line("seeding, 1 connection", median(took.one));
  line("seeding, 4 connections", median(took.four));

  const last = spec(`four${rounds - 1}`, "v1", 4);
  const restored = await seconds(async () => {
    await ensureReleaseState(server, last, { progress: silent });
    await useReleaseState(server, last.schema);
  });
  console.log(
    `${"going back to a state that is there".padEnd(48)} ${(restored * 1000).toFixed(0).padStart(7)} ms, against ${median(took.four).toFixed(1)} s to seed it`,
  );
} finally {
  await postgres.stop();
}
