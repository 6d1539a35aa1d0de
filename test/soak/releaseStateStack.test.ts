import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";

import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";

/** States of releases as their user has them: a line of config, `up`, and what runs in each sees its own. */

let shared: SharedEnvironment;
let dumps: string;
let committed: string;
/** Pod of iris in the first release. */
let irisOfFirst: string | undefined;

/** The committed stack, which stays as it is, and its states. */
const stack = (release: string, tables = "{}"): string => `${committed}
  menagerie:state:
    schemas: state
    release: ${release}
    tables: ${tables}
    keep: 2
    dumpTo: ${dumps}
`;

const tables = `
  CREATE TABLE conversation (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
  CREATE TABLE message (conversation_id bigint NOT NULL REFERENCES conversation (id), text text NOT NULL);`;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  committed = (await readFile(shared.stackFile, "utf8"))
    .trimEnd()
    .replace("truss: models/multiplier\n", "$&      state: true\n");
  dumps = await mkdtemp(join(tmpdir(), "menagerie-dumps-"));
  await mkdir(join(shared.home.project, "state"), { recursive: true });
  await writeFile(join(shared.home.project, "state", "chat.sql"), tables);
});

afterAll(async () => {
  await shared.close();
  for (const folder of ["state", "source"])
    await rm(join(shared.home.project, folder), { recursive: true, force: true });
  await rm(dumps, { recursive: true, force: true });
});

async function deploy(release: string, seeds?: string): Promise<void> {
  await shared.editStack(() => stack(release, seeds));
  await shared.up();
}

/** Pods of a model that are not going away. */
async function podsOf(model: string): Promise<{ uid: string; envFrom: object[] | undefined }[]> {
  const { items } = await requestJson<{
    items: {
      metadata: { uid: string; deletionTimestamp?: string };
      spec: { containers: { envFrom?: object[] }[] };
    }[];
  }>(shared.kubeConfig(), "GET", "/api/v1/namespaces/models/pods", {
    query: { labelSelector: `menagerie.dev/model=${model}` },
  });
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata, spec }) => ({ uid: metadata.uid, envFrom: spec.containers[0]?.envFrom }));
}

type Environment = Record<string, string>;
const environmentOf = (...args: string[]) => shared.json<Environment>("env", "--json", "--secrets", "--host", ...args);

/** As a service of the release does it, with nothing but its environment. */
async function inRelease(release: string, sql: string): Promise<Record<string, unknown>[]> {
  const { DATABASE_URL: connectionString = "" } = await environmentOf("--release", release);
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe("two releases", () => {
  test("each have a state of their own, which their services find by their environment alone", async () => {
    await deploy("v1.0.0");
    irisOfFirst = (await podsOf("iris"))[0]?.uid;
    await inRelease("v1.0.0", "INSERT INTO conversation (name) VALUES ('first'), ('second')");
    await inRelease("v1.0.0", "INSERT INTO message SELECT 1 + i % 2, 'hello ' || i FROM generate_series(1, 1000) i");
    await deploy("v1.1.0");
    const count =
      "SELECT (SELECT count(*)::int FROM conversation) AS conversations, (SELECT count(*)::int FROM message) AS messages";
    expect(await inRelease("v1.1.0", count)).toEqual([{ conversations: 2, messages: 1000 }]);
    await inRelease("v1.1.0", "DELETE FROM message WHERE conversation_id = 2");
    expect(await inRelease("v1.0.0", count)).toEqual([{ conversations: 2, messages: 1000 }]);
    await expect(inRelease("v1.0.0", 'SELECT * FROM "v1.1.0".message')).rejects.toThrow(
      /permission denied for schema v1.1.0/,
    );
    await expect(inRelease("v1.1.0", 'SELECT * FROM "v1.0.0".message')).rejects.toThrow(
      /permission denied for schema v1.0.0/,
    );
  });

  test("are configured by ConfigMap and Secret, which the model that works in them gets as environment", async () => {
    expect((await podsOf("multiplier")).map(({ envFrom }) => envFrom)).toEqual([
      [{ configMapRef: { name: "env-v1.1.0" } }, { secretRef: { name: "env-v1.1.0-service" } }],
    ]);
    const [iris] = await podsOf("iris");
    expect(iris?.envFrom).toEqual([{ configMapRef: { name: "env" } }]);
    expect(iris?.uid, "a model without the state goes on when the release changes").toBe(irisOfFirst);
    const environment = await shared.json<Environment>("env", "--json");
    expect(environment).toMatchObject({ VERSION: "v1.1.0", DATABASE_SCHEMA: "v1.1.0", IRIS_IDENTIFIER: "iris-v1" });
    expect(Object.keys(environment)).not.toContain("PGPASSWORD");
    const { stdout } = await shared.succeed("term", "--", "sh", "-c", "echo $VERSION $PGUSER $PGHOST $API_URL");
    expect(stdout).toMatch(/^v1.1.0 pipeline_v1.1.0 127.0.0.1 http:\/\/127.0.0.1:\d+\n$/);
  });

  test("keep their passwords, which the stack's state holds encrypted", async () => {
    const before = await environmentOf();
    await shared.up();
    expect(await environmentOf()).toEqual(before);
    const { stdout } = await shared.succeed("pulumi", "--", "stack", "export");
    expect(stdout).toContain("service_v1.1.0");
    expect(stdout).not.toContain(before.PGPASSWORD);
  });

  test("the older is there again by its tag, with its state untouched, and nothing is seeded", async () => {
    await deploy("v1.0.0");
    expect(await shared.json("data", "list", "--json")).toMatchObject([{ tag: "v1.1.0" }, { tag: "v1.0.0" }]);
    expect((await environmentOf()).VERSION).toBe("v1.0.0");
    expect(await inRelease("v1.0.0", "SELECT count(*)::int AS n FROM message")).toEqual([{ n: 1000 }]);
  });

  test("a third one takes the place of the one used longest ago, which is dumped and can be had again", async () => {
    await shared.editStack(() => stack("v1.2.0"));
    expect(await shared.preview()).toContain('state in schema "v1.1.0" will be dropped');
    await shared.up();
    expect(await shared.json("data", "list", "--json")).toMatchObject([{ tag: "v1.0.0" }, { tag: "v1.2.0" }]);
    expect(await shared.json("data", "restore", join(dumps, "v1.1.0"), "--json")).toMatchObject({
      tag: "v1.1.0",
      rows: { conversation: 2, message: 500 },
    });
  });
});

describe("the source data", () => {
  test("is loaded by one command, and read by pipelines but not by services", async () => {
    const folder = join(dumps, "source");
    await mkdir(folder);
    await writeFile(join(folder, "raw.sql"), "CREATE TABLE raw (id bigint PRIMARY KEY, text text)");
    await writeFile(join(folder, "raw.csv"), "id,text\n1,one\n2,two\n");
    expect(await shared.json("data", "load", "--schemas", folder, "--from", folder, "--json")).toEqual({ raw: 2 });
    await rename(folder, join(shared.home.project, "source"));
    await shared.editStack((text) =>
      text.replace("schemas: state\n", "$&    source: { schemas: source, data: source }\n"),
    );
    expect(await shared.json("data", "load", "--json")).toEqual({ raw: 2 });
    await expect(inRelease("v1.2.0", "SELECT * FROM source.raw")).rejects.toThrow(
      /permission denied for schema source/,
    );
    const { DATABASE_URL: connectionString = "" } = await environmentOf("--as", "pipeline");
    const client = new pg.Client({ connectionString });
    await client.connect();
    const { rows } = await client.query("SELECT count(*)::int AS n FROM raw");
    await client.end();
    expect(rows).toEqual([{ n: 2 }]);
  });
});

describe("what is wrong is told before anything changes", () => {
  test("a rule for a table that no file makes", async () => {
    await shared.editStack(() => stack("v1.3.0", "{ massage: { seed: view } }"));
    const { code, stdout } = await shared.home.menagerie(["up"]);
    expect(code).toBe(1);
    expect(stdout).toContain(
      'menagerie:state.tables.massage: the files of "state" make no such table; they make conversation, message',
    );
  });
});
