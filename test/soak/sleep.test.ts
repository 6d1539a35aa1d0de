import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { applyObjects } from "../../src/adapters/kubernetes/apply.ts";
import { postToModel } from "../../src/adapters/kubernetes/workloads.ts";
import { readTraffic } from "../../src/adapters/postgres/traffic/readTraffic.ts";
import { versionHeader } from "../../src/domain/serving/activator.ts";
import { versionDestination } from "../../src/domain/serving/modelRoute.ts";
import { virtualServiceManifest } from "../../src/domain/serving/virtualService.ts";
import { summarize } from "../../src/domain/traffic/traffic.ts";
import { SleepEnvironment, space } from "./sleepEnvironment.ts";

/** Real models that sleep and wake in a whole environment, as docs/sleep.md says. */

let own: SleepEnvironment;

const model = (name: string, factor: number, more: string): string => `
    ${name}:
      truss: models/multiplier
      phase: done
      resources: { cpu: 100m, memory: 512Mi }
      env: { FACTOR: "${factor}" }${more}`;
const sleepy = "\n      replicas: { min: 0, idleMinutes: 1 }";

/** `dozer` may sleep, `awake` does not. */
const stack = (changes: Readonly<Record<string, string>> = {}): string => `config:
  menagerie:nodeClass: local
  menagerie:serving: { readyTimeoutSeconds: 180, requireApiKey: false }
  menagerie:dynamicSettings: { createNamespace: true }
  menagerie:zoo:${model("awake", 2, "")}${model("dozer", 3, changes.dozer ?? sleepy)}
`;

beforeAll(async () => {
  own = await SleepEnvironment.open(stack());
});

afterAll(() => own?.close());

const serviceOf = (name: string) => own.serviceOf(name);
const asleep = async (name: string) => own.asleep(await serviceOf(name));
const podsOf = async (name: string) => own.podsOf(await serviceOf(name));

test("a model sleeps after its idle time, and the next prediction waits for it", async () => {
  expect(await own.predict("dozer")).toEqual({ status: 200, text: '{"results": [6.0]}' });
  await asleep("dozer");
  expect(await own.stateOf("dozer")).toBe("asleep");
  const { code, stdout } = await own.home.menagerie(["predict", "dozer", "--data", '{"values": ["2"]}']);
  expect({ code, stdout: stdout.trim() }).toEqual({ code: 0, stdout: '{"results": [6.0]}' });
  expect(await own.stateOf("dozer")).toBe("ready");
});

test("a change of idleMinutes makes no new pod", async () => {
  expect((await own.predict("dozer")).status).toBe(200);
  const before = await podsOf("dozer");
  await own.deploy(stack({ dozer: sleepy.replace("1", "2") }));
  // Of a change in the pods' template a new pod is there at once.
  await delay(10_000);
  expect(await podsOf("dozer")).toEqual(before);
  await own.deploy(stack());
  expect(await podsOf("dozer")).toEqual(before);
});

test("`up` leaves it asleep, and neither `up` nor drift shows a difference", async () => {
  await asleep("dozer");
  const said = await own.deploy(stack());
  expect(said).toContain("dozer-v1 is asleep: the next request starts it");
  expect(said).not.toMatch(/(updated|created|deleted|replaced) *$/m);
  expect(await podsOf("dozer")).toEqual([]);
  const { code, stdout } = await own.home.menagerie(["drift"]);
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("are as declared") });
});

test("200 first requests at once start one pod, and all are answered", async () => {
  await asleep("dozer");
  const begun = performance.now();
  const pods = new Set<string>();
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      for (const uid of await podsOf("dozer")) pods.add(uid);
      await delay(200);
    }
  })();
  const answers = await Promise.all(Array.from({ length: 200 }, () => own.predict("dozer")));
  isOver = true;
  await watching;
  console.log(`200 first requests at once: ${Math.round(performance.now() - begun)} ms`);
  expect(answers.filter(({ status, text }) => status !== 200 || text !== '{"results": [6.0]}')).toEqual([]);
  expect(pods.size).toBe(1);
});

test("two versions at 90 to 10, one of them asleep: both answer, and each is counted as itself", async () => {
  await asleep("dozer");
  const sleeps = { servicesNamespace: "menagerie" };
  const route = virtualServiceManifest({
    name: "mixed",
    namespace: space,
    labels: {},
    gateway: { name: "istio-system/menagerie", hosts: ["*"] },
    rules: [
      {
        name: "v1",
        paths: [`/serving/${space}/mixed/v1/`],
        rewrite: { path: "/v1/" },
        destinations: [
          {
            ...versionDestination({ service: await serviceOf("awake"), recorded: false, sleeps: undefined }, space),
            weight: 90,
          },
          { ...versionDestination({ service: await serviceOf("dozer"), recorded: false, sleeps }, space), weight: 10 },
        ],
      },
    ],
  });
  await applyObjects(own.cluster, [route], "test");
  await vi.waitFor(async () => expect((await own.predict("mixed")).status).toBe(200), { timeout: 60_000 });
  await delay(3_000);
  const from = new Date(Date.now() - 2_000);
  const texts = await Promise.all(
    Array.from({ length: 400 }, () =>
      // A client's own header is not listened to.
      own.predict("mixed", { [versionHeader]: "nobody" }).then(({ status, text }) => `${status} ${text}`),
    ),
  );
  const counts = Object.groupBy(texts, (text) => text);
  expect(Object.keys(counts).sort()).toEqual(['200 {"results": [4.0]}', '200 {"results": [6.0]}']);
  const slept = counts['200 {"results": [6.0]}']?.length ?? 0;
  expect(slept).toBeGreaterThan(10);
  expect(slept).toBeLessThan(100);
  await delay(8_000);
  const to = new Date();
  const { rows } = await own.pool.query<{ id: string; name: string }>(
    "SELECT v.id, m.name FROM menagerie.model_version v JOIN menagerie.model m ON m.id = v.model_id WHERE m.name = ANY ($1)",
    [["awake", "dozer"]],
  );
  const counted: Record<string, number> = {};
  for (const { id, name } of rows) {
    counted[name] = summarize((await readTraffic(own.pool, { version: id, from, to })).route).requests;
  }
  expect(counted).toEqual({ awake: 400 - slept, dozer: slept });
});

test("while the database is away for a minute, a model that is awake goes on answering, and each request of an app is counted once", async () => {
  expect((await own.predict("dozer")).status).toBe(200);
  const made = await own.home.menagerie(["app", "create", "dozer", "--owner", "eve@example.com", "--json"]);
  const { id } = JSON.parse(made.stdout) as { id: string };
  const askApp = async () => (await own.post(`${own.api}/models/${id}/predict`)).status;
  expect(await askApp()).toBe(200);
  const isServer = ({ command }: { command: string }) => /postgres/.test(command) && !/main\.ts|keeper/.test(command);
  const servers = own.home.processes().filter(isServer);
  expect(servers.length).toBeGreaterThan(3);
  const answers: number[] = [];
  for (const { pid } of servers) process.kill(pid, "SIGSTOP");
  try {
    for (const begun = Date.now(); Date.now() - begun < 65_000; ) {
      answers.push((await own.predict("dozer")).status, await askApp());
      await delay(500);
    }
  } finally {
    for (const { pid } of servers) process.kill(pid, "SIGCONT");
  }
  expect(answers.length).toBeGreaterThan(20);
  expect(answers.filter((status) => status !== 200)).toEqual([]);
  const counted = async () => {
    const { stdout } = await own.home.menagerie(["usage", "--organization", "eve@example.com", "--json"]);
    return (JSON.parse(stdout) as { requests: number }[]).reduce((sum, { requests }) => sum + requests, 0);
  };
  await expect.poll(counted).toBe(1 + answers.length / 2);
});

test("what a smoke set sends wakes the version that it tries", async () => {
  await asleep("dozer");
  const address = { config: own.cluster, namespace: space, name: await serviceOf("dozer") };
  const asked = { path: "/v1/models/model:predict", mode: "Standard", revision: "", body: { values: ["2"] } } as const;
  const front = { servicesNamespace: "menagerie" };
  const answer = await postToModel(address, { ...asked, front }, AbortSignal.timeout(120_000));
  expect(answer).toEqual({ status: 200, text: '{"results": [6.0]}' });
});

test("an app wakes the version that it points at", async () => {
  await asleep("dozer");
  const { stdout } = await own.home.menagerie(["app", "create", "dozer", "--owner", "ada@example.com", "--json"]);
  const { id } = JSON.parse(stdout) as { id: string };
  const answer = await own.post(`${own.api}/models/${id}/predict`).catch((error: unknown) => String(error));
  expect(answer, await own.apiLog()).toEqual({ status: 200, text: '{"results": [6.0]}' });
});

test("the API service answers nobody by the header, except on the way that routes have", async () => {
  const header = { [versionHeader]: await serviceOf("awake") };
  expect((await own.post(`${own.api}/v1/models/model:predict`, header)).status).toBe(404);
  expect((await own.post(`${own.gateway}/v1/models/model:predict`, header)).status).toBe(404);
  expect((await own.predict("awake", { [versionHeader]: "nobody" })).status).toBe(200);
});

test("a model that is not to sleep any more is started by `up`", async () => {
  await asleep("dozer");
  await own.deploy(stack({ dozer: "" }));
  expect(await own.stateOf("dozer")).toBe("ready");
  expect(await own.predict("dozer")).toEqual({ status: 200, text: '{"results": [6.0]}' });
});
