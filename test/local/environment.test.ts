import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { promisify } from "node:util";
import type { V1Pod } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { describeGpus, type PoolUse } from "../../src/domain/capacity/poolUse.ts";
import { wholeMatrix } from "../support/wholeMatrix.ts";
import { stillRunning, TestHome } from "./support/menagerie.ts";

interface Status {
  readonly running: boolean;
  readonly kubeconfig: string;
  readonly parts: readonly { readonly name: string; readonly state: string; readonly restarts: number }[];
  readonly api: string | null;
  readonly models: readonly {
    readonly name: string;
    readonly ready: boolean;
    readonly digest: string;
    readonly versionId: string | null;
  }[];
  readonly pools: readonly PoolUse[];
}

const irisBody = '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}';
const multiplierBody = '{"values": ["3.3","62.3","324"]}';

let home: TestHome;

beforeAll(async () => {
  home = await TestHome.create();
});

afterAll(async () => {
  await home.dispose();
});

async function status(): Promise<Status> {
  return JSON.parse((await home.menagerie(["status", "--json"])).stdout) as Status;
}

async function partsCalled(names: readonly string[]): Promise<Status["parts"][number][]> {
  const { parts } = await status();
  return names.map((name) => {
    const found = parts.find((candidate) => candidate.name === name);
    if (!found) throw new Error(`no part is called ${name}`);
    return found;
  });
}

async function predict(model: string, body: string): Promise<unknown> {
  const { code, stdout, stderr } = await home.menagerie(["predict", model, "--data", body]);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** Tries `attempt` until it succeeds: what was killed may be on its way back. */
async function eventually<T>(attempt: () => Promise<T>, withinMs = 120_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

async function modelPods(): Promise<V1Pod[]> {
  const config = kubeConfigOf((await status()).kubeconfig);
  return (await requestJson<{ items: V1Pod[] }>(config, "GET", "/api/v1/namespaces/models/pods")).items;
}

function restarts(pods: readonly V1Pod[]): Record<string, number> {
  return Object.fromEntries(
    pods.map((pod) => [pod.metadata?.name ?? "", pod.status?.containerStatuses?.[0]?.restartCount ?? -1]),
  );
}

test("a port that is taken is told in one sentence", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const address = other.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const { code, stderr } = await home.menagerie(["up", "-e", "taken", "--gateway-port", String(port)]);
  expect(code).toBe(1);
  expect(stderr.trim().split("\n").at(-1)).toMatch(new RegExp(`port ${port} on 127.0.0.1 is taken`));
  // Where it is not asked for, the environment takes another one.
  const interruptAt = new RegExp(`another program has port ${port}, so the gateway is at 127.0.0.1:\\d+ from now on`);
  const later = await home.menagerie(["up", "-e", "taken"], { interruptAt });
  other.close();
  expect(later.stderr).toMatch(interruptAt);
  expect(later.code, later.stderr).toBe(130);
  await home.menagerie(["down", "-e", "taken", "--delete"]);
});

test.each([/ image iris/, / environment/])("after Ctrl-C at its line %s the next `up` goes on", async (interruptAt) => {
  const { code, stderr } = await home.menagerie(["up"], { interruptAt });
  expect(code, stderr).toBe(130);
  expect(stderr).toMatch(/run the same command again and it goes on from here/);
});

describe("an environment after the interruptions", () => {
  test("`up` ends with a curl that works", async () => {
    const { code, stdout, stderr } = await home.menagerie(["up"]);
    expect(code, stderr).toBe(0);
    const curl = stdout.split("\n").find((line) => line.trim().startsWith("curl "));
    const answer = await promisify(execFile)("sh", ["-c", curl ?? "false"]);
    expect(answer.stdout).toMatch(/Ada.*Grace/);
  });

  test("the zoo's models answer with numbers that the models computed", async () => {
    expect(await predict("multiplier", multiplierBody)).toEqual({ results: [6.6, 124.6, 648] });
    expect(await predict("iris", '{"inputs": [[5.1, 3.5, 1.4, 0.2], [6.9, 3.1, 5.4, 2.1]]}')).toMatchObject({
      predictions: [0, 2],
    });
  });

  test("KServe's own controller reports the models ready", async () => {
    const config = kubeConfigOf((await status()).kubeconfig);
    const { items } = await requestJson<{
      items: { status?: { conditions?: { type: string; status: string }[] } }[];
    }>(config, "GET", "/apis/serving.kserve.io/v1beta1/inferenceservices");
    expect(items).toHaveLength(4);
    for (const { status } of items) {
      expect(status?.conditions).toContainEqual(expect.objectContaining({ type: "Ready", status: "True" }));
    }
  });

  test("the real scheduler put each model on a node of its pool", async () => {
    const placed = Object.fromEntries(
      (await modelPods()).map((pod) => [pod.metadata?.labels?.["menagerie.dev/model"], pod.spec?.nodeName]),
    );
    expect(placed).toEqual({ greeter: "cpu-0", iris: "cpu-0", multiplier: "t4-0", speaker: "cpu-0" });
  });

  test("`status` tells who has the GPUs of a pool", async () => {
    const [pool] = (await status()).pools;
    expect(pool).toMatchObject({ pool: "t4", most: 1, nodes: 1, gpus: 1, used: 1, waiting: 0 });
    expect(pool?.users).toMatchObject([{ model: "multiplier", kind: "zoo", pods: 1, used: 1, because: null }]);
    const { stdout } = await home.menagerie(["status"]);
    expect(stdout).toMatch(/^Pools:\n {2}t4: 1 of 1 GPUs used\n {4}multiplier-v1\S*: 1 used$/m);
  });

  test("the console shows what the commands print", async () => {
    const made = await home.menagerie(["key", "create", "--role", "inspector", "--json"]);
    expect(made.code, made.stderr).toBe(0);
    const { key } = JSON.parse(made.stdout) as { key: string };
    const pages = new Map<string, string>();
    await home.menagerie(["console", "--no-open"], {
      interruptAt: /http:\/\/127\.0\.0\.1:\d+\//,
      meanwhile: async (said) => {
        const [origin = ""] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? [];
        const form = { method: "POST", redirect: "manual", headers: { origin } } as const;
        const login = await fetch(`${origin}/login`, { ...form, body: new URLSearchParams({ key, next: "/" }) });
        const [cookie = ""] = login.headers.get("set-cookie")?.split(";") ?? [];
        for (const path of ["/environment", "/pools", "/development", "/shadow", "/releases"]) {
          const answer = await fetch(origin + path, { headers: { cookie } });
          expect([path, answer.status]).toEqual([path, 200]);
          pages.set(path, await answer.text());
        }
      },
    });
    const { pools, models } = await status();
    for (const pool of pools) expect(pages.get("/pools")).toContain(describeGpus(pool));
    expect(pages.get("/pools")).toContain('<a href="/rollout/multiplier">multiplier</a>');
    for (const { name } of models) expect(pages.get("/environment")).toContain(name);
    const shown = await home.menagerie(["dev", "show", "--json"]);
    for (const { model, headHash } of JSON.parse(shown.stdout) as { model: string; headHash: string }[]) {
      expect(pages.get("/development")).toContain(model);
      expect(pages.get("/development")).toContain(headHash);
    }
    expect(pages.get("/shadow")).toContain("There is no shadow deployment");
  });

  test("`up` again changes nothing", async () => {
    const before = await modelPods();
    const { code, stdout } = await home.menagerie(["up"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\d+ unchanged/);
    expect(stdout).not.toMatch(/\d+ (created|updated|deleted|replaced)/);
    const versions = (pods: V1Pod[]) => pods.map((pod) => pod.metadata?.uid).sort();
    expect(versions(await modelPods())).toEqual(versions(before));
  });

  test.runIf(wholeMatrix)(
    "`up` that changes nothing fails with what is down and why; `drift` tells who did it, and takes it back",
    async () => {
      const cluster = kubeConfigOf((await status()).kubeconfig);
      const services = "/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices";
      const { items } = await requestJson<{ items: { metadata: { name: string } }[] }>(cluster, "GET", services);
      const name = items.find(({ metadata }) => metadata.name.startsWith("iris"))?.metadata.name;
      const image = `menagerie.local/truss/iris@sha256:${"0".repeat(64)}`;
      const patchedByHand = (path: string, op: string, field: string, value: string) =>
        request(cluster, "PATCH", path, {
          body: [{ op, path: field, value }],
          contentType: "application/json-patch+json",
          query: { fieldManager: "kubectl-patch" },
        });
      await patchedByHand(`${services}/${name}`, "replace", "/spec/predictor/containers/0/image", image);
      const route = "/apis/networking.istio.io/v1/namespaces/models/virtualservices/iris";
      await patchedByHand(route, "add", "/spec/http/0/timeout", "5s");
      const { code, stdout, stderr } = await home.menagerie(["up"]);
      expect(code, stdout + stderr).toBe(1);
      expect(stdout).toMatch(/\d+ unchanged/);
      expect(stderr).toMatch(
        /environment "local" is deployed, but not everything in it answers:\n {2}iris-v1 is down: container kserve-container cannot start \(ImagePullBackOff\): image "menagerie\.local\/truss\/iris@sha256:000/,
      );
      const drifted = await home.menagerie(["drift"]);
      expect(drifted.code).toBe(3);
      expect(drifted.stdout).toMatch(/^ {2}spec\.http\[0\]\.timeout: added 5s \(kubectl-patch, /m);
      expect(drifted.stdout).toMatch(
        /^ {2}spec\.predictor\.containers\[0\]\.image: \S+ → \S+:0{64} \(kubectl-patch, /m,
      );
      const restored = await home.menagerie(["drift", "--restore"]);
      expect(restored.code, restored.stderr).toBe(0);
      expect((await home.menagerie(["drift"])).code).toBe(0);
      await eventually(async () =>
        expect((await status()).models.map(({ ready }) => ready)).toEqual([true, true, true]),
      );
    },
  );

  test("an unknown model is told in one sentence", async () => {
    const { code, stderr } = await home.menagerie(["predict", "irs", "--data", "{}"]);
    expect(code).toBe(2);
    expect(stderr.trim()).toBe('menagerie: there is no model "irs"; the stack has greeter, iris, multiplier, speaker');
  });
});

describe("apps", () => {
  test("an app predicts through its pointer, with a key that fits or none, and not with a wrong one", async () => {
    const created = await home.menagerie(["app", "create", "multiplier", "--owner", "ada@example.com", "--json"]);
    expect(created.code, created.stderr).toBe(0);
    const app = JSON.parse(created.stdout) as { id: string; versionId: string; proxyModelVersionId: string };
    const { api, models } = await status();
    expect(app.proxyModelVersionId).toBe(models.find(({ name }) => name === "multiplier")?.versionId);
    const answer = await home.menagerie(["app", "predict", app.id, "--data", multiplierBody]);
    expect(JSON.parse(answer.stdout)).toEqual({ results: [6.6, 124.6, 648] });
    const wrong = await fetch(`${api}/models/${app.id}/predict`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": "wrong" },
      body: multiplierBody,
    });
    expect(wrong.status).toBe(401);
  });
});

describe("processes that are killed", () => {
  const patterns = {
    etcd: /^\S+\/etcd /,
    "kube-apiserver": /^\S+\/kube-apiserver /,
    "kube-scheduler": /^\S+\/kube-scheduler /,
    "kube-controller-manager": /^\S+\/kube-controller-manager /,
    kserve: /^\S+\/kserve-manager /,
    istiod: /^\S+\/pilot-discovery discovery /,
    gateway: /^\S+\/envoy --config-path /,
    "service-proxy": /^\S+\/node \S+network\/main.ts /,
    postgres: /^\S+\/postgres -D/,
  } as const;

  // Some at a time, for a run's length; `npm run soak` kills each alone, again and again.
  const together: (keyof typeof patterns)[][] = [
    ["kube-apiserver", "gateway", "kube-scheduler", "postgres"],
    ["kube-controller-manager", "service-proxy", "etcd", "kserve", "istiod"],
  ];
  test.each(together.map((names) => ({ names, title: names.join(", ") })))(
    "$title come back, and models answer",
    async ({ names }) => {
      const before = await partsCalled(names);
      for (const name of names) home.kill(patterns[name]);
      await eventually(async () => {
        for (const [index, after] of (await partsCalled(names)).entries()) {
          expect(after.state).toBe("ready");
          expect(after.restarts).toBeGreaterThan(before[index]?.restarts ?? 0);
        }
      });
      await Promise.all([eventually(() => predict("multiplier", multiplierBody)), eventually(modelPods)]);
    },
  );

  test("running pods are adopted by the node process that follows a killed one", async () => {
    const before = restarts(await modelPods());
    home.kill(/^\S+\/node \S+node\/main.ts /);
    await eventually(async () => {
      const [nodes] = await partsCalled(["nodes"]);
      expect(nodes?.state).toBe("ready");
      expect(nodes?.restarts).toBeGreaterThan(0);
    });
    expect(await predict("iris", irisBody)).toMatchObject({ predictions: [0] });
    expect(restarts(await modelPods())).toEqual(before);
  });

  test("a killed model server is started again", async () => {
    // A development version's server is started again by its control server, in the same container.
    const zooPods = async () => (await modelPods()).filter((pod) => !pod.metadata?.name?.startsWith("greeter"));
    const before = restarts(await zooPods());
    home.kill(/^\S*python\S* \S*main.py/);
    await eventually(async () => {
      const after = restarts(await zooPods());
      for (const [pod, count] of Object.entries(before)) expect(after[pod]).toBeGreaterThan(count);
    });
    expect(await eventually(() => predict("iris", irisBody))).toMatchObject({ predictions: [0] });
  });

  test("a killed supervisor brings the whole environment back", async () => {
    home.kill(/^\S+\/node \S+supervisor\/main.ts /);
    const { stdout } = await home.menagerie(["status"]);
    expect(stdout).toMatch(/ is (starting: some of its parts are not there yet|up)\./);
    expect(await eventually(() => predict("iris", irisBody), 120_000)).toMatchObject({ predictions: [0] });
  });

  test.runIf(wholeMatrix)(
    "a killed keeper leaves no process, and `up` brings everything back with its state",
    async () => {
      const digests = (await status()).models.map((model) => model.digest);
      const processes = home.processes();
      home.kill(/^\S+\/node \S+keeper\/main.ts /);
      await eventually(async () => expect(stillRunning(processes)).toEqual([]));
      expect((await home.menagerie(["up"])).code).toBe(0);
      expect((await status()).models.map((model) => model.digest)).toEqual(digests);
      expect(await predict("iris", irisBody)).toMatchObject({ predictions: [0] });
    },
  );
});

describe("bringing it down", () => {
  test("`down` leaves no process and keeps the state", async () => {
    const processes = home.processes();
    expect(processes.length).toBeGreaterThan(10);
    expect((await home.menagerie(["down"])).code).toBe(0);
    expect(stillRunning(processes)).toEqual([]);
    expect((await status()).running).toBe(false);
  });

  test("`predict` says that nothing answers", async () => {
    const { code, stderr } = await home.menagerie(["predict", "iris", "--data", irisBody]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/does not answer .*`menagerie status` says what runs/);
  });

  test("`down --delete` removes the environment", async () => {
    expect((await home.menagerie(["down", "--delete"])).code).toBe(0);
    expect(existsSync(`${home.path}/environments/local`)).toBe(false);
  });
});
