import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type App, createApp } from "../../../../src/adapters/postgres/apps.ts";
import { registerVersion, retireVersion } from "../../../../src/adapters/postgres/modelVersions.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { listMigrations } from "../../../../src/adapters/postgres/zoo/migration/journal.ts";
import { runMigration } from "../../../../src/adapters/postgres/zoo/migration/run.ts";
import { movingTarget, readingTarget } from "../../../../src/adapters/postgres/zoo/migration/target.ts";
import { readMigrations } from "../../../../src/cli/commands/rollout/journaled.ts";
import { pythonList } from "../../../../src/cli/commands/rollout/move.ts";
import { run } from "../../../../src/cli/program.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../src/domain/progress.ts";
import { describeMigration } from "../../../../src/domain/zoo/shownStanding.ts";
import { irisServing } from "../../../support/irisServing.ts";
import { fill, makeModelVersionTable } from "../../../support/modelVersionTable.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

/** `menagerie rollout …` on a real PostgreSQL. */

let postgres: TestPostgres;
let home: string;

/** initdb and the server, on a busy machine; in milliseconds. */
const startWithin = 60_000;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  home = await mkdtemp(join(tmpdir(), "menagerie-home-"));
}, startWithin);

afterAll(async () => {
  await postgres.stop();
  await rm(home, { recursive: true });
});

beforeEach(() => {
  vi.stubEnv("MENAGERIE_DATABASE_URL", urlOf(postgres.server, "postgres"));
  vi.stubEnv("MENAGERIE_HOME", home);
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** Runs a command line: exit code, standard output, standard error. */
async function menagerie(...argv: string[]) {
  const [out, err]: string[][] = [[], []];
  vi.spyOn(console, "log").mockImplementation((line: string) => void out?.push(line));
  vi.spyOn(console, "error").mockImplementation((line: string) => void err?.push(line));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => Boolean(err?.push(String(text).trimEnd())));
  const code = await run(argv);
  vi.restoreAllMocks();
  return { code, out: (out ?? []).join("\n"), err: (err ?? []).join("\n") };
}

const onPlatform = <T>(work: Parameters<typeof withClient<T>>[2]) =>
  withClient(postgres.server, platformDatabase, work);

const register = (model: string, number: number, current = true) =>
  onPlatform((client) =>
    registerVersion(client, {
      model,
      organization: "admin",
      number,
      hash: `${model}-${number}`,
      current,
      digest: `sha256:${"d".repeat(64)}`,
    }),
  );
const create = (zooModel: string, owner: string): Promise<App> =>
  onPlatform((client) => createApp(client, { zooModel, owner }));

/** An old and a new version of a zoo model, with two apps on the old and one on the new. */
async function rollout(model: string) {
  const old = await register(model, 1);
  const apps = [await create(model, "a@example.com"), await create(model, "b@example.com")].map((app) => app.versionId);
  const current = await register(model, 2);
  return { old, current, apps, born: (await create(model, "c@example.com")).versionId };
}

async function pointing(version: string): Promise<string[]> {
  const { rows } = await onPlatform((client) =>
    client.query("SELECT id FROM menagerie.model_version WHERE proxy_model_version_id = $1 ORDER BY id", [version]),
  );
  return rows.map(({ id }) => id);
}

describe("rollout forward and revert", () => {
  it("print the ids that they moved as the runbook's scripts do, and leave apps that were made on the new version", async () => {
    const { old, current, apps, born } = await rollout("iris");
    const there = await menagerie("rollout", "forward", "--id", old);
    expect(there).toMatchObject({ code: 0, out: `[${apps.join(", ")}]` });
    expect(await pointing(current)).toEqual([...apps, born]);
    expect(await menagerie("rollout", "forward", "--id", old)).toMatchObject({ code: 0, out: "[]" });
    const back = await menagerie("rollout", "revert", "--id", current);
    expect(back).toMatchObject({ code: 0, out: `[${apps.join(", ")}]` });
    expect(await pointing(current)).toEqual([born]);
    const file = /all rows of this migration: (.*)/.exec(back.err)?.[1] ?? "";
    expect(await readFile(file, "utf8")).toBe(apps.map((id) => `${id}\treverted\n`).join(""));
  });

  it("say what they would do, as text and JSON, and with `--revert all` take every app along", async () => {
    const { old, current, apps, born } = await rollout("wine");
    const dry = await menagerie("rollout", "forward", "--id", old, "--dry-run");
    expect(dry.out).toBe(`2 rows of 2 users move from ${old} to ${current}, about 1 s`);
    expect(await pointing(old)).toEqual(apps);
    const plan = await menagerie("rollout", "forward", "--id", old, "--dry-run", "--json");
    expect(JSON.parse(plan.out)).toMatchObject({ name: "wine", from: old, to: current, rows: 2, refusals: [] });
    const moved = await menagerie("rollout", "forward", "--id", old, "--json");
    expect(JSON.parse(moved.out)).toMatchObject({ affected: apps, kept: [], counts: { forward: 2 } });
    const all = await menagerie("rollout", "revert", "--id", current, "--revert", "all", "--json");
    expect(JSON.parse(all.out)).toMatchObject({ affected: [...apps, born], counts: { reverted: 2, swept: 1 } });
    expect(await pointing(current)).toEqual([]);
  });

  it.each(["999", "x", ""])("refuse %j as the scripts do, with an exit code", async (id) => {
    for (const command of ["forward", "revert"]) {
      expect(await menagerie("rollout", command, "--id", id)).toMatchObject({
        code: 2,
        out: "",
        err: "menagerie: That ID does not exist",
      });
    }
  });

  it("refuse the id of an app, and that of the version that is current", async () => {
    const { current, born } = await rollout("grape");
    expect((await menagerie("rollout", "forward", "--id", born)).err).toContain("That ID does not exist");
    expect((await menagerie("rollout", "forward", "--id", current)).err).toContain("That ID does not exist");
  });

  it("list what a revert leaves alone", async () => {
    const { old, current, apps } = await rollout("barley");
    await menagerie("rollout", "forward", "--id", old);
    await onPlatform((client) =>
      client.query("UPDATE menagerie.model_version SET proxy_model_version_id = $1 WHERE id = $2", [old, apps[0]]),
    );
    const { out, err } = await menagerie("rollout", "revert", "--id", current);
    expect(out).toBe(`[${apps[1]}]`);
    expect(err).toContain(`left as they are: ${apps[0]} (changed)`);
  });
});

describe("rollout forward that is cut off", () => {
  const apps = 3_000;
  const command = join(import.meta.dirname, "../../../../src/cli/main.ts");

  /** The command itself, as a process of its own. */
  function started(...argv: string[]) {
    const env = { ...process.env, NO_COLOR: "1" };
    const child = spawn(process.execPath, [command, "rollout", ...argv], { env, stdio: ["ignore", "pipe", "pipe"] });
    const ended = Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)]).then(
      ([[code, signal], out, err]) => ({ code, signal, out, err }),
    );
    return { child, ended };
  }
  const ids = (out: string): string[] => out.match(/\d+/g) ?? [];

  it("goes on where it was, whatever ended it, and says what is true", { timeout: 120_000 }, async () => {
    const old = await register("reed", 1);
    await onPlatform((client) =>
      client.query(
        `WITH m AS (INSERT INTO menagerie.model (name, organization_id)
                    SELECT 'reed-' || n, 1 FROM generate_series(1, ${apps}) n RETURNING id)
         INSERT INTO menagerie.model_version (model_id, number, is_current, proxy_model_version_id)
         SELECT id, 1, true, ${old} FROM m`,
      ),
    );
    const current = await register("reed", 2);
    // So slow that there is a middle to be cut off in.
    await onPlatform(async (client) => {
      await client.query(`CREATE FUNCTION menagerie.slowly() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$`);
      await client.query(`CREATE TRIGGER slowly BEFORE UPDATE ON menagerie.model_version FOR EACH ROW
        WHEN (OLD.proxy_model_version_id = ${old}) EXECUTE FUNCTION menagerie.slowly()`);
    });
    const moved = async () => (await pointing(current)).length;
    const forward = () => started("forward", "--id", old);
    const movedMore = async (than: number) => expect.poll(moved, { interval: 50 }).toBeGreaterThan(than);

    const interrupted = forward();
    await movedMore(0);
    interrupted.child.kill("SIGINT");
    const first = await interrupted.ended;
    expect(first).toMatchObject({ code: 130 });
    expect(first.err).toContain("interrupted; run the same command again and it goes on from here");
    // What it moved, and nothing else.
    expect(ids(first.out).sort()).toEqual((await pointing(current)).sort());
    const afterFirst = await moved();
    expect(afterFirst).toBeLessThan(apps);

    const killed = forward();
    await movedMore(afterFirst);
    killed.child.kill("SIGKILL");
    expect(await killed.ended).toMatchObject({ signal: "SIGKILL" });
    expect(await moved()).toBeLessThan(apps);
    // PostgreSQL ends the session of a client that was killed when it has done its last statement.
    const locks = () => onPlatform((client) => client.query("SELECT FROM pg_locks WHERE locktype = 'advisory'"));
    await expect.poll(async () => (await locks()).rowCount).toBe(0);

    // Two at once: one waits for the other, and finds nothing left.
    const [one, other] = [forward(), forward()];
    const ends = await Promise.all([one.ended, other.ended]);
    expect(ends.map(({ code, err }) => [code, code === 0 ? "" : err])).toEqual([
      [0, ""],
      [0, ""],
    ]);
    expect(ends.filter(({ err }) => err.includes("another run moves rows of the same versions"))).toHaveLength(1);
    expect(await moved()).toBe(apps);
    const [last] = ends.filter(({ out }) => ids(out).length > 0);
    expect(last?.err).toContain(`moved by earlier runs of this migration: ${apps - ids(last?.out ?? "").length} rows`);
    const file = /all rows of this migration: (.*)/.exec(last?.err ?? "")?.[1] ?? "";
    expect((await readFile(file, "utf8")).match(/\tforward\n/g)).toHaveLength(apps);

    const back = await menagerie("rollout", "revert", "--id", current);
    expect(ids(back.out)).toHaveLength(apps);
    expect(await moved()).toBe(0);
  });
});

describe("rollout pause and resume", () => {
  it("hold a migration by the id that a held run tells", async () => {
    const { old, current } = await rollout("hops");
    await menagerie("rollout", "forward", "--id", old);
    await menagerie("rollout", "revert", "--id", current);
    const { rows } = await onPlatform((client) =>
      client.query("SELECT id FROM menagerie.zoo_migration WHERE from_id = $1", [old]),
    );
    expect((await menagerie("rollout", "pause", "--id", rows[0].id)).out).toBe(`migration ${rows[0].id} is paused`);
    const { rows: named } = await onPlatform((client) =>
      client.query("SELECT name FROM menagerie.zoo_migration WHERE id = $1", [rows[0].id]),
    );
    expect(named[0].name).toBe("hops");
    const migrations = await readMigrations("local");
    const shown = migrations.find(({ id }) => id === rows[0].id);
    expect(shown).toMatchObject({ name: "hops", from: old, to: current, direction: "reverted", held: true });
    expect(shown && describeMigration(shown, { suffix: " -e other" })).toBe(
      `migration ${rows[0].id}: reverted, held by hand: nothing moves until \`menagerie rollout resume --id ${rows[0].id} -e other\``,
    );
    const held = await menagerie("rollout", "forward", "--id", old);
    expect(held.code).toBe(1);
    expect(held.err).toContain(`\`menagerie rollout resume --id ${rows[0].id}\`, then run the same again`);
    expect((await menagerie("rollout", "resume", "--id", rows[0].id, "--json")).out).toBe(
      `{"id":"${rows[0].id}","paused":false}`,
    );
    expect((await menagerie("rollout", "forward", "--id", old)).code).toBe(0);
    expect(await menagerie("rollout", "pause", "--id", "0")).toMatchObject({ code: 2 });
  });
});

describe("a rollout whose apps are in an existing database too", () => {
  const project = join(import.meta.dirname, "../../../..");
  const stackFile = join(project, "Pulumi.existing.yaml");

  afterEach(() => rm(stackFile, { force: true }));

  it("counts them to its versions, and prints the way back of both places", async () => {
    const { old, current } = await rollout("lupin");
    await onPlatform((client) =>
      client.query(
        `INSERT INTO menagerie.rollout (model_id, phase, from_version_id, truss_hash)
         SELECT model_id, 'forward', id, 'lupin-2' FROM menagerie.model_version WHERE id = $1`,
        [old],
      ),
    );
    const table = await makeModelVersionTable(postgres, { idType: "text" });
    await fill(table, 9);
    const { schema, table: name } = table.connection.existing;
    const rolled = `lupin: { truss: a, phase: forward, from: "${old}", apps: { from: 1, to: 2 } }`;
    await writeFile(
      stackFile,
      `config:\n  menagerie:migrationTarget: { schema: ${schema}, table: ${name} }\n  menagerie:zoo: { ${rolled} }\n`,
    );
    const show = (...more: string[]) => menagerie("rollout", "lupin", "-s", "existing", ...more);
    const uncounted = await show();
    expect(uncounted.err).toBe(`note: apps in ${name} are not counted; set MENAGERIE_MIGRATION_DATABASE_URL`);
    expect(uncounted.out).toMatch(new RegExp(`version 1  id ${old}  .*  2 apps`));
    const { server } = table.connection;
    vi.stubEnv("MENAGERIE_MIGRATION_DATABASE_URL", urlOf(server, server.maintenanceDatabase));
    const counted = await show();
    expect(counted.err).toBe("");
    // Two of the platform's and six of the table's.
    expect(counted.out).toMatch(new RegExp(`version 1  id ${old}  .*  8 apps`));
    expect(counted.out).toContain(`by hand: menagerie rollout revert --id ${current}`);
    const back = `menagerie rollout revert --target Pulumi.existing.yaml --id 2`;
    expect(counted.out).toContain(`apps in ${name} by hand: ${back}`);
    const plan = await menagerie("rollout", "plan", "lupin", "-s", "existing");
    expect(plan.out).toContain("lupin forward: 2 rows");
    expect(plan.out).toContain(`lupin forward in ${name}: 6 rows`);
    // The printed way back works as it is printed.
    const file = ["--target", stackFile] as const;
    expect((await menagerie("rollout", "forward", ...file, "--id", "1", "--to", "2")).code).toBe(0);
    const reverted = await menagerie("rollout", "revert", ...file, "--id", "2");
    expect(reverted).toMatchObject({ code: 0, out: "[101, 102, 104, 105, 107, 108]" });
  });
});

describe("rollout shows apps that are left in vain", () => {
  const stackFile = join(import.meta.dirname, "../../../..", "Pulumi.left.yaml");
  afterEach(() => rm(stackFile, { force: true }));

  it("by key, value and what to do, and no word of those that their owners pointed back", async () => {
    const { old, current } = await rollout("vine");
    const [back, deleted] = [await create("vine", "d@example.com"), await create("vine", "e@example.com")];
    await rollout("cress");
    const elsewhere = await create("cress", "f@example.com");
    const point = (app: App, to: string) =>
      onPlatform((client) =>
        client.query("UPDATE menagerie.model_version SET proxy_model_version_id = $1 WHERE id = $2", [
          ...[to, app.versionId],
        ]),
      );
    for (const app of [back, deleted]) await point(app, old);
    await menagerie("rollout", "forward", "--id", old);
    const late = await create("vine", "g@example.com");
    for (const app of [back, late]) await point(app, old);
    await menagerie("app", "delete", deleted.id);
    const moved = await create("vine", "h@example.com");
    await onPlatform((client) =>
      client.query(
        `INSERT INTO menagerie.rollout (model_id, phase, from_version_id, truss_hash)
         SELECT model_id, 'forward', id, 'vine-2' FROM menagerie.model_version WHERE id = $1`,
        [old],
      ),
    );
    const leave = [back.id, "999999", deleted.id, elsewhere.id, moved.id, late.id, "ada"];
    await writeFile(
      stackFile,
      `config:\n  menagerie:zoo: { vine: { truss: a, phase: forward, from: "${old}", leave: ${JSON.stringify(leave)} } }\n`,
    );
    const { code, err } = await menagerie("rollout", "vine", "-s", "left");
    expect(code).toBe(0);
    const at = (place: number) => `note: menagerie:zoo.vine.leave[${place}]:`;
    expect(err.split("\n")).toEqual([
      `${at(6)} "ada" is not an app's id; give one that \`menagerie app list\` shows, or remove it`,
      `${at(1)} the platform has no app "999999"; correct it, or remove it`,
      `${at(2)} app ${deleted.id} is deleted; remove it`,
      `${at(3)} app ${elsewhere.id} is an app of cress, not of vine; correct it, or list it at menagerie:zoo.cress.leave`,
      `${at(4)} app ${moved.id} points at version 2 of vine (id ${current}), which is not the version that the rollout leaves; remove it`,
      `${at(5)} app ${late.id} was not moved yet, and phase forward moves it; list it after its owner has pointed it back`,
    ]);
  });
});

describe("rollout after its end", () => {
  const stands = async (model: string, phase: string, hash: string, from: string) => {
    await onPlatform((client) =>
      client.query(
        `INSERT INTO menagerie.rollout (model_id, phase, from_version_id, truss_hash)
         SELECT model_id, $2, id, $3 FROM menagerie.model_version WHERE id = $1`,
        [from, phase, hash],
      ),
    );
    const { code, out, err } = await menagerie("rollout", model);
    expect(code, err).toBe(0);
    return out;
  };

  it("offers the reverted content again as it is, and asks for another after done", async () => {
    const recorded = (id: string) =>
      onPlatform((client) =>
        client.query("UPDATE menagerie.model_version SET serving = $2, image_url = 'registry/x' WHERE id = $1", [
          id,
          JSON.stringify(irisServing),
        ]),
      );
    const vetch = await register("vetch", 1);
    await register("vetch", 2, false);
    await recorded(vetch);
    const reverted = await stands("vetch", "reverted", "vetch-2", vetch);
    expect(reverted).toContain(`next: set menagerie:zoo.vetch.phase: copy and menagerie:zoo.vetch.from: "${vetch}"`);
    expect(reverted).not.toContain("refused as of now");
    const clover = await register("clover", 1);
    await recorded(await register("clover", 2));
    expect(await stands("clover", "done", "clover-2", clover)).toContain("change the truss folder first");
  });
});

describe("rollout try", () => {
  it("points one app at the copy, and untry back", async () => {
    const { current } = await rollout("oats");
    const app = await create("oats", "tester@example.com");
    expect((await menagerie("rollout", "try", "oats", "--app", app.id)).err).toContain(
      "oats has no copy; set menagerie:zoo.oats.phase to copy",
    );
    const copy = await register("oats_copy", 1);
    const tried = await menagerie("rollout", "try", "oats", "--app", app.id);
    expect(tried.out).toBe(
      `app ${app.id} points at oats_copy, id ${copy}\nback: menagerie rollout untry oats --app ${app.id}`,
    );
    expect(await pointing(copy)).toEqual([app.versionId]);
    expect((await menagerie("rollout", "try", "oats", "--app", app.id)).code).toBe(0);
    expect(JSON.parse((await menagerie("rollout", "untry", "oats", "--app", app.id, "--json")).out)).toEqual({
      app: app.id,
      pointsAt: current,
    });
    expect(await pointing(copy)).toEqual([]);
    expect(await menagerie("rollout", "untry", "oats", "--app", app.id)).toMatchObject({ code: 2 });
  });

  it("refuses an app that is none, or another model's", async () => {
    await register("rye", 1);
    await register("rye_copy", 1);
    const other = await create("oats", "other@example.com");
    expect((await menagerie("rollout", "try", "rye", "--app", "0")).err).toContain("there is no such app");
    expect((await menagerie("rollout", "try", "rye", "--app", other.id)).err).toContain(
      "is an app of oats, not of rye",
    );
  });
});

describe("no way of moving an app ends at a version that is not served", () => {
  const retire = (id: string, options?: { unused: boolean }) =>
    onPlatform((client) => retireVersion(client, id, options));
  const nobody = (id: string) => expect(pointing(id)).resolves.toEqual([]);

  it("revert and forward by hand, with their dry runs", async () => {
    const { old, current, apps } = await rollout("spelt");
    await menagerie("rollout", "forward", "--id", old);
    await retire(old);
    for (const flags of [[], ["--dry-run"], ["--revert", "all"], ["--to", old]]) {
      expect(await menagerie("rollout", "revert", "--id", current, ...flags)).toMatchObject({
        code: 2,
        out: "",
        err: `menagerie: version 1 of spelt (id ${old}) is not served, so apps that point at it would get errors; roll its content out by menagerie:zoo.spelt.phase: copy`,
      });
    }
    await nobody(old);
    expect(await pointing(current)).toEqual(expect.arrayContaining(apps));
  });

  it("forward to another model's version, to a copy, and to an app", async () => {
    const { old, born } = await rollout("millet");
    const other = await rollout("sorghum");
    const copy = await register("millet_copy", 1);
    const says = async (to: string) =>
      (await menagerie("rollout", "forward", "--id", old, "--to", to, "--dry-run")).err;
    expect(await says(other.current)).toContain(
      `version ${other.current} is of sorghum, and version ${old} of millet; apps move between versions of one model`,
    );
    expect(await says(copy)).toContain(`version ${copy} is of millet_copy, which only apps that try it point at`);
    expect(await says(born)).toContain(`${born} is an app and no version of a zoo model`);
  });

  it("a run whose goal is retired after its plan", async () => {
    const { old, current, apps } = await rollout("einkorn");
    await expect(retire(current)).rejects.toThrow("version 2 of einkorn is not removed: 1 app points at it");
    await retire(current, { unused: false });
    await expect(
      movingTarget({ server: postgres.server }, (client, target) =>
        runMigration(
          client,
          target,
          { name: "einkorn", from: old, to: current, direction: "forward" },
          { progress: silent },
        ),
      ),
    ).rejects.toThrow(`version ${current} does not exist or is not served`);
    expect(await pointing(old)).toEqual(apps);
  });

  it("try without a running copy; untry finds an app whose copy has been built again since", async () => {
    await register("teff", 1);
    const app = await create("teff", "tester@example.com");
    const first = await register("teff_copy", 1);
    await menagerie("rollout", "try", "teff", "--app", app.id);
    const second = await register("teff_copy", 2);
    await retire(first);
    expect((await menagerie("rollout", "try", "teff", "--app", app.id)).code).toBe(0);
    await expect(retire(second)).rejects.toThrow("version 2 of teff_copy is not removed: 1 app points at it");
    await retire(second, { unused: false });
    expect((await menagerie("rollout", "untry", "teff", "--app", app.id)).code).toBe(0);
    const again = await menagerie("rollout", "try", "teff", "--app", app.id);
    expect(again.err).toContain(
      `version 2 of teff_copy (id ${second}) is not served, so apps that point at it would get errors; set menagerie:zoo.teff.phase: copy and run \`up\``,
    );
    expect(await pointing(app.proxyModelVersionId)).toEqual([app.versionId]);
  });

  it("a new app of a copy or of a model that is gone, and one that is brought back", async () => {
    const { old, current, apps } = await rollout("durum");
    await register("durum_copy", 1);
    const make = (model: string) => menagerie("app", "create", model, "--owner", "ada@example.com");
    expect((await make("durum_copy")).err).toContain(
      "durum_copy is the copy of durum that a rollout tries; make an app of durum, and point it there by",
    );
    const [first] = await onPlatform(
      async (client) =>
        (await client.query("SELECT model_id AS id FROM menagerie.model_version WHERE id = $1", [apps[0]])).rows,
    );
    await menagerie("app", "delete", first.id);
    await menagerie("rollout", "forward", "--id", old);
    await retire(old);
    expect((await menagerie("app", "undelete", first.id)).out).toContain(`id ${current}`);
    await retire(current, { unused: false });
    expect((await make("durum")).err).toContain(`version 2 of durum (id ${current}) is not served`);
  });
});

describe("an existing database", () => {
  it("is migrated by hand with --target", async () => {
    const table = await makeModelVersionTable(postgres, { idType: "text" });
    await fill(table, 9);
    const file = join(home, "target.yaml");
    const { schema, table: name } = table.connection.existing;
    await writeFile(file, `schema: ${schema}\ntable: ${name}\nuserColumn: user_id\n`);
    const target = ["--target", file] as const;
    const { server } = table.connection;
    expect((await menagerie("rollout", "forward", "--id", "1", "--to", "2", ...target)).err).toContain(
      "--target needs MENAGERIE_MIGRATION_DATABASE_URL; set it",
    );
    vi.stubEnv("MENAGERIE_MIGRATION_DATABASE_URL", urlOf(server, server.maintenanceDatabase));
    expect((await menagerie("rollout", "forward", "--id", "1", ...target)).err).toContain("That ID does not exist");
    const { out } = await menagerie("rollout", "forward", "--id", "1", "--to", "2", ...target, "--json");
    expect(JSON.parse(out)).toMatchObject({ affected: ["101", "102", "104", "105", "107", "108"] });
    expect(await menagerie("rollout", "revert", "--id", "2", ...target)).toMatchObject({
      code: 0,
      out: "[101, 102, 104, 105, 107, 108]",
    });
    // The commands that it prints are about the same table.
    const held = (await readingTarget(table.connection, listMigrations))[0]?.id ?? "";
    await menagerie("rollout", "pause", "--id", held, ...target);
    expect((await menagerie("rollout", "forward", "--id", "1", "--to", "2", ...target)).err).toContain(
      `\`menagerie rollout resume --id ${held} --target ${file}\``,
    );
    await menagerie("rollout", "resume", "--id", held, ...target);
    await writeFile(file, "tabel: x");
    expect((await menagerie("rollout", "revert", "--id", "2", ...target)).err).toMatch(
      /unknown key tabel; known keys are schema, table|table: missing; give the table's name/,
    );
  });

  it("asks which pair is meant where two old versions were merged into one", async () => {
    const table = await makeModelVersionTable(postgres, { idType: "text" });
    await fill(table, 9);
    const file = join(home, "merged.yaml");
    const { schema, table: name } = table.connection.existing;
    await writeFile(file, `schema: ${schema}\ntable: ${name}\n`);
    const { server } = table.connection;
    vi.stubEnv("MENAGERIE_MIGRATION_DATABASE_URL", urlOf(server, server.maintenanceDatabase));
    const rollout = (...argv: string[]) => menagerie("rollout", ...argv, "--target", file);
    const first = await rollout("forward", "--id", "1", "--to", "2");
    const second = await rollout("forward", "--id", "3", "--to", "2");
    expect([first.code, second.code]).toEqual([0, 0]);
    const asked = await rollout("revert", "--id", "2");
    expect(asked).toMatchObject({ code: 2, out: "" });
    expect(asked.err).toMatch(
      /--id "2" is part of several migrations; say which with --to [13] \(migration \d+ of .*\), or --to [13] /,
    );
    expect(await rollout("revert", "--id", "2", "--to", "1")).toMatchObject({ code: 0, out: first.out });
    // One is left that moved anybody. A run of it that was cut off is the one that the same command goes on with.
    await withClient(server, server.maintenanceDatabase, (client) =>
      client.query(
        "UPDATE menagerie_migrations.zoo_migration SET direction = 'reverted', state = 'open' WHERE from_id = '3'",
      ),
    );
    expect(await rollout("revert", "--id", "2")).toMatchObject({ code: 0, out: second.out });
  });

  it("prints ids that are text in quotes", () => {
    expect(pythonList(["12", "a'b", "c\\d"])).toBe("[12, 'a\\'b', 'c\\\\d']");
  });
});
