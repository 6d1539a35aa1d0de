/**
 * The console at many models (`MENAGERIE_BENCH_MODELS`, 1,000): how long each page takes to its first byte, by the console's own login, with
 * 10 apps a model, counts of the last minute for each, a month of usage and 200 deployments of them all.
 */
import { loadavg } from "node:os";
import { createRoleKey } from "../../src/adapters/postgres/apiKeys.ts";
import { withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { startConsole } from "../support/consoleServer.ts";
import { deploy } from "../support/deploymentRecord.ts";
import { makePlatformTables } from "../support/platformTables.ts";
import { startPostgres } from "../support/postgres.ts";
import { median } from "./measures.ts";

const models = Number(process.env.MENAGERIE_BENCH_MODELS ?? 1_000);
const deployments = 200;
const turns = 21;
/** Between two turns, in milliseconds: what pages share for a second is read again. */
const pause = 1_100;

const nameOf = (number: number) => `model-${String(number).padStart(5, "0")}`;

const seed = `
INSERT INTO menagerie.organization (name) SELECT 'organization-' || n FROM generate_series(1, 100) n;
INSERT INTO menagerie.model (name, organization_id)
  SELECT 'model-' || lpad(n::text, 5, '0'), o.id FROM generate_series(1, :models) n, menagerie.organization o WHERE o.is_admin;
INSERT INTO menagerie.model_version (model_id, number, truss_hash, is_current)
  SELECT m.id, n, md5(m.name || n) || md5(n || m.name), n = 1 FROM menagerie.model m, generate_series(1, 2) n;
INSERT INTO menagerie.rollout (model_id, phase, from_version_id, truss_hash)
  SELECT v.model_id, (ARRAY['copy', 'version', 'forward', 'reverted'])[1 + v.id % 4], v.id,
         (SELECT n.truss_hash FROM menagerie.model_version n WHERE n.model_id = v.model_id AND n.number = 2)
    FROM menagerie.model_version v WHERE v.number = 1;
INSERT INTO menagerie.rollout_step (model_id, phase_before, phase, truss_hash, at)
  SELECT r.model_id, 'copy', 'version', r.truss_hash, now() - n * interval '3 hours' FROM menagerie.rollout r, generate_series(1, 10) n;
WITH app AS (
  INSERT INTO menagerie.model (name, organization_id)
    SELECT 'app-' || v.id || '-' || n, (SELECT id FROM menagerie.organization WHERE name = 'organization-' || 1 + v.id % 100)
      FROM menagerie.model_version v, generate_series(1, 10) n WHERE v.number = 1 RETURNING id, name)
INSERT INTO menagerie.model_version (model_id, number, is_current, proxy_model_version_id)
  SELECT id, 1, true, split_part(name, '-', 2)::bigint FROM app;
INSERT INTO menagerie.audit (who, what, details) SELECT 'ada@laptop', 'key.create', '{"prefix": "Ab12Cd34"}' FROM generate_series(1, 5000);
INSERT INTO menagerie.usage (organization_id, app_id, model, day, requests, tokens_in, tokens_out)
  SELECT o.id, n, 'model-00001', current_date - d, 1000, 5, 5 FROM menagerie.organization o, generate_series(1, 10) n, generate_series(0, 29) d;
INSERT INTO menagerie.traffic_source (path, name, run, since) SELECT path, 'gateway', 'run', now() - interval '1 hour' FROM unnest(ARRAY['route', 'app']) path;
INSERT INTO menagerie.traffic_observed (source_id, since, until) SELECT id, date_trunc('second', since), date_trunc('second', now()) + interval '1 hour' FROM menagerie.traffic_source;
INSERT INTO menagerie.traffic_count (version_id, path, since, seconds, outcome, count)
  SELECT v.id, 'route', date_trunc('second', now()) + s * interval '10 seconds', 1, '2xx', 7
    FROM menagerie.model_version v, generate_series(-6, 30) s WHERE v.number = 1 AND v.truss_hash IS NOT NULL;
ANALYZE`;

const postgres = await startPostgres();
try {
  await makePlatformTables(postgres.server);
  const key = await withClient(postgres.server, platformDatabase, async (client) => {
    for (const statement of seed.replaceAll(":models", String(models)).split(/;\s*$/m)) await client.query(statement);
    for (let number = 0; number < deployments; number += 1) {
      const versions = Object.fromEntries(
        Array.from({ length: models }, (_, place) => [nameOf(place + 1), 1 + Number(place < number)]),
      );
      await deploy(client, "prod", versions);
    }
    return (await createRoleKey(client, "viewer", undefined)).key;
  });
  const served = await startConsole(postgres.server);
  try {
    const browser = await served.login(key);
    const paths = [
      ...[
        "/environment",
        "/environment?page=30",
        `/environment?q=${nameOf(models)}`,
        `/rollout/${nameOf(1)}`,
        "/activity",
      ],
      ...["/apps", "/apps?page=50", `/apps?q=${nameOf(models)}`, "/usage", "/releases"],
    ];
    console.log(`first byte of pages at ${models} models, ${turns} times each (load ${loadavg()[0]?.toFixed(1)})`);
    for (const path of paths) {
      const took: number[] = [];
      let bytes = 0;
      for (let turn = 0; turn < turns; turn += 1) {
        await new Promise((resolve) => setTimeout(resolve, pause));
        const began = performance.now();
        const answer = await fetch(served.url + path, {
          headers: { cookie: browser.cookie, "user-agent": browser.name },
        });
        took.push(performance.now() - began);
        bytes = (await answer.arrayBuffer()).byteLength;
        if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
      }
      console.log(
        `${path.padEnd(32)} median ${median(took).toFixed(0).padStart(4)} ms, longest ${Math.max(...took)
          .toFixed(0)
          .padStart(4)} ms, ${(bytes / 1024).toFixed(0)} KiB`,
      );
    }
  } finally {
    await served.stop();
  }
} finally {
  await postgres.stop();
}
