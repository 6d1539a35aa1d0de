import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createKey } from "../../../../src/adapters/postgres/apiKeys.ts";
import { organizationIdOf } from "../../../../src/adapters/postgres/models.ts";
import { stateDigest } from "../../../../src/adapters/postgres/releaseState/digest.ts";
import { ensureReleaseState } from "../../../../src/adapters/postgres/releaseState/ensure.ts";
import { withClient } from "../../../../src/adapters/postgres/server.ts";
import { authorizeStateCopy, type StateCopyRequest } from "../../../../src/adapters/postgres/trial/stateCopy.ts";
import type { KeyRight } from "../../../../src/domain/access/rights.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../src/domain/progress.ts";
import type { RunnableState } from "../../../../src/domain/trial/combination.ts";
import type { Trial, TrialState } from "../../../../src/domain/trial/trial.ts";
import { bringUpHere } from "../../../../src/local/trial/bringUp.ts";
import { trialsFolder } from "../../../../src/local/trial/place.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { stateOf } from "../../../support/releaseStates.ts";
import { putServer } from "./serverImage.ts";

/** Trials of models that work in a state, beside a real PostgreSQL that has the live one. */

let root: string;
let image: string;
let live: TestPostgres;
let state: RunnableState;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "menagerie-trials-"));
  image = await putServer(join(root, "images"));
  live = await startPostgres();
  await makePlatformTables(live.server);
  const declared = stateOf({ tag: "v1.2.3" });
  const { tag, schema, tables } = declared;
  const more = { name: "state/more.sql", sql: "INSERT INTO model VALUES ('of the files')" };
  const files = [...declared.files, more];
  await ensureReleaseState(live.server, { ...declared, files }, { progress: silent });
  await sql(`INSERT INTO "v1.2.3".item (name) SELECT 'item ' || i FROM generate_series(1, 500) i`);
  state = { tag, schema, files, tables, extensions: [] };
});

afterAll(async () => {
  await live.stop();
  await rm(root, { recursive: true });
});

const sql = (text: string) =>
  withClient(live.server, platformDatabase, async (client) => (await client.query(text)).rows);
const digest = () => withClient(live.server, platformDatabase, (client) => stateDigest(client, state.schema));

function bringUp(wanted: TrialState): Promise<Trial> {
  const resources = { cpu: "1", memory: "256Mi", gpus: 0 };
  const model = { content: { image }, resources, secrets: [] };
  return bringUpHere({ home: root, stores: [join(root, "images")] })(
    {
      name: "v1.2.3",
      state,
      models: [
        { ...model, name: "ranker", identifier: "ranker-v2", env: { ROLE: "with" }, state: true },
        { ...model, name: "plain", env: { ROLE: "without" } },
      ],
    },
    {
      state: wanted,
      secrets: {},
      deadline: new Date(Date.now() + 3_600_000),
      progress: silent,
      signal: new AbortController().signal,
    },
  );
}

async function ask(trial: Trial, model: string, asked: object) {
  const { body } = await trial.ask(model, { body: JSON.stringify(asked), timeoutMs: 60_000 });
  return JSON.parse(Buffer.from(body).toString());
}

const request = (more: Partial<StateCopyRequest>): StateCopyRequest => ({
  state,
  stack: "local",
  maxBytes: 1e9,
  by: { own: "ada@laptop" },
  progress: silent,
  ...more,
});

async function keyWith(rights: readonly KeyRight[], organization = "admin"): Promise<string> {
  return withClient(live.server, platformDatabase, async (client) => {
    const made = await createKey(client, { organizationId: await organizationIdOf(client, organization) }, rights);
    return made.key;
  });
}

it("has the rows of a snapshot, in a database of its own that its models change alone", async () => {
  const before = await digest();
  const trial = await bringUp(await authorizeStateCopy(live.server, request({})));
  const count = "SELECT count(*)::int AS items, min(name) AS name FROM item";
  expect((await ask(trial, "ranker", { sql: count })).rows).toEqual([{ items: 500, name: "item 1" }]);
  const more = "INSERT INTO item (name) VALUES ('of the trial') RETURNING id::int";
  expect((await ask(trial, "ranker", { sql: more })).rows).toEqual([{ id: 501 }]);
  expect((await ask(trial, "ranker", { sql: "CREATE TABLE other (id int)" })).rows).toMatch(/permission denied/);
  const { env } = await ask(trial, "ranker", {});
  expect(env).toMatchObject({ VERSION: "v1.2.3", DATABASE_SCHEMA: "v1.2.3", RANKER_IDENTIFIER: "ranker-v2" });
  await trial.dispose();
  expect(await digest()).toEqual(before);
  expect(await readdir(trialsFolder(root))).toEqual([]);
  const audit = await sql("SELECT who, details FROM menagerie.audit WHERE what = 'state.copy'");
  expect(audit).toEqual([
    { who: "ada@laptop", details: { stack: "local", tag: "v1.2.3", schema: "v1.2.3", maxBytes: 1e9 } },
  ]);
});

it("has what the SQL files insert where no rows are copied; who does not work in it gets no login", async () => {
  const trial = await bringUp("empty");
  const rows = async (text: string) => (await ask(trial, "ranker", { sql: text })).rows;
  expect(await rows("SELECT (SELECT count(*)::int FROM item) AS items, name FROM model")).toEqual([
    { items: 0, name: "of the files" },
  ]);
  const { env } = await ask(trial, "plain", {});
  expect(Object.keys(env)).toEqual(expect.arrayContaining(["PGHOST", "API_URL"]));
  expect(Object.keys(env).filter((name) => /PASSWORD|DATABASE_URL|VERSION/.test(name))).toEqual([]);
  await trial.dispose();
});

it("is copied, or taken from a dump, for a key that has the right alone, and never beyond its bound", async () => {
  const copies = async (key: string | undefined) => authorizeStateCopy(live.server, request({ by: { key } }));
  await expect(copies(undefined)).rejects.toThrow("MENAGERIE_API_KEY: missing");
  await expect(copies(await keyWith(["export"]))).rejects.toThrow("does not have the right copy-state");
  await sql("INSERT INTO menagerie.organization (name) VALUES ('acme')");
  await expect(copies(await keyWith(["copy-state"], "acme"))).rejects.toThrow("is not of organization admin");
  expect(await copies(await keyWith(["copy-state"]))).toMatchObject({ kind: "copy" });
  const signal = new AbortController().signal;
  const { copy } = await copies(await keyWith(["copy-state"]));
  const dump = await copy(await mkdtemp(join(root, "dumps-")), signal);
  for (const of of [undefined, dump]) {
    const small = await authorizeStateCopy(live.server, request({ maxBytes: 1000, dump: of }));
    await expect(bringUp(small)).rejects.toThrow("the state of v1.2.3 has more than 0 GB");
    await expect(authorizeStateCopy(live.server, request({ by: { key: undefined }, dump: of }))).rejects.toThrow(
      "MENAGERIE_API_KEY: missing",
    );
  }
  expect(await readdir(trialsFolder(root))).toEqual([]);
});
