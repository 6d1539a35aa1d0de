import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createApp } from "../../../../src/adapters/postgres/apps.ts";
import { registerVersion } from "../../../../src/adapters/postgres/modelVersions.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

/** Limits and usage as their operator sets and reads them, on the platform's own tables and roles. */

let postgres: TestPostgres;
let app: string;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  await withClient(postgres.server, platformDatabase, async (client) => {
    const content = { number: 1, hash: "h1", digest: `sha256:${"1".repeat(64)}`, current: true };
    await registerVersion(client, { model: "speaker", organization: "admin", ...content });
    ({ id: app } = await createApp(client, { zooModel: "speaker", owner: "ada@example.com", name: 'mine, "ours"' }));
    await client.query(
      `INSERT INTO menagerie.usage (organization_id, app_id, model, day, requests, tokens_in, tokens_out)
       SELECT o.id, a.app, 'speaker', a.day, 5, 30, 70
         FROM menagerie.organization o
         JOIN (VALUES (false, $1::bigint, current_date), (true, 0, current_date - 60)) a (admin, app, day) ON a.admin = o.is_admin`,
      [app],
    );
  });
});
afterAll(() => postgres?.stop());

async function menagerie(...args: string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../../../../src/cli/main.ts"), ...args], {
    env: { ...process.env, MENAGERIE_DATABASE_URL: urlOf(postgres.server, platformDatabase) },
  });
  const ended = once(child, "exit");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await ended) as [number | null];
  return { code, stdout, stderr };
}

const parsed = async <T>(...args: string[]) => JSON.parse((await menagerie(...args, "--json")).stdout) as T;

it("a key's limits are given when it is made, edited and shown", async () => {
  const made = await parsed<{ id: string }>("key", "create", "--model", app, "--requests-per-minute", "60");
  expect((await menagerie("key", "list")).stdout).toContain("60 requests/min");
  const edit = ["key", "limits", made.id, "--tokens-per-day", "100000", "--requests-per-minute", "none"];
  expect(await menagerie(...edit)).toMatchObject({
    code: 0,
    stderr: "",
    stdout: expect.stringMatching(/^key \w{8}: 100000 tokens\/day\n$/),
  });
  // Without an option it shows them.
  expect(await parsed("key", "limits", made.id)).toMatchObject({ limits: { tokensPerDay: 100_000 } });
  const { rows } = await withClient(postgres.server, platformDatabase, (client) =>
    client.query<{ what: string }>("SELECT what FROM menagerie.audit ORDER BY id"),
  );
  expect(rows.map(({ what }) => what)).toEqual(["key.create", "key.limits"]);
});

it("an organization's limits are edited and shown", async () => {
  expect((await menagerie("organization", "list")).stdout).toMatch(/admin +no limits/);
  const { stdout } = await menagerie("organization", "limits", "admin", "--requests-per-minute", "600");
  expect(stdout).toBe("admin: 600 requests/min\n");
  expect(await parsed("organization", "list")).toContainEqual({ name: "admin", limits: { requestsPerMinute: 600 } });
});

it.each([
  [["key", "limits", "nobody", "--tokens-per-day", "5"], 'there is no key "nobody"'],
  [["organization", "limits", "nobody"], "nobody"],
  [["key", "limits", "1", "--tokens-per-day", "0"], "give a whole number from 1"],
  [["organization", "limits", "admin", "--requests-per-minute", "1.5"], "or none"],
  [["usage", "--since", "yesterday"], "yesterday"],
  [["usage", "--organization", "nobody"], "nobody"],
])("%j is refused", async (args, says) => {
  const { code, stderr } = await menagerie(...args);
  expect([code === 0, stderr]).toEqual([false, expect.stringContaining(says)]);
});

it("usage is shown by day, as a table, JSON and CSV, of one organization or all", async () => {
  const recent = await menagerie("usage");
  expect(recent.stdout).toMatch(/DAY +ORGANIZATION +APP +MODEL +REQUESTS +TOKENS IN +TOKENS OUT/);
  expect(recent.stdout).toMatch(new RegExp(`ada@example.com +${app} mine, "ours" +speaker +5 +30 +70`));
  expect(recent.stdout).not.toContain("admin");
  const all = await parsed<object[]>("usage", "--since", "90d");
  expect(all).toMatchObject([
    { organization: "ada@example.com", app, appName: 'mine, "ours"', requests: 5, tokensIn: 30, tokensOut: 70 },
    { organization: "admin", app: null, appName: null, model: "speaker", requests: 5 },
  ]);
  const csv = await menagerie("usage", "--since", "90d", "--csv", "--organization", "ada@example.com");
  expect(csv.stdout).toMatch(
    new RegExp(
      `^day,organization,app,appName,model,requests,tokensIn,tokensOut\n\\d{4}-\\d\\d-\\d\\d,ada@example.com,${app},"mine, ""ours""",speaker,5,30,70\n$`,
    ),
  );
  expect((await menagerie("usage", "--organization", "admin")).stdout).toMatch(/^no request was counted since \d{4}/);
});
