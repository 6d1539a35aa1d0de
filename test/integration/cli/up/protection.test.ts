import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { withClient } from "../../../../src/adapters/postgres/server.ts";
import { agreedUp } from "../../../../src/cli/up/agreedUp.ts";
import { type EngineOperation, operationOf } from "../../../../src/cli/up/engineOperation.ts";
import { exportedResources } from "../../../../src/cli/up/exportedState.ts";
import type { StackEngine } from "../../../../src/cli/up/stackEngine.ts";
import { objectsOfStack } from "../../../../src/cli/up/stackObjects.ts";
import { silent } from "../../../../src/domain/progress.ts";
import { type Captured, captured } from "../../../../src/local/engine.ts";
import { menagerieCache } from "../../../../src/local/layout.ts";
import { ensureToolchain, preparePulumiHome } from "../../../../src/local/toolchain/index.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { wholeMatrix } from "../../../support/wholeMatrix.ts";

/** What is protected, what is agreed to and what is left out, under the real engine, with databases of a real PostgreSQL as what is stored. */

const project = join(import.meta.dirname, "../../../..");
const { signal } = new AbortController();

let postgres: TestPostgres;
let folder: string;
let engine: StackEngine;
/** What the engine's last run printed. */
let last: Captured;

const program = `
import { readFileSync } from "node:fs";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { protectWhatServesOrStores } from ${JSON.stringify(join(project, "src/program/protection.ts"))};
pulumi.runtime.registerStackTransformation(protectWhatServesOrStores);
const { server, databases, said } = JSON.parse(readFileSync("declared.json", "utf8"));
export const outputs = said && { said, password: pulumi.secret("password") };
const provider = new postgresql.Provider("database", server);
for (const name of databases) new postgresql.Database(name, { name }, { provider });
`;

beforeAll(async () => {
  postgres = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), "menagerie-protection-"));
  const toolchain = await ensureToolchain({ cache: menagerieCache(), progress: silent, signal });
  const { pulumi, env } = await preparePulumiHome(join(folder, "home"), toolchain);
  await mkdir(join(folder, "backend"));
  await symlink(join(project, "node_modules"), join(folder, "node_modules"));
  const options = "{ name: nodejs, options: { typescript: false } }";
  await writeFile(join(folder, "Pulumi.yaml"), `name: protected\nruntime: ${options}\nmain: index.mjs\n`);
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ name: "protected", type: "module", main: "index.mjs" }),
  );
  await writeFile(join(folder, "index.mjs"), program);
  const variables = {
    ...process.env,
    ...env,
    PULUMI_BACKEND_URL: `file://${folder}/backend`,
    PULUMI_CONFIG_PASSPHRASE: "passphrase",
    PULUMI_STACK: undefined,
    PULUMI_OPTION_CONFIG_FILE: undefined,
  };
  const start = (args: readonly string[]) =>
    captured(pulumi, [...args, "--non-interactive", "--color=never"], { cwd: folder, env: variables, signal });
  engine = {
    run: async (args) => {
      last = await start(args);
      return last.code;
    },
    capture: start,
    resources: () => exportedResources(engine, signal),
  };
  await start(["stack", "init", "staging"]);
  const password = postgres.server.password ?? "";
  await start(["config", "set", "--secret", "menagerie:databasePassword", password, "--stack", "staging"]);
  vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(console, "log").mockImplementation(() => {});
}, 1_800_000);

afterAll(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
  await postgres.stop();
});

const declare = (...databases: string[]): Promise<void> => declareAll({ databases });

async function declareAll(declared: { databases: string[]; said?: string }): Promise<void> {
  const { host, port, user: username, password } = postgres.server;
  const server = { host, port, username, password, sslmode: "disable" };
  await writeFile(join(folder, "declared.json"), JSON.stringify({ server, ...declared }));
}

async function up(yesDelete: readonly string[] = [], operation?: EngineOperation): Promise<number> {
  const cluster = () => Promise.reject(new Error("there is none"));
  const { host, port, user: adminUser } = postgres.server;
  const config = { "menagerie:database": { host, port, adminUser, sslMode: "disable" } };
  const { database } = objectsOfStack(engine, config, () => engine.resources(signal));
  const agreement = { declared: { zoo: [], development: [], shadows: [] }, cluster, mayAsk: false, signal };
  return agreedUp(engine, { ...agreement, yesDelete, database }, operation);
}

async function databases(): Promise<string[]> {
  const { rows } = await withClient(postgres.server, "postgres", (client) =>
    client.query<{ datname: string }>("SELECT datname FROM pg_database WHERE datname ~ '^kept|^spare' ORDER BY 1"),
  );
  return rows.map(({ datname }) => datname);
}

it("runs the engine where only an output of the stack changes, and not where nothing does", async () => {
  const outputs = async () =>
    JSON.parse((await engine.capture(["stack", "output", "--json"], signal)).stdout) as unknown;
  const runsOf = async (said: string): Promise<number> => {
    await declareAll({ databases: [], said });
    const run = vi.spyOn(engine, "run");
    expect(await up(), last?.stderr).toBe(0);
    const { length } = run.mock.calls;
    run.mockRestore();
    return length;
  };
  expect(await runsOf("10 %")).toBe(1);
  expect(await runsOf("10 %")).toBe(0);
  expect(await runsOf("0 %, taken back")).toBe(1);
  expect(await outputs()).toEqual({ outputs: { said: "0 %, taken back", password: "[secret]" } });
  expect(await runsOf("0 %, taken back")).toBe(0);
  expect(await up([], operationOf(["destroy", "--yes"])), last.stderr).toBe(0);
});

it.runIf(wholeMatrix)(
  "a bare up deletes nothing that stores, `menagerie up` does with a yes, and what a person dropped comes back",
  async () => {
    await declare("kept", "spare");
    expect(await up(), last?.stderr).toBe(0);
    expect(await databases()).toEqual(["kept", "spare"]);

    await declare("kept");
    // With and without the preview that shows it.
    for (const args of [
      ["up", "--yes"],
      ["up", "--yes", "--skip-preview"],
    ]) {
      const bare = await engine.capture(args, signal);
      expect([bare.code === 0, bare.stdout + bare.stderr]).toEqual([
        false,
        expect.stringMatching(/because it is protected/),
      ]);
    }
    await expect(up()).rejects.toMatchObject({ exitCode: 3, message: expect.stringMatching(/--yes-delete spare/) });
    await expect(up([], operationOf(["up", "--yes"]))).rejects.toMatchObject({ exitCode: 3 });
    expect(await databases()).toEqual(["kept", "spare"]);
    expect(await up(["spare"]), last.stderr).toBe(0);
    expect(await databases()).toEqual(["kept"]);

    await withClient(postgres.server, "postgres", (client) => client.query("DROP DATABASE kept"));
    expect(await up(), last.stderr).toBe(0);
    expect(await databases()).toEqual(["kept"]);

    await expect(up([], operationOf(["destroy"]))).rejects.toMatchObject({ exitCode: 3 });
    expect(await up([], operationOf(["destroy", "--yes"])), last.stderr).toBe(0);
    expect(await databases()).toEqual([]);
  },
);
