import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { startPredictor, type TestPredictor } from "../../../support/predictor.ts";
import { startRecorder, type TestRecorder } from "../../../support/recorder.ts";

/** Secrets that come by a recorder, and everything that it leaves: tables, its log on disk, its output, metrics, the list of processes. */

const canaries = {
  urlKey: "canary-in-url",
  token: `ghp_${"0".repeat(30)}canary`,
  bearer: "canary-bearer-token",
  cookie: "canary-cookie",
  apiKey: "canary-api-key",
};

let postgres: TestPostgres;
let predictor: TestPredictor;
let recorder: TestRecorder;

beforeAll(async () => {
  [postgres, predictor] = await Promise.all([startPostgres(), startPredictor()]);
  const env = { MENAGERIE_RECORDER_HEADERS: "x-tenant", LOG_LEVEL: "debug" };
  recorder = await startRecorder({ postgres, predictor: predictor.host, schema: "canary", env });
});

afterAll(async () => {
  await recorder.dispose();
  await Promise.all([predictor.stop(), postgres.stop()]);
});

async function predict(id: string): Promise<void> {
  const path = `/v1/models/model:predict?api_key=${canaries.urlKey}&q=${canaries.token}&x=1`;
  const response = await fetch(recorder.origin + path, {
    method: "POST",
    body: '{"values": [1]}',
    headers: {
      "content-type": "application/json",
      "x-request-id": id,
      "user-agent": `client ${canaries.token}`,
      authorization: `Bearer ${canaries.bearer}`,
      cookie: `s=${canaries.cookie}`,
      "x-api-key": canaries.apiKey,
      "x-tenant": canaries.token,
    },
  });
  expect(response.status).toBe(200);
}

/** Every row of every table of the schema, as text. */
async function rows(): Promise<string> {
  const tables = await recorder.query<{ name: string }>(
    "SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'canary'::regnamespace AND c.relkind = 'r'",
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const found = await recorder.query<{ row: string }>(`SELECT t::text AS row FROM "${name}" t`);
    texts.push(...found.map(({ row }) => row));
  }
  return texts.join("\n");
}

it("no store of a recorder holds a secret that came by it, nor its own password", async () => {
  await predict("stored");
  const stored = () => recorder.query("SELECT 1 FROM inference_response WHERE request_id = 'stored'");
  await expect.poll(async () => (await stored()).length).toBe(1);
  const tables = await rows();
  // While the database is away the log on disk has it, and the output says why.
  await postgres.crash();
  await predict("logged");
  await expect.poll(() => recorder.metric("menagerie_recorder_store_failures_total")).toBeGreaterThan(0);
  await expect.poll(() => recorder.metric("menagerie_recorder_log_bytes")).toBeGreaterThan(0);
  const segments = (await readdir(recorder.folder)).filter((name) => name.endsWith(".log"));
  const log = (await Promise.all(segments.map((name) => readFile(join(recorder.folder, name), "latin1")))).join("");
  expect(log).toContain("logged");
  const places: Record<string, string> = {
    tables,
    log,
    output: recorder.lines.join("\n"),
    metrics: await (await fetch(`${recorder.origin}/metrics`)).text(),
    ready: await (await fetch(`${recorder.origin}/readyz`)).text(),
    processes: readFileSync(`/proc/${recorder.child.pid}/cmdline`, "utf8"),
  };
  await postgres.restart();
  expect(tables).toContain("api_key=…&q=…&x=1");
  for (const [place, text] of Object.entries(places)) {
    for (const [name, value] of Object.entries({
      ...canaries,
      password: "writer's pass",
      encoded: "writer's%20pass",
    })) {
      expect(text.includes(value), `${name} in ${place}`).toBe(false);
    }
  }
});
