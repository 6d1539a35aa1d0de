import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { ClientBase } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closeDeployment, openDeployment } from "../../../../src/adapters/postgres/deployments.ts";
import { ensurePredictionTables } from "../../../../src/adapters/postgres/predictions/ensureTables.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import type { BisectReport } from "../../../../src/domain/bisect/report.ts";
import { platformDatabase, roles } from "../../../../src/domain/platformDatabase.ts";
import { recordingSchema } from "../../../../src/domain/recording/settings.ts";
import { environmentLayout } from "../../../../src/local/layout.ts";
import { trialsFolder } from "../../../../src/local/trial/place.ts";
import { intentOf, run as runOf } from "../../../support/deploymentRecord.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { storePredictions } from "../../../support/predictions.ts";
import { putServer } from "../../local/trial/serverImage.ts";

/** `menagerie bisect` as its user runs it, over a record that is there and with real trials. */

let postgres: TestPostgres;
let home: string;
/** Digests of the server's image, and of one that no store has. */
let digest: string;
const gone = `sha256:${"0".repeat(64)}`;
/** Numbers of the deployments, the oldest first. */
const ids: string[] = [];
const ofStaging: string[] = [];

/** The variable A changes at the ninth of sixteen, B at the ninth and the twelfth; the image of the fifth is gone, and the eighth does not start. */
const history = Array.from({ length: 16 }, (_, index) => ({
  A: index < 8 ? "1" : "2",
  B: index < 8 ? "1" : index < 11 ? "2" : "3",
  LOG: String(index),
  ROLE: index === 7 ? "broken" : "one",
}));

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "menagerie-bisect-"));
  const image = await putServer(environmentLayout("local", home).images);
  digest = image.slice(image.indexOf("@") + 1);
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  await withClient(postgres.server, platformDatabase, async (client) => {
    for (const [index, env] of history.entries()) {
      const as = { commit: index === 8 ? "c0ffee1" : "b0b0b0b", digest: index === 4 ? gone : digest };
      ids.push(await deployed(client, env, as));
    }
    for (const A of ["1", "2"])
      ofStaging.push(await deployed(client, { A }, { commit: "b0b0b0b", digest, stack: "staging" }));
    await ensurePredictionTables(client, recordingSchema("iris"), { readers: [roles.operator] });
    await storePredictions(client, recordingSchema("iris"), [
      { id: "invoice-81", at: new Date(), request: { a: 81 }, operation: "predict" },
    ]);
  });
});

afterAll(async () => {
  await postgres.stop();
  await rm(home, { recursive: true, force: true });
});

interface DeployedAs {
  readonly commit: string;
  readonly digest: string;
  /** @default local */
  readonly stack?: string;
}

/** A whole `up` of iris with these variables; answers its number. */
async function deployed(
  client: ClientBase,
  env: Readonly<Record<string, string>>,
  { commit, digest: image, stack = "local" }: DeployedAs,
): Promise<string> {
  const resources = { cpu: "1", memory: "256Mi" };
  const config = { zoo: { iris: { truss: "models/iris", phase: "done", env, resources, recording: {} } } };
  const intent = await intentOf(client, stack, { iris: 1 }, config);
  const planned = intent.planned.map((model) => ({ ...model, digest: image }));
  const id = await openDeployment(client, { ...intent, planned }, { ...runOf, commit }, async () => []);
  return (await closeDeployment(client, stack, id, async () => planned)).id;
}

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, "../../../../src/cli/main.ts"), "bisect", ...args], {
    env: {
      ...process.env,
      MENAGERIE_HOME: home,
      MENAGERIE_DATABASE_URL: urlOf(postgres.server, platformDatabase),
      NO_COLOR: "1",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function bisect(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = start(...args);
  if (!child.stdout || !child.stderr) throw new Error("its output is piped");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null) await once(child, "exit");
  return { code: child.exitCode, stdout, stderr };
}

const end = (index: number): string => ids.at(index) ?? "";
const iris = ["--model", "iris", "--data", '{"a": 1}'];
/** Expected unless A and B both have these values. */
const unless = (A: string, B: string): string =>
  `body=$(cat); ! { echo "$body" | grep -q '"A":"${A}"' && echo "$body" | grep -q '"B":"${B}"'; }`;
const trials = (): Promise<string[]> => readdir(trialsFolder(home)).catch(() => []);

async function found(...args: string[]): Promise<BisectReport & { readonly exitCode: number | null }> {
  const { code, stdout, stderr } = await bisect(...args, "--json");
  expect(stdout, stderr).not.toBe("");
  return { ...(JSON.parse(stdout) as BisectReport), exitCode: code };
}

describe("menagerie bisect", () => {
  it("says what it would bring up, and brings nothing up", async () => {
    const { code, stdout } = await bisect(end(0), end(-1), ...iris, "--answer-of", end(0), "--dry-run");
    expect([code, stdout]).toEqual([0, expect.stringContaining("at most 6 of them would be brought up")]);
    expect(await trials()).toEqual([]);
  });

  it("names the variable, the deployment and its commit, by a check", async () => {
    const check = `grep -q '"B":"[12]"'`;
    const report = await found(end(0), end(-1), ...iris, "--check", check);
    expect(report.exitCode).toBe(0);
    expect(report.change).toMatchObject({
      fault: "came",
      last: { deployment: end(10) },
      first: [{ deployment: end(11) }],
    });
    expect(report.parts).toMatchObject([{ kind: "config", key: "env.B", from: '"2"', to: '"3"', needed: true }]);
    expect(report.parts[0]?.releases).toMatchObject([{ deployment: end(11), commit: "b0b0b0b" }]);
    // Both ends, halves of 15, the middle that does not start and one more for it, and two parts.
    expect(report.restores).toBeLessThanOrEqual(2 + 4 + 2 + 2);
    expect(await trials()).toEqual([]);
  });

  it("is a range where releases do not start, ends with 3, and names two variables that do it only together", async () => {
    const report = await found(end(0), end(10), ...iris, "--check", unless("2", "2"));
    expect(report.exitCode).toBe(3);
    expect(report.change).toMatchObject({
      last: { deployment: end(6) },
      first: [{ deployment: end(7) }, { deployment: end(8) }],
    });
    expect(report.parts).toMatchObject([
      { key: "env.A", from: '"1"', to: '"2"', needed: true },
      { key: "env.B", from: '"1"', to: '"2"', needed: true },
    ]);
    expect(report.notJudged).toEqual([
      expect.objectContaining({ deployment: end(7), reason: expect.stringContaining("exit code 3") }),
    ]);
    expect(await trials()).toEqual([]);
  });

  it("passes over a release whose image is gone, and names it", async () => {
    const report = await found(end(0), end(8), ...iris, "--check", `grep -q '"LOG":"[0-3]"'`);
    expect(report.exitCode).toBe(3);
    expect(report.change).toMatchObject({
      last: { deployment: end(3) },
      first: [{ deployment: end(4) }, { deployment: end(5) }],
    });
    expect(report.notJudged).toEqual([
      expect.objectContaining({ deployment: end(4), reason: expect.stringContaining("is gone") }),
    ]);
    expect(report.parts).toMatchObject([{ key: "env.LOG", needed: true }]);
  });

  it("asks a recorded request of a stack that is not this machine's, by the recordings of its record", async () => {
    const asked = ["--stack", "staging", "--request", "invoice-81"];
    const report = await found(
      ...ofStaging,
      ...asked,
      "--check",
      `tee -a '${join(home, "asked")}' | grep -q '"A":"1"'`,
    );
    expect(report).toMatchObject({ exitCode: 0, model: "iris", asked: "request invoice-81" });
    expect(report.parts).toMatchObject([{ key: "env.A", needed: true }]);
    expect(await readFile(join(home, "asked"), "utf8")).toContain('"echo":{"a":81}');
    const unknown = await bisect(...ofStaging, ...asked.slice(0, -1), "nobody", "--check", "true");
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("these are recorded: iris")]);
  });

  it.each([
    ["SIGKILL", null],
    ["SIGINT", 130],
  ] as const)("ended by %s, it leaves nothing, and goes on with what was answered", async (signal, code) => {
    const args = [end(0), end(-1), ...iris, "--check", `grep -q '"A":"1"' # ${signal}`, "--json"];
    const child = start(...args);
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (piece: string) => {
      said += piece;
    });
    // Both ends were asked, and the third trial is under way.
    await expect.poll(() => said).toMatch(/is next[\s\S]*is next/);
    const ended = once(child, "close");
    child.kill(signal);
    expect((await ended)[0]).toBe(code);
    if (code !== null) {
      expect(said).toContain("run the same command again to go on");
      expect(await trials()).toEqual([]);
    }
    const { stdout, stderr } = await bisect(...args);
    // A trial ends with its owner; the folder of one that was killed before it had a process of its own goes with the next trial.
    expect(await trials()).toEqual([]);
    const report = JSON.parse(stdout) as BisectReport;
    expect(report.change).toMatchObject({ last: { deployment: end(6) } });
    // What was answered before is not asked again: its releases are not in the progress of the second run.
    expect(stderr).not.toContain(`deployment ${end(0)})  `);
    expect(report.judged.map(({ deployment }) => deployment)).toEqual(expect.arrayContaining([end(0), end(-1)]));
    const [kept] = await readdir(join(home, "bisect"));
    expect(await readFile(join(home, "bisect", kept ?? ""), "utf8")).toContain("question");
  });

  it.each([
    ["both ends answer alike", ["--check", "true"]],
    ["nothing says which answers are as expected", []],
    ["--expect and --check exclude each other", ["--expect", "{}", "--check", "true"]],
    ["deployment 9999", ["--answer-of", "9999"]],
    ["is not JSON", ["--expect", "{oops"]],
  ])("refuses with exit code 2: %s", async (said, args) => {
    const { code, stderr, stdout } = await bisect(end(0), end(-1), ...iris, ...args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(said);
  });

  it("refuses a model that neither end serves, and ends in the wrong order", async () => {
    const unknown = await bisect(end(0), end(-1), "--model", "irsi", "--data", "{}", "--check", "true");
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("name one of iris")]);
    const swapped = await bisect(end(-1), end(0), ...iris, "--check", "true");
    expect([swapped.code, swapped.stderr]).toEqual([2, expect.stringContaining("swap the two")]);
  });
});
