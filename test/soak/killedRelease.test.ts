import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { environmentsWithOpenIntent } from "../../src/adapters/postgres/deployments.ts";
import { serverFromUrl, withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import type { DeploymentRange } from "../../src/domain/release/record.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { readTarget } from "../../src/local/target.ts";
import type { CommandResult } from "../local/support/menagerie.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";

/** The record of an `up` whose engine is killed as soon as it has written what it is about to do. */

let shared: SharedEnvironment;
const write = (answer: number) =>
  writeFile(
    join(shared.home.project, "models/killed/model/model.py"),
    `class Model:\n    def predict(self, request):\n        return {"answer": ${answer}}\n`,
  );
const answer = async () => (await shared.json<{ answer: number }>("predict", "killed", "--data", "{}")).answer;
const latest = async () => (await shared.json<DeploymentRange[]>("releases", "--json"))[0];
const version = (range: DeploymentRange | undefined) => range?.models.find(({ name }) => name === "killed")?.version;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  const folder = join(shared.home.project, "models/killed");
  await mkdir(join(folder, "model"), { recursive: true });
  await writeFile(join(folder, "config.yaml"), "model_name: killed\n");
  await writeFile(join(folder, "model/__init__.py"), "");
  await write(1);
  const entry = "    killed: { truss: models/killed, phase: done, resources: { cpu: 250m, memory: 256Mi } }\n";
  await shared.editStack((text) => text.replace("menagerie:zoo:\n", `menagerie:zoo:\n${entry}`));
  await shared.up();
});

afterAll(() => shared.close());

async function open(): Promise<string[]> {
  const target = await readTarget(environmentLayout("local", shared.home.path));
  const server = serverFromUrl(target?.databaseServer?.url ?? "", "the target's url");
  return withClient(server, platformDatabase, environmentsWithOpenIntent);
}

describe("an up whose engine is killed once its intent is written", () => {
  it("is settled by the API within a minute from what is served, and the next up converges", async () => {
    await write(2);
    let ended: CommandResult | undefined;
    const running = shared.home.menagerie(["up"]).then((result) => {
      ended = result;
      return result;
    });
    while ((await open()).length === 0) {
      if (ended) throw new Error(`it came to its end: ${ended.stdout}${ended.stderr}`);
      await delay(100);
    }
    const engine = shared.home.engine();
    if (engine === undefined) throw new Error("no engine runs");
    process.kill(engine, "SIGKILL");
    const killed = Date.now();
    expect((await running).code).not.toBe(0);
    while ((await open()).length > 0) await delay(100);
    console.log(`settled ${((Date.now() - killed) / 1000).toFixed(1)} s after the kill`);
    const settled = await latest();
    expect(settled?.settledBy).toBe(version(settled) === 1 ? "up" : "api");
    expect(version(settled)).toBe(await answer());
    await shared.up();
    expect(await answer()).toBe(2);
    expect(await latest()).toMatchObject({ outcome: "deployed", settledBy: "up" });
  });
});

describe("a model that somebody leads elsewhere by hand", () => {
  it("shows by a refresh as another than the recorded one", async () => {
    const recorded = await latest();
    const route = "/apis/networking.istio.io/v1/namespaces/models/virtualservices/killed";
    interface Route {
      readonly spec: { readonly http: { readonly route: { readonly destination: { host: string } }[] }[] };
    }
    const { spec } = await requestJson<Route>(shared.kubeConfig(), "GET", route);
    const edited = structuredClone(spec);
    for (const rule of edited.http)
      for (const { destination } of rule.route) destination.host = destination.host.replace(/^killed-v\d+/, "iris-v1");
    const edit = (to: Route["spec"]) =>
      requestJson(shared.kubeConfig(), "PATCH", route, {
        query: { fieldManager: "kubectl-edit" },
        contentType: "application/merge-patch+json",
        body: { spec: to },
      });
    await edit(edited);
    // It ends with the conflict with kubectl-edit, whose value an `up` would not overwrite unasked.
    const { stdout } = await shared.home.menagerie(["pulumi", "--", "preview", "--refresh", "--diff"]);
    await edit(spec);
    const [was, is] = /"killed: (\S+) [0-9a-f]{12}" => "killed: (\S+) [0-9a-f]{12}"/.exec(stdout)?.slice(1) ?? [];
    expect([was, is]).toEqual([`killed-v${version(recorded)}`, "iris-v1"]);
  });
});
