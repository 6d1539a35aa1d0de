/**
 * What the record costs when it is long: which deployment was current at a time, over 100,000 recorded ones
 * (`MENAGERIE_BENCH_DEPLOYMENTS`), against the same question asked of a plain table of rows with two times and no index on
 * them, as a deployment tool's log has it.
 */
import { lockDeployments } from "../../src/adapters/postgres/deploymentLock.ts";
import { closeDeployment, openDeployment } from "../../src/adapters/postgres/deployments.ts";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { deploymentAsOf } from "../../src/adapters/postgres/releases.ts";
import { withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { silent } from "../../src/domain/progress.ts";
import { deploy, intentOf, makePlatformDatabase, run, serving } from "../support/deploymentRecord.ts";
import { startPostgres } from "../support/postgres.ts";

const count = Number(process.env.MENAGERIE_BENCH_DEPLOYMENTS ?? "100000");
const questions = 500;

/** Median and 99th percentile, in milliseconds. */
async function timed(work: (index: number) => Promise<unknown>, times: number): Promise<[number, number]> {
  const took: number[] = [];
  for (let index = 0; index < times; index += 1) {
    const began = performance.now();
    await work(index);
    took.push(performance.now() - began);
  }
  took.sort((a, b) => a - b);
  return [took[Math.floor(times / 2)] ?? 0, took[Math.floor(times * 0.99)] ?? 0];
}

const postgres = await startPostgres();
try {
  await makePlatformDatabase(postgres.server);
  await migrate(postgres.server, silent);
  await withClient(postgres.server, platformDatabase, async (client) => {
    await deploy(client, "prod", { iris: 1 });
    // As the adapter writes them, one a minute for `count` minutes, by two statements; without the checks, which would take as long as 100,000 deployments.
    await client.query("SET session_replication_role = replica");
    await client.query(
      `INSERT INTO menagerie.deployment (id, environment, follows, release_id, models, config, config_digest, requested_by, run, began_at)
       OVERRIDING SYSTEM VALUE
       SELECT d.id + n, environment, d.id + n - 1, release_id, models, config, config_digest, requested_by, run,
              began_at + n * interval '1 minute'
         FROM menagerie.deployment d, generate_series(1, $1::int - 1) n`,
      [count],
    );
    await client.query(
      `INSERT INTO menagerie.deployment_outcome (deployment_id, environment, outcome, replaces, models, settled_by, at)
       SELECT o.deployment_id + n, environment, outcome, o.deployment_id + n - 1, models, settled_by, at + n * interval '1 minute'
         FROM menagerie.deployment_outcome o, generate_series(1, $1::int - 1) n`,
      [count],
    );
    await client.query("SET session_replication_role = DEFAULT");
    await client.query(
      `CREATE TABLE public.log AS SELECT environment, tag, models, since, until FROM menagerie.deployment_range`,
    );
    await client.query("ANALYZE");
    const { rows } = await client.query<{ first: Date; last: Date; recorded: string }>(
      "SELECT min(at) AS first, max(at) AS last, count(*) AS recorded FROM menagerie.deployment_outcome",
    );
    const [range] = rows;
    if (!range) throw new Error("nothing was recorded");
    const times = Array.from(
      { length: questions },
      (_, index) =>
        new Date(
          range.first.getTime() +
            ((index * 7919) % questions) * ((range.last.getTime() - range.first.getTime()) / questions),
        ),
    );
    const [ours, ours99] = await timed((index) => deploymentAsOf(client, "prod", times[index]), questions);
    const [plain] = await timed(
      (index) =>
        client.query(
          "SELECT tag, models FROM public.log WHERE environment = 'prod' AND since <= $1 AND (until > $1 OR until IS NULL)",
          [times[index]],
        ),
      50,
    );
    console.log(
      `as of a time, ${range.recorded} deployments   ${ours.toFixed(2)} ms (99 %: ${ours99.toFixed(2)} ms)   plain log ${plain.toFixed(2)} ms   ratio ${(ours / plain).toFixed(3)}`,
    );
    await client.query(
      "SELECT setval(pg_get_serial_sequence('menagerie.deployment', 'id'), (SELECT max(id) FROM menagerie.deployment))",
    );
    const lock = await lockDeployments(postgres.server, "prod");
    const [write] = await timed(async (index) => {
      const id = await openDeployment(client, await intentOf(client, "prod", { iris: index + 2 }), run, async () => []);
      await closeDeployment(client, "prod", id, async () => serving({ iris: index + 2 }));
    }, 50);
    await lock.release();
    console.log(`intent and end of one more deployment        ${write.toFixed(2)} ms`);
  });
} finally {
  await postgres.stop();
}
