import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { openDeployment } from "../../../../src/adapters/postgres/deployments.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { actAs } from "../../../../src/adapters/postgres/transaction.ts";
import { setTraffic } from "../../../../src/adapters/postgres/zoo/traffic.ts";
import { run } from "../../../../src/cli/program.ts";
import { platformDatabase, roles } from "../../../../src/domain/platformDatabase.ts";
import { takeBack } from "../../../../src/services/guard/takeBack.ts";
import { deploy, intentOf, run as startedBy } from "../../../support/deploymentRecord.ts";
import { startGithub } from "../../../support/fakeGithub.ts";
import { commitAll, gitIn, writeFiles } from "../../../support/gitRepository.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { makeRollout, type TestRollout } from "../../../support/rolloutTables.ts";
import { gatewayTable, tablePorts } from "../../../support/takeBack/gatewayTable.ts";

/** What the commands say of a rollout whose requests are divided, and of one that was taken back, on a real PostgreSQL. */

let postgres: TestPostgres;
let home: string;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  await onPlatform((client) => client.query(gatewayTable));
  home = await mkdtemp(join(tmpdir(), "menagerie-home-"));
});

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

const onPlatform = <T>(work: Parameters<typeof withClient<T>>[2]) =>
  withClient(postgres.server, platformDatabase, work);

/** Runs a command line: exit code, standard output, standard error. */
async function menagerie(...argv: string[]) {
  const [out, err]: string[][] = [[], []];
  vi.spyOn(console, "log").mockImplementation((line: string) => void out?.push(line));
  vi.spyOn(console, "error").mockImplementation((line: string) => void err?.push(line));
  vi.spyOn(process.stderr, "write").mockImplementation((said) => Boolean(err?.push(String(said).trimEnd())));
  const code = await run(argv);
  vi.restoreAllMocks();
  return { code, out: (out ?? []).join("\n"), err: (err ?? []).join("\n") };
}

const reason = "errors 12 of 180 against 3 of 1,620, at least 2.1 points more, 1.0 points are allowed";

async function takenBack(): Promise<TestRollout> {
  const rollout = await makeRollout(postgres.server, 3);
  await rollout.move("forward");
  await rollout.asGuard((client) => takeBack(tablePorts(client), rollout.intent({ reason })));
  return rollout;
}

describe("menagerie rollout", () => {
  it("says how the model's own requests are divided beside what becomes of apps", async () => {
    const { model } = await makeRollout(postgres.server, 4);
    const traffic = async () =>
      (await menagerie("rollout", model)).out.split("\n").filter((line) => line.startsWith("traffic: "));
    expect(await traffic()).toEqual(["traffic: version 2 answers 50 % of the requests to the model itself"]);
    const split = (weight: number, control: number, expected: number, sticky?: "cookie") =>
      onPlatform(async (client) => {
        await actAs(client, roles.deployer);
        await setTraffic(client, { model, weight, control, expected, sticky, by: "up" });
      });
    await split(10, 0, 1, "cookie");
    expect(await traffic()).toEqual([
      "traffic: version 2 answers 10 % of the requests to the model itself, each client on one side by a cookie",
    ]);
    await split(100, 5, 2);
    expect(await traffic()).toEqual([
      "traffic: version 2 answers 100 % of the requests to the model itself, 5 % are copied to version 1",
    ]);
    const [shown] = JSON.parse((await menagerie("rollout", model, "--json")).out);
    expect(shown).toMatchObject({ traffic: { weight: 100, control: 5 }, takenBack: null });
  });

  it("says when it was taken back, why, what to set, and how to go on after a false alarm", async () => {
    const { model } = await takenBack();
    const { out } = await menagerie("rollout", model);
    const lines = out.split("\n");
    const at = lines.findIndex((line) => line.startsWith("taken back at "));
    expect(lines.slice(at, at + 3)).toEqual([
      expect.stringMatching(
        /^taken back at \d\d:\d\d \(errors 12 of 180 against 3 of 1,620\); set phase: reverted, or a new content$/,
      ),
      expect.stringMatching(new RegExp(`^  verdict \\d+: ${reason.replaceAll(".", "\\.")}$`)),
      `  after a false alarm: menagerie rollout resume ${model} --because TEXT`,
    ]);
    expect(lines).toContain(
      "traffic: version 2 answers 0 % of the requests to the model itself; share: 100 % of the organizations' apps",
    );
    const list = (await menagerie("rollout")).out.split("\n").find((line) => line.startsWith(`${model} `));
    expect(list).toContain("taken back at ");
  });
});

describe("menagerie releases", () => {
  it("has a take-back that came while an `up` was under way, with who settled it and by which verdict", async () => {
    const rollout = await makeRollout(postgres.server, 0);
    const { model } = rollout;
    await onPlatform(async (client) => {
      await actAs(client, roles.deployer);
      await deploy(client, "recorded", { [model]: 2 });
      await openDeployment(client, await intentOf(client, "recorded", { [model]: 3 }), startedBy, async () => []);
    });
    await rollout.asGuard((client) => takeBack(tablePorts(client), rollout.intent({ reason })));
    const { out } = await menagerie("releases", "-s", "recorded");
    const { verdictId } = rollout.intent();
    expect(out).toMatch(new RegExp(`${model}:2 → 1 +guard +verdict ${verdictId}: ${reason.replaceAll(".", "\\.")}`));
    const [current] = JSON.parse((await menagerie("releases", "-s", "recorded", "--json")).out);
    expect(current.takeBacks).toMatchObject([{ model, settledBy: "guard", cause: verdictId, resumed: null }]);
  });
});

describe.each([
  ["promote", "verified", "prod"],
  ["restore", "TAG", "-s", "verified"],
])("menagerie %s", (...command) => {
  it("refuses a release with a content that was taken back, until somebody says that it was a false alarm", async () => {
    const rollout = await makeRollout(postgres.server, 0);
    const { model, to } = rollout;
    const hash = `hash of ${model} 2`;
    for (const [table, key] of [
      ["model_version", "id"],
      ["rollout", "model_id"],
      ["rollout_traffic", "model_id"],
    ])
      await rollout.query(`UPDATE menagerie.${table} SET truss_hash = $2 WHERE ${key} = $1`, [
        key === "id" ? to : rollout.modelId,
        hash,
      ]);
    await rollout.asGuard((client) => takeBack(tablePorts(client), rollout.intent({ hash, reason })));
    const tag = await onPlatform(async (client) => {
      await actAs(client, roles.deployer);
      return deploy(client, "verified", { [model]: 2 });
    });
    const asked = () => menagerie(...command.map((word) => (word === "TAG" ? tag : word)));
    const refused = await asked();
    expect(refused).toMatchObject({ code: 3, out: "" });
    expect(refused.err).toMatch(
      new RegExp(`${tag}.*${model}.*taken back at \\d\\d:\\d\\d \\(errors 12 of 180 against 3 of 1,620\\)`),
    );
    await menagerie("rollout", "resume", model, "--because", "the failures were those of a load test");
    expect((await asked()).err).not.toContain("taken back");
  });
});

describe("menagerie rollout resume", () => {
  it("goes on after a false alarm where somebody says why, once", async () => {
    const rollout = await takenBack();
    const { model } = rollout;
    expect(await menagerie("rollout", "resume", model)).toMatchObject({
      code: 2,
      err: expect.stringContaining("--because"),
    });
    expect((await menagerie("rollout", "resume")).code).toBe(2);
    expect((await menagerie("rollout", "resume", model, "--id", "1", "--because", "x")).code).toBe(2);
    const resumed = await menagerie("rollout", "resume", model, "--because", "the failures were those of a load test");
    expect(resumed).toMatchObject({ code: 0, out: expect.stringMatching(/^rolled\d+ goes on with the same content/) });
    const stored = await rollout.query(
      "SELECT r.reason FROM menagerie.rollout_resume r JOIN menagerie.take_back t ON t.id = r.take_back_id WHERE t.model_id = $1",
      [rollout.modelId],
    );
    expect(stored).toEqual([{ reason: "the failures were those of a load test" }]);
    expect((await menagerie("rollout", model)).out).not.toContain("taken back at");
    expect((await menagerie("rollout", "resume", model, "--because", "again")).code).not.toBe(0);
  });
});

describe("menagerie rollout propose-reverts", () => {
  it("opens one pull request with phase: reverted for a take-back, and says so again", async () => {
    const { model, from } = await takenBack();
    const [github, folder] = [await startGithub(), await mkdtemp(join(home, "repository-"))];
    try {
      const stack = {
        [`Pulumi.${model}.yaml`]: `config:\n  menagerie:zoo:\n    ${model}: { truss: models/iris, phase: forward, from: "${from}" }\n`,
      };
      await gitIn(folder, "init", "--quiet", "--bare", "-b", "main", "remote.git");
      await gitIn(folder, "clone", "--quiet", "remote.git", "checkout");
      const checkout = join(folder, "checkout");
      await gitIn(checkout, "checkout", "--quiet", "-b", "main");
      await writeFiles(checkout, stack);
      await commitAll(checkout);
      await gitIn(checkout, "push", "--quiet", "-u", "origin", "main");
      for (const who of ["AUTHOR", "COMMITTER"]) {
        vi.stubEnv(`GIT_${who}_NAME`, "ada");
        vi.stubEnv(`GIT_${who}_EMAIL`, "ada@example.com");
      }
      for (const [name, value] of Object.entries(github.env)) vi.stubEnv(name, value);
      vi.stubEnv("PULUMI_OPTION_CONFIG_FILE", join(checkout, `Pulumi.${model}.yaml`));
      const propose = () => menagerie("rollout", "propose-reverts", "-s", model);
      const said = (how: string) =>
        expect.stringMatching(
          new RegExp(
            `^${model}: phase: reverted after take-back \\d+ ${how}: https://github.example/acme/models/pull/1$`,
            "m",
          ),
        );
      expect(await propose()).toMatchObject({ code: 0, out: said("is proposed") });
      expect(
        await gitIn(folder, "--git-dir=remote.git", "show", `${github.pulls[0]?.head}:Pulumi.${model}.yaml`),
      ).toContain("phase: reverted");
      expect(await propose()).toMatchObject({ code: 0, out: said("is proposed already") });
      expect(github.pulls).toHaveLength(1);
      github.broken = { status: 500, message: "is down" };
      expect(await propose()).toMatchObject({ code: 1, err: expect.stringContaining("is down") });
    } finally {
      github.close();
    }
  });
});

describe("menagerie rollout ask", () => {
  it("asks one side by the API service, with the key that may", async () => {
    const { model, modelId } = await makeRollout(postgres.server, 0);
    const asked: unknown[] = [];
    const api = createServer(async (request, response) => {
      const { "x-api-key": key, "x-menagerie-version": side } = request.headers;
      asked.push([request.method, request.url, key, side, await text(request)]);
      response.setHeader("content-type", "application/json");
      response.end('{"predictions": [1]}\n');
    }).listen(0, "127.0.0.1");
    try {
      await once(api, "listening");
      vi.stubEnv("MENAGERIE_API_URL", `http://127.0.0.1:${(api.address() as AddressInfo).port}`);
      vi.stubEnv("MENAGERIE_API_KEY", "key of an operator");
      const ask = (...more: string[]) => menagerie("rollout", "ask", ...more, "--data", '{"inputs": [[1]]}');
      expect(await ask(model, "--side", "new")).toMatchObject({ code: 0, out: '{"predictions": [1]}' });
      expect((await ask(model, "--side", "old")).code).toBe(0);
      const path = `/models/${modelId}/predict`;
      expect(asked).toEqual([
        ["POST", path, "key of an operator", "new", '{"inputs": [[1]]}'],
        ["POST", path, "key of an operator", "old", '{"inputs": [[1]]}'],
      ]);
      expect((await ask(model, "--side", "other")).code).toBe(2);
      expect((await ask(model)).code).toBe(2);
      expect(await ask("nobody", "--side", "new")).toMatchObject({ code: 2, err: expect.stringContaining("nobody") });
      expect(asked).toHaveLength(2);
    } finally {
      api.close();
      api.closeAllConnections();
    }
  });
});

describe("menagerie impact", () => {
  /** A rollout whose new version was served, and whose old version is of a content that releases name. */
  async function served(): Promise<TestRollout> {
    const rollout = await makeRollout(postgres.server, 2);
    const { model, modelId, from, hash, query } = rollout;
    await query(
      "INSERT INTO menagerie.rollout_step (model_id, phase_before, phase, from_version_id, truss_hash) VALUES ($1, 'copy', 'version', $2, $3)",
      [modelId, from, hash],
    );
    await query("UPDATE menagerie.model_version SET truss_hash = $2 WHERE id = $1", [from, `hash of ${model} 1`]);
    return rollout;
  }

  it("tells of a rollout, and of a release, as text, JSON and page", async () => {
    const { model } = await served();
    const tag = await onPlatform(async (client) => {
      await actAs(client, roles.deployer);
      return deploy(client, "local", { [model]: 1 });
    });
    const report = join(home, "impact.html");
    const rollout = await menagerie("impact", "--rollout", model, "--report", report);
    expect(rollout).toMatchObject({ code: 0, out: expect.stringContaining(`the rollout of ${model} `) });
    expect(rollout.out).toContain(`report: ${report}`);
    expect(await readFile(report, "utf8")).toContain(`the rollout of ${model}`);
    const release = await menagerie("impact", "--release", tag, "--json");
    expect(release.code).toBe(0);
    expect(JSON.parse(release.out)).toMatchObject({ subject: `release ${tag}`, totals: expect.anything() });
    expect(JSON.parse(release.out).headline).toContain(`release ${tag}`);
  });

  it("refuses what it cannot tell of", async () => {
    const { model } = await served();
    expect((await menagerie("impact")).code).toBe(2);
    expect((await menagerie("impact", "--rollout", model, "--release", "v1.0.0")).code).toBe(2);
    expect(await menagerie("impact", "--rollout", "nobody")).toMatchObject({
      code: 2,
      err: expect.stringContaining("nobody"),
    });
    expect(await menagerie("impact", "--release", "v9.9.9")).toMatchObject({
      code: 2,
      err: expect.stringContaining("v9.9.9"),
    });
    const nowhere = join(home, "missing", "impact.html");
    expect(await menagerie("impact", "--rollout", model, "--report", nowhere)).toMatchObject({
      code: expect.any(Number),
      err: expect.stringContaining(nowhere),
    });
  });
});
