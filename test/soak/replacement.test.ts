import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { serverFromUrl, withClient } from "../../src/adapters/postgres/server.ts";
import { stateResources } from "../../src/domain/engineState.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { readTarget } from "../../src/local/target.ts";
import { flower, predictDuring } from "../local/support/predictDuring.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";

/** What serves is replaced without an unanswered request, and what a person deletes comes back. */

let shared: SharedEnvironment;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  await shared.up();
});

afterAll(() => shared.close());

interface Served {
  readonly name: string;
  readonly namespace: string;
  readonly url: string;
}

async function iris(): Promise<Served> {
  const { models } = await shared.json<{ models: Served[] }>("status", "--json");
  const found = models.find(({ name }) => name === "iris");
  if (!found) throw new Error("iris is not served");
  return found;
}

async function urnOf(pattern: RegExp): Promise<string> {
  const { stdout } = await shared.succeed("pulumi", "--", "stack", "export");
  const { deployment } = JSON.parse(stdout) as { deployment: { resources: { urn: string }[] } };
  const found = deployment.resources.map(({ urn }) => urn).find((urn) => pattern.test(urn));
  if (!found) throw new Error(`no resource is called ${pattern}`);
  return found;
}

/** Names of iris's InferenceServices in the cluster. */
async function services(namespace: string): Promise<string[]> {
  const path = `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices?labelSelector=menagerie.dev/model=iris`;
  const { items } = await requestJson<{ items: { metadata: { name: string } }[] }>(shared.kubeConfig(), "GET", path);
  return items.map(({ metadata }) => metadata.name);
}

test("`--replace` of a CPU model's service answers every prediction, and the next up finds nothing to do", async () => {
  const { url, namespace } = await iris();
  const [before] = await services(namespace);
  const urn = await urnOf(/kubernetes:serving.*:InferenceService::iris-v\d+$/);
  const { sent, failed } = await predictDuring(url, () =>
    shared.succeed("pulumi", "--", "up", "--yes", "--skip-preview", "--replace", urn),
  );
  expect(failed).toEqual([]);
  expect(sent).toBeGreaterThan(20);
  const after = await services(namespace);
  expect(after).toHaveLength(1);
  expect(after).not.toEqual([before]);
  expect((await shared.up()).stdout).not.toMatch(/\d+ (created|updated|deleted|replaced)/);
});

/** Whether the engine has made what replaces a resource, and not deleted the one before yet. */
async function isBetweenTheSteps(urn: string): Promise<boolean> {
  const backend = join(
    environmentLayout("local", shared.home.path).pulumi.backend,
    ".pulumi/stacks/menagerie/local.json",
  );
  // The engine writes the file at each step, not in one rename.
  const text = await readFile(backend, "utf8").catch(() => "");
  if (!/"delete": ?true/.test(text)) return false;
  try {
    return stateResources(text, "hidden").some((each) => each.urn === urn && each.delete);
  } catch {
    return false;
  }
}

test("a version whose replacement is killed between its two steps serves on, and the next up finishes it", async () => {
  const { url } = await iris();
  const urn = await urnOf(/:ModelVersion::iris-v\d+$/);
  const target = await readTarget(environmentLayout("local", shared.home.path));
  const row = () =>
    withClient(
      serverFromUrl(target?.databaseServer?.url ?? "", "the environment"),
      platformDatabase,
      async (client) =>
        (
          await client.query<{ status: string; is_current: boolean }>(
            `SELECT v.status, v.is_current FROM menagerie.model_version v JOIN menagerie.model m ON m.id = v.model_id
              WHERE m.name = 'iris' ORDER BY v.number DESC LIMIT 1`,
          )
        ).rows[0],
    );
  const before = await row();
  const { sent, failed } = await predictDuring(url, async () => {
    const running = shared.home.menagerie(["pulumi", "--", "up", "--yes", "--skip-preview", "--replace", urn]);
    let ended = false;
    void running.then(() => {
      ended = true;
    });
    while (!ended && !(await isBetweenTheSteps(urn))) await new Promise((resolve) => setTimeout(resolve, 5));
    const engine = shared.home.engine();
    if (ended || engine === undefined) throw new Error(`it ended before it was killed: ${(await running).stdout}`);
    process.kill(engine, "SIGKILL");
    await running;
    expect(await isBetweenTheSteps(urn)).toBe(true);
    await shared.up();
  });
  expect(failed).toEqual([]);
  expect(sent).toBeGreaterThan(20);
  expect(await isBetweenTheSteps(urn)).toBe(false);
  expect(await row()).toEqual(before);
  expect((await shared.up()).stdout).toMatch(/\d+ unchanged/);
});

test("`--replace` of an object with a fixed name leaves one in the cluster", async () => {
  const { url } = await iris();
  await shared.succeed(
    "pulumi",
    "--",
    "up",
    "--yes",
    "--skip-preview",
    "--replace",
    await urnOf(/kubernetes:networking.*:VirtualService::iris$/),
  );
  await expect.poll(async () => (await fetch(url, { method: "POST", body: JSON.stringify(flower) })).status).toBe(200);
});

test("a namespace that a person deleted comes back by the next up, and its models answer", async () => {
  const { url, namespace } = await iris();
  await request(shared.kubeConfig(), "DELETE", `/api/v1/namespaces/${namespace}`);
  await expect
    .poll(() => request(shared.kubeConfig(), "GET", `/api/v1/namespaces/${namespace}`).then(String, () => "gone"), {
      timeout: 120_000,
    })
    .toBe("gone");
  await shared.up();
  expect((await fetch(url, { method: "POST", body: JSON.stringify(flower) })).status).toBe(200);
});

test("a patched ConfigMap and its namespace that a person deleted come back by the next up", async () => {
  const space = "/api/v1/namespaces/baseten";
  const settings = `${space}/configmaps/baseten-django-dynamic-settings`;
  const read = () =>
    requestJson<{ data: Record<string, string> }>(shared.kubeConfig(), "GET", settings).then(
      ({ data }) => Object.keys(data).sort(),
      () => undefined,
    );
  const before = await read();
  expect(before).toBeDefined();
  await request(shared.kubeConfig(), "DELETE", settings);
  expect((await shared.up()).stderr).toMatch(/missing from cluster or database and recreated: .*dynamic-settings/);
  expect(await read()).toEqual(before);
  await request(shared.kubeConfig(), "DELETE", space);
  await expect
    .poll(() => request(shared.kubeConfig(), "GET", space).then(String, () => "gone"), { timeout: 120_000 })
    .toBe("gone");
  await shared.up();
  expect(await read()).toEqual(before);
  expect((await shared.up()).stdout).toMatch(/\d+ unchanged/);
});

test("a role that a person dropped comes back by the next up, with its rights", async () => {
  const target = await readTarget(environmentLayout("local", shared.home.path));
  const server = serverFromUrl(target?.databaseServer?.url ?? "", "the environment");
  const mayRead = () =>
    withClient(server, platformDatabase, async (client) => {
      const { rows } = await client.query<{ may: boolean }>(
        "SELECT has_table_privilege('menagerie_reader', 'menagerie.model', 'SELECT') AS may",
      );
      return rows[0]?.may;
    });
  expect(await mayRead()).toBe(true);
  await withClient(server, platformDatabase, (client) =>
    client.query("DROP OWNED BY menagerie_reader; DROP ROLE menagerie_reader"),
  );
  expect((await shared.up()).stderr).toMatch(/missing from cluster or database and recreated: .*menagerie_reader/);
  expect(await mayRead()).toBe(true);
  expect((await shared.up()).stdout).toMatch(/\d+ unchanged/);
});

test("tables of the platform that a person dropped are not taken for a new database", async () => {
  const target = await readTarget(environmentLayout("local", shared.home.path));
  const server = serverFromUrl(target?.databaseServer?.url ?? "", "the environment");
  const sql = (text: string) => withClient(server, platformDatabase, (client) => client.query(text));
  await sql("ALTER SCHEMA menagerie RENAME TO menagerie_lost");
  const refused = await shared.home.menagerie(["up"]);
  await sql("ALTER SCHEMA menagerie_lost RENAME TO menagerie");
  expect(refused.code).not.toBe(0);
  expect(refused.stdout + refused.stderr).toMatch(/does not have the platform's tables, which the last `up` left at/);
  expect((await shared.up()).stdout).toMatch(/\d+ unchanged/);
});
