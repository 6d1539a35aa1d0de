import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { V1ObjectMeta, V1Pod } from "@kubernetes/client-node";
import type { ClientBase } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { serverFromUrl, withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { readTarget } from "../../src/local/target.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { soon as holdsSoon } from "../support/soon.ts";

/**
 * The environment's own guard takes a rollout back while something else changes it, beside a version that sleeps, and on a pool that is full.
 * The test writes the verdict that the new version is bad; all that follows is the guard's own work. The old version multiplies by 2, the new
 * one by 3.
 */

const body = '{"values": ["2"]}';
const apps = 6;
const space = "models";

/** A model whose new version is rolled out and answers every request. */
class RolledOut {
  readonly model: string;
  readonly #own: readonly string[];
  #from: string | undefined;
  #url = "";

  /** @param own - lines of its entry that stay */
  constructor(model: string, own: readonly string[]) {
    this.model = model;
    this.#own = own;
  }

  async begin(owners: number): Promise<void> {
    const { model } = this;
    const { project } = shared.home;
    await cp(join(project, "models/multiplier"), join(project, "models", model), { recursive: true });
    await this.declare("phase: done");
    await shared.up();
    for (let owner = 0; owner < owners; owner += 1)
      await shared.succeed("app", "create", model, "--owner", `owner${owner}@example.com`);
    this.#from = (await this.standing()).versions[0]?.id;
    const { models } = await shared.json<{ models: { url: string }[] }>("status", "--json");
    this.#url = models.find(({ url }) => url.includes(`/${model}/`))?.url ?? "";
    await shared.edit(`models/${model}/model/model.py`, (text) =>
      text.replaceAll("Decimal(2)", "Decimal(3)").replaceAll('"FACTOR", "2"', '"FACTOR", "3"'),
    );
    await this.declare("phase: copy");
    await shared.up();
    await this.declare("phase: version", "traffic: 100");
    await shared.up();
  }

  /** Its entry, with these lines besides. */
  async declare(...lines: readonly string[]): Promise<void> {
    const { model } = this;
    const rollout =
      this.#from === undefined
        ? []
        : [
            `from: "${this.#from}"`,
            'smoke: [{ input: { values: ["2"] }, output: { results: [6] } }]',
            "judge: { control: 0, maxErrors: 0.5, minRequests: 1 }",
          ];
    const own = [`truss: models/${model}`, "resources: { cpu: 200m, memory: 256Mi }", ...this.#own];
    const entry = [`    ${model}:`, ...[...own, ...rollout, ...lines].map((line) => `      ${line}`), ""].join("\n");
    const text = await readFile(shared.stackFile, "utf8");
    const without = text.replace(new RegExp(`    ${model}:\\n(?:      .*\\n)*`), "");
    await writeFile(
      shared.stackFile,
      without.replace("  menagerie:zoo:\n", (key) => key + entry),
    );
  }

  async standing(): Promise<Standing> {
    const [found] = await shared.json<Standing[]>("rollout", this.model, "--json");
    if (!found) throw new Error(`${this.model} stands nowhere`);
    return found;
  }

  /** Apps on the new version. */
  async moved(): Promise<number> {
    const { versions } = await this.standing();
    return versions.filter(({ id }) => id !== this.#from).reduce((sum, version) => sum + version.apps, 0);
  }

  /** A verdict of bad in the judgement that is open, as the judge writes it. */
  async sayBad(): Promise<void> {
    const verdict = {
      decision: "bad",
      because: ["errors 12 of 180 against 3 of 1,620, at least 2.1 points more"],
      notes: [],
      metrics: [],
    };
    await soon(async () => {
      const { rowCount } = await inDatabase((client) =>
        client.query(
          `INSERT INTO menagerie.verdict (judgement_id, model_id, decision, verdict)
           SELECT j.id, j.model_id, 'bad', $2 FROM menagerie.judgement j JOIN menagerie.model m ON m.id = j.model_id
            WHERE m.name = $1 AND j.ended_at IS NULL`,
          [this.model, JSON.stringify(verdict)],
        ),
      );
      expect(rowCount).toBe(1);
    });
  }

  /** What it answers, one request after another. */
  async asked(times: number): Promise<readonly number[]> {
    const answers: number[] = [];
    for (let asked = 0; asked < times; asked += 1) {
      const response = await fetch(this.#url, { method: "POST", body, signal: AbortSignal.timeout(120_000) });
      const text = await response.text();
      expect(response.ok, text).toBe(true);
      answers.push((JSON.parse(text) as { results: number[] }).results[0] ?? 0);
    }
    return answers;
  }

  /** Until nobody is on the new version any more, and nothing is left to do. */
  async backAgain(): Promise<void> {
    await soon(async () => {
      const { takenBack, traffic, versions } = await this.standing();
      expect(takenBack?.doneAt).toEqual(expect.any(String));
      expect(traffic?.weight).toBe(0);
      expect(await this.moved()).toBe(0);
      expect(versions.find(({ isCurrent }) => isCurrent)?.id).toBe(this.#from);
    });
    await soon(async () => expect(new Set(await this.asked(10))).toEqual(new Set([4])));
  }

  /** As an operator goes on after a false alarm. */
  async resume(): Promise<void> {
    await shared.succeed("rollout", "resume", this.model, "--because", "the test said so");
    await shared.up();
    await soon(async () => expect(new Set(await this.asked(10))).toEqual(new Set([6])));
  }

  /** InferenceService of the old version. */
  async oldService(): Promise<string> {
    const path = `/apis/serving.kserve.io/v1beta1/namespaces/${space}/inferenceservices`;
    const { items } = await requestJson<{ items: { metadata: V1ObjectMeta }[] }>(shared.kubeConfig(), "GET", path, {
      query: { labelSelector: `app.kubernetes.io/name=${this.model}-v1` },
    });
    return items[0]?.metadata.name ?? "";
  }
}

interface Standing {
  readonly versions: readonly { readonly id: string; readonly isCurrent: boolean; readonly apps: number }[];
  readonly traffic: { readonly weight: number } | null;
  readonly takenBack: { readonly doneAt: string | null; readonly obstacle: string | null } | null;
}

let shared: SharedEnvironment;
const taken = new RolledOut("taken", ["pool: t4", "rowsPerSecond: 1"]);
const dozing = new RolledOut("dozing", ["replicas: { min: 0, idleMinutes: 1 }"]);

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  // One GPU for each version, and for the multiplier.
  await shared.editStack((text) => text.replace("replicas: 1\n", "replicas: 3\n"));
  await taken.begin(apps);
});

afterAll(() => shared?.close());

async function inDatabase<T>(work: (client: ClientBase) => Promise<T>): Promise<T> {
  const { url = "" } = (await readTarget(environmentLayout("local", shared.home.path)))?.databaseServer ?? {};
  return withClient(serverFromUrl(url, "the environment's"), platformDatabase, work);
}

async function podsOf(service: string): Promise<readonly V1Pod[]> {
  const { items } = await requestJson<{ items: V1Pod[] }>(
    shared.kubeConfig(),
    "GET",
    `/api/v1/namespaces/${space}/pods`,
    { query: { labelSelector: `serving.kserve.io/inferenceservice=${service}` } },
  );
  return items;
}

// Several runs of the engine may come first.
const soon = (check: () => Promise<void>) => holdsSoon(check, { within: 900_000 });

test("in the middle of an `advance` that moves apps: it ends with the sentence, and so does the next one", async () => {
  await taken.asked(40);
  const advancing = shared.home.menagerie(["rollout", "advance", "taken", "--to", "bake", "--wait", "--within", "15m"]);
  const early = advancing.then(({ code, stderr }) => `it ended with ${code} before an app moved: ${stderr}`);
  const moving = soon(async () => {
    await taken.asked(5);
    expect(await taken.moved()).toBeGreaterThan(0);
  });
  expect(await Promise.race([early, moving])).toBeUndefined();
  await taken.sayBad();
  const { code, stderr } = await advancing;
  expect([1, 3], stderr).toContain(code);
  expect(stderr).toContain("taken back at");
  await taken.backAgain();
  const again = await shared.home.menagerie(["rollout", "advance", "taken", "--to", "bake"]);
  expect(again.code, again.stderr).toBe(3);
  expect(again.stderr).toContain("taken back at");
  expect((await shared.preview()).replaceAll(/\s+/g, " ")).toContain("set phase: reverted, or a new content");
});

test("in the middle of an `up` that moves apps: it ends with the sentence, and no app stays between", async () => {
  await shared.succeed("rollout", "resume", "taken", "--because", "the test said so");
  await taken.declare("phase: forward");
  const up = shared.home.menagerie(["up"]);
  await soon(async () => expect(await taken.moved()).toBeGreaterThan(0));
  await taken.sayBad();
  const { code, stdout, stderr } = await up;
  expect(code, stdout + stderr).not.toBe(0);
  expect((stdout + stderr).replaceAll(/\s+/g, " ")).toMatch(/taken back at [^)]*12 of 180/);
  await taken.backAgain();
  await shared.up();
  await taken.backAgain();
});

test("while a `restore` of its release is written: what it says is not deployed, and later it is refused", async () => {
  await taken.resume();
  expect(await taken.moved()).toBe(apps);
  const [release] = await shared.json<{ tag: string }[]>("releases", "--json");
  const restoring = shared.home.menagerie(["restore", release?.tag ?? ""]);
  await taken.sayBad();
  await restoring;
  await taken.backAgain();
  // While a rollout is under way no `up` deploys past it what a restore wrote, so none meets a take-back in its middle.
  const up = await shared.home.menagerie(["up"]);
  expect(up.code, up.stdout + up.stderr).not.toBe(0);
  expect(up.stderr).toMatch(/a rollout from version \d+ is in phase forward|taken back at/);
  await taken.backAgain();
  const refused = await shared.home.menagerie(["restore", release?.tag ?? ""]);
  expect(refused.code, refused.stdout + refused.stderr).not.toBe(0);
  expect(refused.stderr).toContain("taken back at");
});

test("on a pool that is full, where another pod has the old version's GPU: it waits for it, and no request fails", async () => {
  await taken.declare("phase: forward");
  await taken.resume();
  const config = shared.kubeConfig();
  const [pod] = await podsOf(await taken.oldService());
  const { nodeSelector, tolerations, containers = [] } = pod?.spec ?? {};
  const [container] = containers;
  const pods = `/api/v1/namespaces/${space}/pods`;
  const squatter = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "squatter" },
    spec: {
      nodeSelector,
      tolerations,
      containers: [
        { name: "squatter", image: container?.image, command: ["sleep", "infinity"], resources: container?.resources },
      ],
    },
  };
  await requestJson(config, "POST", pods, { body: squatter });
  await requestJson(config, "DELETE", `${pods}/${pod?.metadata?.name}`);
  await soon(async () => {
    const found = await requestJson<V1Pod>(config, "GET", `${pods}/squatter`);
    expect(found.spec?.nodeName).toEqual(expect.any(String));
  });
  await taken.sayBad();
  await soon(async () => expect((await taken.standing()).takenBack?.obstacle).toContain("no pod of the old version"));
  expect(new Set(await taken.asked(20))).toEqual(new Set([6]));
  expect((await shared.succeed("rollout", "taken")).stdout).toContain("still under way: no pod of the old version");
  await requestJson(config, "DELETE", `${pods}/squatter`);
  await taken.backAgain();
});

test("beside an old version that sleeps: the first request wakes it, and none fails", async () => {
  await taken.declare("phase: reverted");
  await shared.up();
  await dozing.begin(0);
  const old = await dozing.oldService();
  // The new one is used all the while, as by users.
  await soon(async () => {
    await dozing.asked(1);
    expect(await podsOf(old)).toEqual([]);
  });
  await dozing.sayBad();
  await dozing.backAgain();
});
