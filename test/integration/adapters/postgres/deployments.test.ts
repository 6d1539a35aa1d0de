import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lockDeployments, tryDeploymentLock } from "../../../../src/adapters/postgres/deploymentLock.ts";
import {
  closeAbandoned,
  closeDeployment,
  environmentsWithOpenIntent,
  openDeployment,
} from "../../../../src/adapters/postgres/deployments.ts";
import { migrate } from "../../../../src/adapters/postgres/migrate.ts";
import {
  deploymentAsOf,
  deploymentOfTag,
  listChangingDeployments,
  listDeployments,
} from "../../../../src/adapters/postgres/releases.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../src/domain/progress.ts";
import { describeChanges } from "../../../../src/domain/release/combination.ts";
import { type ChangingRange, combinationOf, type DeploymentRange } from "../../../../src/domain/release/record.ts";
import { lanesOf } from "../../../../src/domain/release/timeline/lanes.ts";
import { deploy, intentOf, makePlatformDatabase, run, serving } from "../../../support/deploymentRecord.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { wholeMatrix } from "../../../support/wholeMatrix.ts";

/** The record of deployments, on a real PostgreSQL. */

let postgres: TestPostgres;
const folder = mkdtempSync(join(tmpdir(), "menagerie-record-"));

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformDatabase(postgres.server);
  await migrate(postgres.server, silent);
});

afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true });
});

function onPlatform<T>(work: Parameters<typeof withClient<T>>[2]): Promise<T> {
  return withClient(postgres.server, platformDatabase, work);
}

const current = (environment: string) => onPlatform((client) => deploymentAsOf(client, environment));

describe("a deployment", () => {
  it("is current from its end until the next one's, and comes back under its tag", () =>
    onPlatform(async (client) => {
      const tags = [];
      for (const versions of [{ iris: 1 }, { iris: 2 }, { iris: 3 }, { iris: 1 }]) {
        tags.push(await deploy(client, "plain", versions));
      }
      expect(tags).toEqual(["release-1", "release-2", "release-3", "release-1"]);
      const ranges = await listDeployments(client, { environment: "plain" });
      expect(ranges.map(({ tag, until }) => [tag, until === null])).toEqual([
        ["release-1", true],
        ["release-3", false],
        ["release-2", false],
        ["release-1", false],
      ]);
      for (const range of ranges) {
        expect(await deploymentAsOf(client, "plain", range.since)).toMatchObject({
          id: range.id,
          models: range.models,
        });
        if (range.until) expect((await deploymentAsOf(client, "plain", range.until))?.id).not.toBe(range.id);
      }
      expect(await deploymentAsOf(client, "plain", new Date("2001-01-01"))).toBeUndefined();
      expect((await deploymentOfTag(client, "plain", "release-1")).id).toBe(ranges[0]?.id);
      await expect(deploymentOfTag(client, "plain", "release-9")).rejects.toThrow(
        /release "release-9": environment "plain" never had it; the latest are release-1, release-3, release-2/,
      );
    }));

  it("is listed with what changes alone: the changes are the same, and what stays as it is is counted", () =>
    onPlatform(async (client) => {
      const stays = Object.fromEntries(Array.from({ length: 30 }, (_, place) => [`stays-${place}`, 1]));
      for (const versions of [{ iris: 1 }, { iris: 2 }, { iris: 2, wine: 1 }, { iris: 1 }, { iris: 1 }])
        await deploy(client, "changing", { ...stays, ...versions });
      await deploy(client, "changing alone", { iris: 1, wine: 1 });
      const of = <Range extends DeploymentRange>(all: readonly Range[]) =>
        all.filter(({ environment }) => environment.startsWith("changing"));
      const [all, changing] = [of(await listDeployments(client)), of(await listChangingDeployments(client, 1_000))];
      const ids = (ranges: readonly ChangingRange[]) => ranges.map(({ models, alike, ...rest }) => rest);
      expect(ids(changing)).toEqual(ids(all));
      const changes = (ranges: readonly DeploymentRange[]) =>
        ranges
          .slice(1, -1)
          .map((range, place) => describeChanges(combinationOf(ranges[place + 2] ?? range), combinationOf(range)));
      expect(changes(changing)).toEqual(changes(all));
      expect(changes(changing)).toEqual([
        [],
        ["wine: 1 → gone", "iris: 2 → 1"].sort(),
        ["wine: new, 1"],
        ["iris: 1 → 2"],
      ]);
      expect(changing.map(({ models }) => models.length)).toEqual([2, 1, 1, 2, 1, 1]);
      expect(changing.map(({ alike }) => alike)).toEqual([0, 30, 30, 30, 30, 30]);
      const moved = (ranges: readonly DeploymentRange[]) =>
        lanesOf(
          ranges.filter(({ environment }) => environment === "changing").toReversed(),
          Date.now() + 60_000,
        ).filter(({ bands }) => bands.length > 1);
      expect(moved(changing).map(({ name }) => name)).toEqual(["release", "iris"]);
      const [shown, whole] = [moved(changing), moved(all)];
      expect(shown.map(({ bands }) => bands.map(({ content }) => content))).toEqual(
        whole.map(({ bands }) => bands.map(({ content }) => content)),
      );
    }));

  it("is not written again when its end is run twice", () =>
    onPlatform(async (client) => {
      const id = await openDeployment(client, await intentOf(client, "twice", { iris: 1 }), run, async () => []);
      const observe = async () => serving({ iris: 1 });
      const ends = [
        await closeDeployment(client, "twice", id, observe),
        await closeDeployment(client, "twice", id, observe),
      ];
      expect(ends.map((end) => end.id)).toEqual([id, id]);
      expect(await listDeployments(client, { environment: "twice" })).toHaveLength(1);
    }));

  it("does not count what the engine takes away after its end", () =>
    onPlatform(async (client) => {
      const id = await openDeployment(client, await intentOf(client, "removing", { iris: 2 }), run, async () => []);
      const stillThere = async () => serving({ iris: 2, iris_copy: 1 });
      const { judgement, models } = await closeDeployment(client, "removing", id, stillThere);
      expect(judgement.outcome).toBe("deployed");
      expect(models.map(({ name }) => name)).toEqual(["iris"]);
    }));

  it("that finds something else at its end says so", () =>
    onPlatform(async (client) => {
      const id = await openDeployment(client, await intentOf(client, "other", { iris: 2 }), run, async () => []);
      const { judgement } = await closeDeployment(client, "other", id, async () => serving({ iris: 1 }));
      expect(judgement).toEqual({ outcome: "mixed", reason: "iris: v1 instead of v2" });
      expect(await current("other")).toMatchObject({ outcome: "mixed", models: serving({ iris: 1 }) });
    }));

  it("cannot be changed or removed, by nobody", () =>
    onPlatform(async (client) => {
      for (const sql of [
        "UPDATE menagerie.deployment_outcome SET outcome = 'mixed'",
        "DELETE FROM menagerie.deployment",
        "TRUNCATE menagerie.release CASCADE",
      ]) {
        await expect(client.query(sql)).rejects.toThrow(/is insert-only/);
      }
    }));

  it("is the only current one, by constraint, and the only open one", () =>
    onPlatform(async (client) => {
      await deploy(client, "constraint", { iris: 1 });
      await deploy(client, "constraint", { iris: 2 });
      const open = await openDeployment(client, await intentOf(client, "constraint", { iris: 3 }), run, async () => []);
      const copy = (follows: string) =>
        client.query(
          `INSERT INTO menagerie.deployment (environment, follows, release_id, models, config, config_digest, requested_by, run)
           SELECT environment, ${follows}, release_id, models, config, config_digest, requested_by, run
             FROM menagerie.deployment WHERE id = $1`,
          [open],
        );
      // A second open one: after the first one, which is not closed; or beside it.
      await expect(copy("id")).rejects.toThrow(/foreign key/);
      await expect(copy("follows")).rejects.toThrow(/deployment_one_open/);
      await expect(copy("NULL")).rejects.toThrow(/deployment_one_open/);
      const outcome = (replaces: string) =>
        client.query(
          `INSERT INTO menagerie.deployment_outcome (deployment_id, environment, outcome, replaces, models, settled_by, at)
           VALUES ($1, 'constraint', 'deployed', ${replaces}, '[]', 'up', now())`,
          [open],
        );
      // A second current one: in place of one that was replaced before, or of none.
      await expect(outcome("NULL")).rejects.toThrow(/deployment_one_current/);
      await expect(
        outcome("(SELECT min(id) FROM menagerie.deployment WHERE environment = 'constraint')"),
      ).rejects.toThrow(/deployment_one_current/);
    }));

  it("keeps its place when the clock goes back", () =>
    onPlatform(async (client) => {
      await deploy(client, "clock", { iris: 1 });
      const id = await openDeployment(client, await intentOf(client, "clock", { iris: 2 }), run, async () => []);
      // Closed while the clock was an hour ahead.
      await client.query(
        `INSERT INTO menagerie.deployment_outcome (deployment_id, environment, outcome, replaces, models, settled_by, at)
         SELECT $1, 'clock', 'deployed', min(id), '[]', 'up', now() + interval '1 hour'
           FROM menagerie.deployment WHERE environment = 'clock'`,
        [id],
      );
      const tag = await deploy(client, "clock", { iris: 3 });
      expect(await deploymentAsOf(client, "clock")).toMatchObject({ tag });
      const ranges = await listDeployments(client, { environment: "clock" });
      expect(ranges.map((range) => range.tag)).toEqual(["release-3", "release-2", "release-1"]);
      for (const { since, until } of ranges) if (until) expect(until.getTime()).toBeGreaterThan(since.getTime());
    }));
});

describe("two ups at once", () => {
  it("exclude each other for as long as the first one's process lives", async () => {
    const lock = await lockDeployments(postgres.server, "both");
    await openDeployment(lock.client, await intentOf(lock.client, "both", { iris: 1 }), run, async () => []);
    await expect(lockDeployments(postgres.server, "both")).rejects.toThrow(
      /another `up` of environment "both" is running \(deployment \d+, by ada@laptop, since .*\); wait for its end/,
    );
    const elsewhere = await lockDeployments(postgres.server, "another");
    await elsewhere.release();
    await lock.release();
    const second = await lockDeployments(postgres.server, "both");
    expect(lock.broken()).toBe(true);
    await second.release();
  });

  it("that planned the same tag for two contents: the second one is refused", () =>
    onPlatform(async (client) => {
      const [first, second] = [
        await intentOf(client, "planned", { iris: 1 }),
        await intentOf(client, "planned", { iris: 2 }),
      ];
      expect(first.tag).toBe(second.tag);
      const id = await openDeployment(client, first, run, async () => []);
      await closeDeployment(client, "planned", id, async () => serving({ iris: 1 }));
      await expect(openDeployment(client, second, run, async () => serving({ iris: 1 }))).rejects.toThrow(
        /release release-1 of environment "planned" was recorded after this plan was made, with other content \(iris: 1 → 2\); run `up` again/,
      );
      expect(await current("planned")).toMatchObject({
        tag: "release-1",
        outcome: "deployed",
        models: serving({ iris: 1 }),
      });
    }));
});

describe("an intent that was left open", () => {
  const left = (environment: string, versions: Record<string, number>) =>
    onPlatform(async (client) => {
      await deploy(client, environment, { a: 1, b: 1 });
      await openDeployment(client, await intentOf(client, environment, versions), run, async () => []);
    });
  const settled = async (environment: string, observed: Record<string, number>) => {
    await onPlatform(async (client) => {
      expect(await environmentsWithOpenIntent(client)).toContain(environment);
      await closeAbandoned(client, environment, async () => serving(observed), "api");
      expect(await environmentsWithOpenIntent(client)).not.toContain(environment);
    });
    return current(environment);
  };

  it("changed nothing: what was current stays", async () => {
    await left("nothing", { a: 2, b: 2 });
    expect(await settled("nothing", { a: 1, b: 1 })).toMatchObject({ tag: "release-1", until: null });
  });

  it("changed a part: the record tells what is served", async () => {
    await left("part", { a: 2, b: 2 });
    const found = await settled("part", { a: 2, b: 1 });
    expect(found).toMatchObject({
      tag: "release-2",
      outcome: "mixed",
      settledBy: "api",
      models: serving({ a: 2, b: 1 }),
    });
    expect(found?.reason).toBe("the `up` did not come to its end: b: v1 instead of v2");
  });

  it("changed all of it: it is deployed", async () => {
    await left("all", { a: 2, b: 2 });
    expect(await settled("all", { a: 2, b: 2 })).toMatchObject({ tag: "release-2", outcome: "deployed" });
  });

  it("of the same models is not called deployed, for other things may differ", async () => {
    await left("same", { a: 1, b: 1 });
    expect(await settled("same", { a: 1, b: 1 })).toMatchObject({
      outcome: "mixed",
      reason: expect.stringContaining("as before"),
    });
  });

  it("and goes on after it was settled, ends as deployed", async () => {
    await left("resumed", { a: 2, b: 2 });
    const id = await onPlatform((client) =>
      closeAbandoned(client, "resumed", async () => serving({ a: 2, b: 1 }), "api"),
    );
    const end = await onPlatform((client) =>
      closeDeployment(client, "resumed", id ?? "", async () => serving({ a: 2, b: 2 })),
    );
    expect(Number(end.id)).toBeGreaterThan(Number(id));
    expect(await current("resumed")).toMatchObject({ id: end.id, tag: "release-2", outcome: "deployed" });
  });
});

/** How many steps an `up` took, and at which of them a model began to be served. */
interface Steps {
  readonly steps: number;
  readonly serves: readonly number[];
}

/** Runs an `up` in a process of its own; answers its steps, or undefined when it did not come to its end. */
async function upProcess(environment: string, versions: object, how = "kill", stopAt = 0): Promise<Steps | undefined> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "deploymentProcess.ts")], {
    stdio: ["ignore", "pipe", process.env.SHOW_CHILD ? "inherit" : "ignore"],
    env: {
      ...process.env,
      DATABASE_URL: urlOf(postgres.server, "postgres"),
      ENVIRONMENT: environment,
      VERSIONS: JSON.stringify(versions),
      CLUSTER: clusterOf(environment),
      HOW: how,
      STOP_AT: String(stopAt),
    },
  });
  let told = "";
  child.stdout.on("data", (chunk) => {
    told += chunk;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return code === 0 ? (JSON.parse(told) as Steps) : undefined;
}

const clusterOf = (environment: string): string => join(folder, `${environment}.json`);
const served = (environment: string): Record<string, number> =>
  JSON.parse(readFileSync(clusterOf(environment), "utf8"));

describe("an up that is ended at any of its steps", () => {
  it.each(["kill", "disconnect"])("by %s: the record tells what is served, and the next up converges", async (how) => {
    const begin = async (environment: string): Promise<void> => {
      writeFileSync(clusterOf(environment), JSON.stringify({ a: 1, b: 1 }));
      await onPlatform((client) => deploy(client, environment, { a: 1, b: 1 }));
    };
    await begin(`${how}-whole`);
    const { steps, serves } = (await upProcess(`${how}-whole`, { a: 2, b: 2 }, how)) ?? { steps: 0, serves: [] };
    expect(steps).toBeGreaterThan(10);
    const outcomes = new Set<string>();
    const each = async (stopAt: number): Promise<void> => {
      const environment = `${how}-${stopAt}`;
      await begin(environment);
      expect(await upProcess(environment, { a: 2, b: 2 }, how, stopAt)).toBeUndefined();
      // As the API does: whoever died lets go of the lock, as soon as the server sees the connection's end.
      await onPlatform(async (client) => {
        await expect.poll(() => tryDeploymentLock(client, environment)).toBe(true);
        await closeAbandoned(client, environment, async () => serving(served(environment)), "api");
      });
      const found = await current(environment);
      outcomes.add(`${found?.tag} ${found?.outcome}`);
      expect(found?.models).toEqual(serving(served(environment)));
      await onPlatform((client) => deploy(client, environment, { a: 2, b: 2 }));
      expect(await current(environment)).toMatchObject({
        tag: "release-2",
        models: serving({ a: 2, b: 2 }),
        until: null,
      });
    };
    const stops = Array.from({ length: steps }, (_, index) => index + 1).filter(
      (stopAt) => wholeMatrix || stopAt % 3 === 1 || serves.includes(stopAt),
    );
    for (let index = 0; index < stops.length; index += 2) await Promise.all(stops.slice(index, index + 2).map(each));
    // Who lost only the connection goes on to serve what was intended.
    const half = how === "kill" ? ["release-2 mixed"] : [];
    expect([...outcomes].sort()).toEqual(["release-1 deployed", "release-2 deployed", ...half]);
  });
});
