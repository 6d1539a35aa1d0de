import { inspect } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { unknown } from "@pulumi/pulumi/output.js";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ModelZooEntry, type ModelZooEntryArgs } from "../../../components/modelZooEntry.ts";
import { PlatformDatabase } from "../../../components/platformDatabase.ts";
import { PlatformServices } from "../../../components/platformServices.ts";
import { registerVersion } from "../../../src/adapters/postgres/modelVersions.ts";
import { urlOf, withClient } from "../../../src/adapters/postgres/server.ts";
import { recordPhase } from "../../../src/adapters/postgres/zoo/rollouts.ts";
import { platformDatabase } from "../../../src/domain/platformDatabase.ts";
import { Environment } from "../../../src/environment/environment.ts";
import { irisServing } from "../../support/irisServing.ts";
import { makePlatformTables } from "../../support/platformTables.ts";
import { declaredBy, playEngine } from "../../support/playedEngine.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

/** An environment as a program reads it, from a real PostgreSQL; the cluster does not answer. */

let postgres: TestPostgres;
let database: string;
const gateway = { url: "http://gateway" };
const truss = "models/iris";
const contents = ["1", "2"].map((digit) => digit.repeat(64));

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  database = urlOf({ ...postgres.server, password: postgres.server.password ?? "tulip" }, "postgres");
  await withClient(postgres.server, platformDatabase, async (client) => {
    for (const [place, hash] of contents.entries()) {
      const image = { url: "registry/iris", digest: `sha256:${hash}` };
      const number = place + 1;
      await registerVersion(client, {
        model: "iris",
        organization: "admin",
        number,
        hash,
        serving: irisServing,
        current: number === 1,
        ...image,
      });
    }
  });
  process.env.KUBECONFIG = "/nowhere";
});
afterAll(async () => {
  delete process.env.KUBECONFIG;
  await postgres.stop();
});
beforeEach(() => playEngine());

const secretDatabase = () => pulumi.secret(database);

async function versionIds(): Promise<string[]> {
  const { rows } = await withClient(postgres.server, platformDatabase, (client) =>
    client.query<{ id: string }>("SELECT id FROM menagerie.model_version ORDER BY number"),
  );
  return rows.map(({ id }) => id);
}

describe("an environment that a program reads", () => {
  it("plans by what the database has, and has nothing of its url in the clear", async () => {
    const [from = ""] = await versionIds();
    const environment = await Environment.read({ gateway, database: secretDatabase() });
    const entry = { truss, phase: "copy", from, smoke: [{ input: {}, output: {} }] } as const;
    const { answer, declared } = await declaredBy(() => new ModelZooEntry("iris", { environment, ...entry }));
    expect([...answer.routes.keys()]).toEqual(["iris", "iris_copy"]);
    const told = declared.map(({ inputs }) => JSON.stringify(inputs));
    expect(told.some((text) => text.includes(database))).toBe(true);
    const secret = JSON.stringify({ "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" }).slice(
      1,
      -1,
    );
    for (const text of told) {
      expect(text.replaceAll(`{${secret},"value":${JSON.stringify(database)}}`, "")).not.toContain(database);
    }
  });

  it("plans the apps that a phase moves, though they are counted while it is declared", async () => {
    const [from = "", to = ""] = await versionIds();
    await withClient(postgres.server, platformDatabase, async (client) => {
      const request = {
        model: "iris",
        organization: "admin",
        from,
        hash: contents[1] ?? "",
        gates: [],
        bakeSeconds: 0,
      };
      for (const phase of ["copy", "version"] as const) await recordPhase(client, { ...request, phase });
      await client.query(
        `WITH organization AS (INSERT INTO menagerie.organization (name, is_admin) VALUES ('acme', false) RETURNING id),
              model AS (INSERT INTO menagerie.model (name, organization_id) SELECT 'app', id FROM organization RETURNING id)
         INSERT INTO menagerie.model_version (model_id, number, truss_hash, proxy_model_version_id) SELECT id, 1, '', $1 FROM model`,
        [from],
      );
    });
    const environment = await Environment.read({ gateway, database: secretDatabase() });
    const entry: Omit<ModelZooEntryArgs, "environment"> = { truss, phase: "reverted", from };
    const { declared } = await declaredBy(() => new ModelZooEntry("iris", { environment, ...entry }));
    const migration = declared.find(({ request }) => request.getType().endsWith(":ZooMigration"));
    expect(migration?.inputs).toMatchObject({ direction: "reverted", from, to });
  });

  it("writes a model's own paths to the row of its version, by which apps know them", async () => {
    const environment = await Environment.read({ gateway, database: secretDatabase() });
    const { declared } = await declaredBy(() => {
      new ModelZooEntry("painter", { environment, truss, phase: "done", paths: ["/generate", "/api/"] });
      new ModelZooEntry("plain", { environment, truss, phase: "done" });
    });
    const rows = declared.filter(({ request }) => request.getType().endsWith(":ModelVersion"));
    const paths = rows.map(({ inputs }) => [inputs.model, (inputs.serving as { paths?: string[] }).paths]);
    expect(Object.fromEntries(paths)).toEqual({ painter: ["/generate", "/api/"], plain: undefined });
  });

  it("whose url another resource makes says that it was not checked", async () => {
    const environment = await Environment.read({ gateway, database: pulumi.output(unknown as string) });
    expect(environment.hasDatabase).toBe(false);
  });

  it("gives the API service the Prometheus that it names, whose token is in its Secret alone, and there a secret", async () => {
    const prometheus = { url: "http://prometheus.monitoring.svc:9090", bearerToken: pulumi.secret("tulip-and-iris") };
    const environment = await Environment.read({
      gateway,
      database: secretDatabase(),
      prometheus,
      services: { image: `registry/services@sha256:${"1".repeat(64)}` },
    });
    expect(environment.spec.prometheus).toEqual({ url: prometheus.url, hasToken: true });
    for (const shown of [inspect(environment, { depth: 9 }), JSON.stringify(environment)]) {
      expect(shown).not.toContain("tulip-and-iris");
    }
    const { declared } = await declaredBy(async () => {
      new PlatformDatabase("platform", { environment });
      new PlatformServices("platform", { environment });
    });
    const told = declared.map(({ request, inputs }) => [request.getName(), JSON.stringify(inputs)] as const);
    expect(told.filter(([, text]) => text.includes("tulip-and-iris")).map(([name]) => name)).toEqual(["api-database"]);
    const [, secret = ""] = told.find(([name]) => name === "api-database") ?? [];
    // The whole of the Secret's data is one, as the engine has it.
    expect(
      secret.replaceAll(/\{"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","value":.*?\}/g, ""),
    ).not.toContain("tulip-and-iris");
    const [, deployment = ""] = told.find(([, text]) => text.includes("MENAGERIE_PROMETHEUS_TOKEN")) ?? [];
    expect(deployment).toContain(prometheus.url);
  });

  it("takes a Prometheus without a token, and one whose token another resource makes", async () => {
    const url = "http://prometheus:9090";
    const spec = async (bearerToken?: pulumi.Input<string>) =>
      (await Environment.read({ gateway, database: secretDatabase(), prometheus: { url, bearerToken } })).spec;
    expect((await spec()).prometheus).toEqual({ url, hasToken: false });
    expect((await spec(pulumi.output(unknown as string))).prometheus).toEqual({ url, hasToken: true });
  });

  it("shows nothing of its database when it is printed, or given to a resource by mistake", async () => {
    const environment = await Environment.read({ gateway, database: secretDatabase() });
    const { password = "" } = environment.platform.server;
    expect(password).not.toBe("");
    for (const shown of [inspect(environment, { depth: 9 }), JSON.stringify(environment)]) {
      expect(shown).not.toContain(password);
    }
  });

  it("whose database does not answer counts as new until there was an up", async () => {
    const environment = await Environment.read({ gateway, database: "postgresql://nobody@127.0.0.1:1/postgres" });
    expect(environment.platform.basis).toBe("new database");
  });

  it.each([
    [{ database: "mysql://host" }, /^database is not a PostgreSQL url/],
    [{ namespace: "Models" }, /^menagerie:namespace: /],
    [{ prometheus: { url: "http://prometheus:9090/" } }, /^menagerie:prometheus\.url: /],
    [
      { prometheus: { url: "http://prometheus:9090", bearerToken: "a b" } },
      /^menagerie:prometheus\.bearerToken: is not a valid token/,
    ],
    [
      { prometheus: { url: "http://prometheus:9090", bearerToken: "" } },
      /^menagerie:prometheus\.bearerToken: is not a valid token/,
    ],
    [{ namspace: "models" }, /^menagerie:namspace: /],
  ])("is refused for %j in a sentence", async (wrong, sentence) => {
    const read = Environment.read({ gateway, ...wrong } as never);
    await expect(read).rejects.toThrow(sentence);
    await expect(read).rejects.toThrow(pulumi.RunError);
  });
});
