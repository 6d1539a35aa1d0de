import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKey } from "../../../../src/adapters/postgres/apiKeys.ts";
import { closeDeployment, openDeployment } from "../../../../src/adapters/postgres/deployments.ts";
import { organizationIdOf } from "../../../../src/adapters/postgres/models.ts";
import { stateDigest } from "../../../../src/adapters/postgres/releaseState/digest.ts";
import { ensureReleaseState } from "../../../../src/adapters/postgres/releaseState/ensure.ts";
import { dropRetired, markRetired } from "../../../../src/adapters/postgres/releaseState/retire.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import type { BisectReport } from "../../../../src/domain/bisect/report.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../src/domain/progress.ts";
import { environmentLayout } from "../../../../src/local/layout.ts";
import { trialsFolder } from "../../../../src/local/trial/place.ts";
import { intentOf, run as runOf } from "../../../support/deploymentRecord.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { stateOf } from "../../../support/releaseStates.ts";
import { putServer } from "../../local/trial/serverImage.ts";

/** `menagerie bisect` of a model that works in its release's state: five releases, each with tables of its own. */

let postgres: TestPostgres;
let home: string;
let key: string;
let dumps: string;
/** Numbers of the deployments, by their tags. */
const ids: Record<string, string> = {};
const schemas = ["s0", "s1", "s2", "s3", "s4"];
const ends = (first: string) => [ids[first] ?? "", ids.s4 ?? ""];

const sql = (statement: string) =>
  withClient(postgres.server, platformDatabase, async (client) => (await client.query(statement)).rows);
async function copiesOf(schema: string): Promise<number> {
  const audited = await sql(`SELECT count(*)::int AS copies FROM menagerie.audit
    WHERE what = 'state.copy' AND details->>'schema' = '${schema}'`);
  return audited[0]?.copies;
}
const digests = () =>
  withClient(postgres.server, platformDatabase, async (client) => {
    const each = [];
    for (const schema of schemas) each.push(await stateDigest(client, schema));
    return each;
  });

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "menagerie-bisect-"));
  dumps = join(home, "dumps");
  const image = await putServer(environmentLayout("local", home).images);
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  key = await withClient(postgres.server, platformDatabase, async (client) => {
    const admin = { organizationId: await organizationIdOf(client, "admin") };
    return (await createKey(client, admin, ["copy-state"])).key;
  });
  for (const [index, tag] of schemas.entries()) {
    await ensureReleaseState(postgres.server, stateOf({ tag, ...(index > 0 && { from: `s${index - 1}` }) }), {
      progress: silent,
    });
    await sql(`INSERT INTO "${tag}".model VALUES ('of ${tag}')`);
    if (tag === "s3") await sql(`INSERT INTO "${tag}".item (name) VALUES ('wrong')`);
    await withClient(postgres.server, platformDatabase, async (client) => {
      const iris = {
        truss: "models/iris",
        phase: "done",
        state: true,
        env: {},
        resources: { cpu: "1", memory: "256Mi" },
      };
      const intent = await intentOf(client, "local", { iris: index + 1 }, { zoo: { iris }, state: { dumpTo: dumps } });
      const digest = image.slice(image.indexOf("@") + 1);
      const planned = intent.planned.map((model) => ({ ...model, digest }));
      const id = await openDeployment(client, { ...intent, planned, stateSchema: tag }, runOf, async () => []);
      ids[tag] = (await closeDeployment(client, "local", id, async () => planned)).id;
    });
  }
});

afterAll(async () => {
  await postgres.stop();
  await rm(home, { recursive: true, force: true });
});

interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const bisect = (given: Readonly<Record<string, string>>, ...args: string[]) => menagerie(given, "bisect", ...args);

/** @param given - variables of the environment */
async function menagerie(given: Readonly<Record<string, string>>, ...args: string[]): Promise<Said> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../../../../src/cli/main.ts"), ...args], {
    env: {
      ...process.env,
      MENAGERIE_HOME: home,
      MENAGERIE_DATABASE_URL: urlOf(postgres.server, platformDatabase),
      NO_COLOR: "1",
      ...given,
    },
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null) await once(child, "exit");
  return { code: child.exitCode, stdout, stderr };
}

const asked = ["--model", "iris", "--data", `{"sql": "SELECT count(*)::int AS wrong FROM item WHERE name = 'wrong'"}`];

describe("menagerie bisect of a model that works in the state", () => {
  it("names the table whose rows make the difference, and changes nothing in the live database", async () => {
    const before = await digests();
    const { stdout, stderr } = await bisect(
      { MENAGERIE_API_KEY: key },
      ...ends("s1"),
      ...asked,
      "--check",
      `grep -q '"wrong":0'`,
      "--state",
      "copy",
      "--json",
    );
    expect(stdout, stderr).not.toBe("");
    const report = JSON.parse(stdout) as BisectReport;
    expect(report.change).toMatchObject({ last: { deployment: ids.s2 }, first: [{ deployment: ids.s3 }] });
    expect(report.parts).toMatchObject([
      { kind: "table", table: "item", from: "rows of s2", to: "rows of s3", needed: true },
    ]);
    expect(report.notes).toEqual(expect.arrayContaining([expect.stringContaining("as it was last used")]));
    expect(await digests()).toEqual(before);
    expect(await readdir(trialsFolder(home))).toEqual([]);
  });

  it("is refused without a key that may copy the state, and goes on once there is one", async () => {
    const wanted = [...ends("s1"), ...asked, "--check", `test "$(grep -c '"wrong":0')" = 1`, "--state", "copy"];
    const without = await bisect({}, ...wanted);
    expect([without.code, without.stderr]).toEqual([2, expect.stringContaining("MENAGERIE_API_KEY: missing")]);
    const withKey = await bisect({ MENAGERIE_API_KEY: key }, ...wanted);
    expect([withKey.code, withKey.stdout]).toEqual([0, expect.stringContaining("table item: rows of s2 → rows of s3")]);
  });

  it("finds no difference between tables that are empty, as they are elsewhere where nothing else is said", async () => {
    const { code, stderr } = await bisect({}, ...ends("s1"), ...asked, "--check", `grep -q '"wrong":0'`);
    expect([code, stderr]).toEqual([2, expect.stringContaining("both ends answer alike")]);
  });

  it("takes a state that was dropped from its dump; one without a dump is not judged, and cannot be tried", async () => {
    const options = { progress: silent };
    const retirement = { environment: "local", keep: ["s0", "s2", "s3", "s4"] };
    await markRetired(postgres.server, { ...retirement, retire: ["s1"], dumpTo: null });
    await dropRetired(postgres.server, "s1", options);
    await markRetired(postgres.server, { ...retirement, keep: ["s0", "s3", "s4"], retire: ["s2"], dumpTo: dumps });
    await dropRetired(postgres.server, "s2", options);
    const copied = await copiesOf("s2");
    const check = `grep -q '"wrong":0' # dumped`;
    const wanted = [...ends("s0"), ...asked, "--check", check, "--state", "copy", "--json"];
    const { stdout, stderr } = await bisect({ MENAGERIE_API_KEY: key }, ...wanted);
    expect(stdout, stderr).not.toBe("");
    const report = JSON.parse(stdout) as BisectReport;
    expect(report.change).toMatchObject({ last: { deployment: ids.s2 }, first: [{ deployment: ids.s3 }] });
    expect(report.parts).toMatchObject([{ kind: "table", table: "item", from: "rows of s2", to: "rows of s3" }]);
    expect(report.notJudged).toMatchObject([
      { deployment: ids.s1, reason: expect.stringMatching(/the state that iris works in was dropped/) },
    ]);
    // Rows of a dump are copied by the same right, and the audit has it.
    expect(await copiesOf("s2")).toBeGreaterThan(copied);
    const tried = await menagerie({}, "try", ids.s1 ?? "", "--", "true");
    expect([tried.code, tried.stderr]).toEqual([
      1,
      expect.stringContaining("the state that iris works in was dropped"),
    ]);
  });
});
