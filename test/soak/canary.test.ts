import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serverFromUrl, withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { readTarget } from "../../src/local/target.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { commandLines, secretsIn, secretsInFolder } from "../support/canary.ts";

/**
 * Secrets in every place that a user may have one, and every store of an environment: the engine's state and history, logs, disks of
 * nodes, the database with its recorded requests, previews, comments, pages, traces, command lines and environments of processes.
 */

const inConfig = { "a model's secret": "canary/Of+the=model4711" };
/** Of the terminal that runs the commands. */
const inShell = {
  AWS_SECRET_ACCESS_KEY: "canaryOfAws0123456789abcdefABCDEF0123456",
  GITHUB_TOKEN: `ghp_${"canary0"}${"aB1".repeat(9)}`,
  MENAGERIE_API_KEY: "mk_canary0canary0.canaryOfTheApiKeyAbc123",
  PULUMI_CONFIG_PASSPHRASE: "canary of the passphrase",
};
const inRequests = {
  "a header": "canaryOfTheAuthorizationHeader",
  "a cookie": "canaryOfTheCookie",
  "a key in a url": "canaryOfTheUrl",
  "a key of the gateway": "canaryOfTheGatewayKey",
};
const secrets = { ...inConfig, ...inShell, ...inRequests };

const declaration = `  menagerie:shadows:
    canaries:
      primary: { truss: models/multiplier, env: { FACTOR: "2" }, resources: { cpu: 500m, memory: 512Mi } }
      shadows:
        other: { truss: models/multiplier, env: { FACTOR: "3" }, resources: { cpu: 500m, memory: 512Mi } }
`;

let shared: SharedEnvironment;
let folder: string;
const said: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-canary-"));
  shared = await SharedEnvironment.open();
  await shared.editStack((text) => `${text.trimEnd()}\n${declaration}`);
});

afterAll(async () => {
  await shared?.close();
  await rm(folder, { recursive: true, force: true });
});

async function menagerie(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await shared.home.menagerie(args, { env: inShell });
  said.push(stdout, stderr);
  return `${code}: ${stdout}${stderr}`;
}

async function rows(): Promise<string> {
  process.env.MENAGERIE_HOME = shared.home.path;
  const url = (await readTarget(environmentLayout("local")))?.databaseServer?.url ?? "";
  return withClient(serverFromUrl(url, "the environment's"), platformDatabase, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const texts: string[] = [];
    for (const { name } of tables) {
      const found = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      texts.push(...found.rows.map(({ row }) => row));
    }
    return texts.join("\n");
  });
}

test("no store of an environment holds a secret that came by config, the shell or a request", async () => {
  // Whatever was brought up before had another shell.
  await shared.home.menagerie(["down"]);
  await menagerie(
    "pulumi",
    "--",
    "config",
    "set",
    "--secret",
    "--path",
    "menagerie:secrets.canary",
    Object.values(inConfig)[0] ?? "",
  );
  said.length = 0;
  expect(await menagerie("up")).toMatch(/^0: /);
  const { gateway, models } = await shared.json<{ gateway: string; models: { name: string; url: string }[] }>(
    "status",
    "--json",
  );
  const url =
    models.find(({ name }) => name === "canaries")?.url ?? `${gateway}/serving/models/canaries/v1/models/model:predict`;
  const answer = await fetch(`${url}?api_key=${inRequests["a key in a url"]}`, {
    method: "POST",
    body: '{"values": ["1"]}',
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${inRequests["a header"]}`,
      cookie: `session=${inRequests["a cookie"]}`,
      "x-api-key": inRequests["a key of the gateway"],
    },
  });
  expect(answer.status).toBe(200);

  for (const args of [
    ["status"],
    ["status", "--json"],
    ["releases"],
    ["releases", "timeline", "--report", join(folder, "releases.html")],
    ["compare", "canaries", "--report", join(folder, "compare.html")],
    ["env", "--host"],
    ["logs", "iris"],
    ["validate"],
    ["rollout", "iris"],
    ["app", "list"],
    ["key", "list"],
    ["predict", "nobody", "--data", "{}"],
    ["pulumi", "--", "preview", "--diff"],
    ["pulumi", "--", "stack", "export"],
    ["pulumi", "--", "config"],
    ["pulumi", "--", "stack", "history", "--json"],
  ])
    await menagerie(...args);
  const preview = await shared.home.menagerie(["pulumi", "--", "preview", "--json"], { env: inShell });
  said.push(preview.stdout, preview.stderr);

  const found: Record<string, string[]> = {
    "what commands print": secretsIn(said.join("\n"), secrets),
    pages: secretsInFolder(folder, secrets),
    database: secretsIn(await rows(), secrets),
    "command lines": secretsIn(commandLines(), secrets),
    // What stays when the command has ended.
    "environments of the keeper and all below it": shared.home
      .processes()
      .flatMap(({ pid, command }) => secretsIn(environmentOf(pid), secrets).map((name) => `${command}: ${name}`)),
  };
  const layout = environmentLayout("local", shared.home.path);
  // Kubernetes keeps Secrets in etcd, and pods that name one get it as a file; both only root can read.
  // The database's rows were read; images hold the models' packages.
  const mayHold = (path: string): boolean =>
    [layout.etcd, layout.postgres, layout.images].some((folder) => path.startsWith(folder));
  found.disk = secretsInFolder(layout.root, secrets, mayHold);
  expect(found).toEqual(Object.fromEntries(Object.keys(found).map((place) => [place, []])));
  expect(await readFile(join(folder, "releases.html"), "utf8")).toContain("<html");
}, 900_000);

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return "";
  }
}
