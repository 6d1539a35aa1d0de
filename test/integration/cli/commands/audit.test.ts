import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../../../src/adapters/postgres/apps.ts";
import { readAudit } from "../../../../src/adapters/postgres/audit.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { resumeRollout } from "../../../../src/adapters/postgres/takeBack/resume.ts";
import { platformApps, revertApps } from "../../../../src/adapters/postgres/takeBack/revertApps.ts";
import { holdMigration, noteStep, openTakeBack } from "../../../../src/adapters/postgres/takeBack/takeBacks.ts";
import { actAs } from "../../../../src/adapters/postgres/transaction.ts";
import { beginAdvance } from "../../../../src/adapters/postgres/zoo/advances.ts";
import type { AuditRow } from "../../../../src/domain/audit/entry.ts";
import { platformDatabase, roles } from "../../../../src/domain/platformDatabase.ts";
import { makePlatformTables, rolePassword } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { makeRollout, type TestRollout } from "../../../support/rolloutTables.ts";

/** Who did what, as the platform's own tables, roles and triggers have it. */

let postgres: TestPostgres;
let rollout: TestRollout;
let app: string;
let organization: string;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  rollout = await makeRollout(postgres.server, 0);
  await withClient(postgres.server, platformDatabase, async (client) => {
    ({ id: app } = await createApp(client, { zooModel: rollout.model, owner: "ada@acme.example" }));
    const { rows } = await client.query<{ name: string }>(
      "SELECT o.name FROM menagerie.model m JOIN menagerie.organization o ON o.id = m.organization_id WHERE m.id = $1",
      [app],
    );
    organization = rows[0]?.name ?? "";
  });
});
afterAll(() => postgres?.stop());

async function menagerie(...args: string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../../../../src/cli/main.ts"), ...args], {
    env: { ...process.env, USER: "ada", MENAGERIE_DATABASE_URL: urlOf(postgres.server, platformDatabase) },
  });
  const ended = once(child, "exit");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await ended) as [number | null];
  return { code, stdout, stderr };
}

const audited = async (...args: string[]) =>
  JSON.parse((await menagerie("audit", "--json", ...args)).stdout) as AuditRow[];

type Work<T> = Parameters<typeof withClient<T>>[2];
/** By the role's own login. */
const as = <T>(role: string, work: Work<T>) =>
  withClient({ ...postgres.server, user: role, password: rolePassword }, platformDatabase, work);
const asOperator = <T>(work: Work<T>) =>
  withClient(postgres.server, platformDatabase, async (client) => {
    await actAs(client, roles.operator);
    return work(client);
  });
const latest = async (what: string) => (await asOperator((client) => readAudit(client, { what, limit: 1 })))[0];

/** A deployment, as the stack's own login records one. */
const deploy = `
  WITH r AS (
    INSERT INTO menagerie.release (environment, tag, base, scheme, code_version, models, combination_digest)
    VALUES ('local', 'v1', 'v1', 'git', 'c', '[]', repeat('a', 64)) RETURNING id)
  INSERT INTO menagerie.deployment (environment, release_id, models, config, config_digest, requested_by, run)
  SELECT 'local', id, '[]', '{}', repeat('b', 64), 'ada@laptop', 'up 7' FROM r`;

describe("what changes an environment is in the audit by the transaction that changes it", () => {
  it("an `up`, which is neither there without the other", async () => {
    await as(roles.deployer, async (client) => {
      await client.query(`BEGIN; ${deploy}; ROLLBACK`);
    });
    expect(await latest("stack.up")).toBeUndefined();
    await as(roles.deployer, (client) => client.query(deploy));
    expect(await latest("stack.up")).toMatchObject({
      who: "ada@laptop",
      login: roles.deployer,
      address: expect.stringContaining("127.0.0.1"),
      details: { environment: "local", tag: "v1", run: "up 7", deployment: expect.stringMatching(/^\d+$/) },
    });
  });

  it("a take-back by the guard, and the resume of a false alarm", async () => {
    const { model } = rollout;
    const takeBack = await rollout.asGuard(async (client) => {
      const id = (await openTakeBack(client, rollout.intent())) ?? "";
      // Again, as a guard that was killed does: it is one take-back.
      await openTakeBack(client, rollout.intent());
      await holdMigration(client, id);
      await noteStep(client, id, "weight");
      await revertApps(client, platformApps(client, id));
      for (const step of ["reverted", "done"] as const) await noteStep(client, id, step);
      return id;
    });
    const { reason: because } = rollout.intent();
    const found = await asOperator((client) => readAudit(client, { what: "rollout", limit: 10 }));
    expect(found).toMatchObject([
      { what: "rollout.take-back", who: "guard", login: roles.guard, details: { model, takeBack, because } },
    ]);
    await asOperator((client) => resumeRollout(client, { model, who: "ada", because: "a false alarm" }));
    expect(await latest("rollout.resume")).toMatchObject({
      who: "ada",
      login: postgres.server.user,
      details: { model, takeBack, because: "a false alarm" },
    });
  });

  it("a step of a rollout", async () => {
    const edits = [{ key: "traffic", from: "10", to: "50" } as const];
    const intent = { stack: "local", model: rollout.model, edits, judgementId: undefined, requestedBy: "ada@laptop" };
    const advance = await asOperator((client) => beginAdvance(client, intent));
    expect(await latest("rollout.advance")).toMatchObject({
      who: "ada@laptop",
      details: { model: rollout.model, stack: "local", advance, edits },
    });
  });

  it("though neither the stack nor the guard may write there itself", async () => {
    const forge = "INSERT INTO menagerie.audit (who, what) VALUES ('x', 'a.b')";
    for (const role of [roles.deployer, roles.guard])
      await expect(as(role, (client) => client.query(forge))).rejects.toThrow("permission denied for table audit");
  });
});

describe("menagerie audit", () => {
  it("shows keys that are made, limited and revoked, the latest first, with who and from where", async () => {
    const made = JSON.parse(
      (await menagerie("key", "create", "--model", app, "--right", "batch", "--json")).stdout,
    ) as { id: string };
    await menagerie("key", "limits", made.id, "--requests-per-minute", "60");
    await menagerie("key", "revoke", made.id);
    const rows = await audited("--what", "key");
    expect(rows.map(({ what }) => what)).toEqual(["key.revoke", "key.limits", "key.create"]);
    expect(rows[2]).toMatchObject({ details: { rights: ["batch"], modelId: app } });
    for (const { who, login } of rows) {
      expect(who).toMatch(/^ada@/);
      expect(login).toBe(postgres.server.user);
    }
    const { stdout } = await menagerie("audit", "--what", "key.create");
    expect(stdout).toMatch(
      /^AT +WHAT +WHO +FROM +DETAILS\n\S+ +key\.create +ada@\S+ +\S+ at 127\.0\.0\.1 +.*rights batch/,
    );
    expect(stdout.trim().split("\n")).toHaveLength(2);
  });

  it("shows what is about one organization: of the platform's own, what changed the environment", async () => {
    await menagerie("organization", "limits", organization, "--requests-per-minute", "9");
    await menagerie("key", "create", "--organization", "admin");
    const whats = async (name: string) => (await audited("--organization", name)).map(({ what }) => what);
    expect(await whats(organization)).toEqual(["organization.limits", "key.revoke", "key.limits", "key.create"]);
    const own = await whats("admin");
    expect(own.toSorted()).toEqual(
      ["key.create", "rollout.advance", "rollout.resume", "rollout.take-back", "stack.up"].toSorted(),
    );
  });

  it("says when nothing is there, and refuses what it cannot read", async () => {
    expect((await menagerie("audit", "--what", "nothing.at-all")).stdout).toContain("nothing is in the audit since");
    expect(await audited("--since", "2001-01-01T00:00Z", "--what", "ke")).toEqual([]);
    expect((await menagerie("audit", "--since", "yesterday")).code).toBe(2);
    expect((await menagerie("audit", "--organization", "nobody")).stderr).toContain("nobody");
  });

  it("goes on before an entry, for pages", async () => {
    const [first, second] = await asOperator((client) => readAudit(client, { limit: 2 }));
    const [after] = await asOperator((client) => readAudit(client, { limit: 1, before: first?.id }));
    expect(after).toEqual(second);
  });
});
