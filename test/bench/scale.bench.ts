/**
 * What the API service's work costs where a stack has many models: the same questions with 110 of them and with 11,000 (1,000 zoo
 * models and 10,000 development versions), and the ratio of the two. PostgreSQL is real, the cluster is in memory.
 */
import { pino } from "pino";
import { readDevelopmentVersions } from "../../src/adapters/postgres/developmentState.ts";
import { createSleepStore } from "../../src/adapters/postgres/sleep/sleepStore.ts";
import { sleepRules } from "../../src/domain/sleep/record.ts";
import { reconcileOnce } from "../../src/services/api/development/reconcile.ts";
import { createStopper } from "../../src/services/api/sleep/stopUnused.ts";
import { type ApiUnderTest, adminKey, startDevelopmentApi } from "../support/developmentApi.ts";
import { trussOf } from "../support/trussOf.ts";

const rounds = 15;
const { hash } = trussOf({ "model/model.py": "class Model: pass\n" });

/** Milliseconds, the median of some rounds after one that is not counted. */
async function median(work: () => Promise<unknown>): Promise<number> {
  const took: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const began = performance.now();
    await work();
    if (round > 0) took.push(performance.now() - began);
  }
  return took.sort((a, b) => a - b)[rounds >> 1] ?? Number.NaN;
}

/** Fills tables and cluster. */
async function fill(api: ApiUnderTest, zoo: number, development: number): Promise<void> {
  await api.sql(
    `WITH m AS (INSERT INTO menagerie.model (name, organization_id)
                SELECT 'zoo-' || i, o.id FROM generate_series(1, $1::int) i, menagerie.organization o WHERE o.is_admin RETURNING id)
     INSERT INTO menagerie.model_version (model_id, number, truss_hash, is_current) SELECT id, 1, $2, true FROM m`,
    [zoo, hash],
  );
  const rows = await api.sql<{ id: string }>(
    `WITH m AS (INSERT INTO menagerie.model (name, organization_id)
                SELECT 'dev-' || i, o.id FROM generate_series(1, $1::int) i, menagerie.organization o WHERE o.is_admin RETURNING id)
     INSERT INTO menagerie.model_version (model_id, number, truss_hash, is_development) SELECT id, 1, $2, true FROM m RETURNING id`,
    [development, hash],
  );
  await api.sql(
    `INSERT INTO menagerie.sleep_state (service, phase, generation, used_at, since)
     SELECT 'v' || id, 'awake', 0, now(), now() FROM menagerie.model_version WHERE is_development`,
  );
  await api.sql("VACUUM ANALYZE");
  for (const { id } of rows) api.cluster.deploy(id, hash, 30);
}

async function measure(zoo: number, development: number): Promise<Record<string, number>> {
  const api = await startDevelopmentApi({ requireApiKey: true });
  try {
    const before = process.memoryUsage().rss;
    await fill(api, zoo, development);
    const ask = async (path: string, body?: object): Promise<string> => {
      const answer = await fetch(`${api.url}${path}`, {
        method: "POST",
        headers: { "x-api-key": adminKey, "content-type": "application/json" },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const text = await answer.text();
      if (!answer.ok || text.includes('"errors"')) throw new Error(`${path}: ${answer.status} ${text.slice(0, 300)}`);
      return text;
    };
    const graphql = (query: string) => ask("/graphql/", { query });
    const list = "{ models(all: true) { id name } }";
    const names = Array.from({ length: development }, (_, index) => `dev-${index + 1}`);
    const attempts = new Map();
    const reconciling = {
      cluster: api.cluster,
      syncToHead: () => Promise.reject(new Error("nothing waits")),
      now: Date.now,
      log: pino({ level: "silent" }),
    };
    const store = createSleepStore(api.pool, sleepRules);
    const stopper = createStopper({ store, cluster: api.cluster, log: reconciling.log });
    const { signal } = new AbortController();
    return {
      "may a request pass (/authorize)": await median(() => ask(`/authorize/serving/models/zoo-${zoo}/v1/x`)),
      "one model by name (GraphQL)": await median(() => graphql(`{ model(name: "dev-${development}") { id name } }`)),
      "all models (GraphQL)": await median(() => graphql(list)),
      "bytes of all models": (await graphql(list)).length,
      "one look for unused versions": await median(() => stopper.look(signal)),
      "one look of the reconciler": await median(() => reconcileOnce(reconciling, attempts)),
      "plan of `up`: development versions read": await median(() => readDevelopmentVersions(api.server, names)),
      "MiB of the process (API, tests' cluster)": (process.memoryUsage().rss - before) / 2 ** 20,
    };
  } finally {
    await api.stop();
  }
}

const before = process.memoryUsage().rss / 2 ** 20;
const [few, many] = [await measure(10, 100), await measure(1_000, 10_000)];
console.log(`milliseconds, medians of ${rounds}; 110 models, 11,000 models, ratio`);
for (const [what, value = Number.NaN] of Object.entries(many)) {
  const first = few[what] ?? Number.NaN;
  console.log(
    `${what.padEnd(42)}${first.toFixed(1).padStart(12)}${value.toFixed(1).padStart(12)}${(value / first).toFixed(1).padStart(8)}`,
  );
}
const peak = process.resourceUsage().maxRSS / 2 ** 10;
console.log(`the process had ${before.toFixed(0)} MiB before anything was asked, and ${peak.toFixed(0)} MiB at most`);
