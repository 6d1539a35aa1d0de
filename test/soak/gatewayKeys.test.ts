import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import Anthropic from "@anthropic-ai/sdk";
import { dump, load } from "js-yaml";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parseStatistics } from "../../src/adapters/envoyStatistics/exposition.ts";
import { readMeshConfigs } from "../../src/adapters/kubernetes/mesh.ts";
import { request as apiRequest, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { modelRoute } from "../../src/domain/serving/modelRoute.ts";
import { virtualServiceManifest } from "../../src/domain/serving/virtualService.ts";
import { outcomeOfEnd } from "../../src/domain/traffic/outcome.ts";
import { countersFilter } from "../../src/domain/traffic/statistics.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { askEnvoy } from "../../src/local/mesh/envoyAdmin.ts";
import { Backends } from "../local/support/backends.ts";
import { applyManifest, type Manifest, namespace, pathOf } from "../local/support/manifests.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { askByPython } from "../support/openai/pythonClient.ts";

/**
 * Keys at the gateway, by the way that staging takes: the stack's AuthorizationPolicy, Istio's control plane, its Envoy, and the API
 * service's answer. What is asked and answered in which case is in test/integration/services/api/authorizeRoute.test.ts.
 */

const path = "/serving/models/multiplier/v1/models/model:predict";
const body = '{"values": ["3.3","62.3","324"]}';
let shared: SharedEnvironment;
let committed: string;
let gateway: URL;
let key: string;
let backends: Backends;
const space = "keys-at-the-gateway";

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  const added = [
    "  menagerie:mesh: { keyCheck: { gatewayPods: { istio: ingress } } }",
    "  menagerie:services: { replicas: 2 }",
  ];
  committed = await shared.editStack(
    (stack) =>
      `${stack
        .replace("requireApiKey: false", "requireApiKey: true")
        .replace("truss: models/speaker\n", "truss: models/speaker\n      recording: {}\n")
        .trimEnd()}\n${added.join("\n")}\n`,
  );
  await shared.up();
  gateway = new URL((await shared.json<{ gateway: string }>("status", "--json")).gateway);
  ({ key } = await shared.json<{ key: string }>("key", "create", "--organization", "admin", "--json"));
  const cluster = shared.kubeConfig();
  await applyManifest(cluster, namespace(space));
  backends = await Backends.start(shared.home, { cluster, namespace: space, names: ["model"] });
  // A model's route as it is declared, but for the Service.
  const route = virtualServiceManifest(
    modelRoute({
      name: "watched",
      namespace: "models",
      model: "watched",
      kind: "zoo",
      managedBy: "stack",
      mode: "Standard",
      gateway: { name: "istio-system/menagerie", hosts: ["*"], checksKeys: true },
      paths: ["/generate", "/api/"],
    }),
  );
  const rules = route.spec.http.map((rule) => ({ ...rule, route: [{ destination: { host: "model" } }] }));
  await applyManifest(cluster, {
    ...route,
    metadata: { name: "watched", namespace: space },
    spec: { ...route.spec, http: rules },
  } as Manifest);
  // The policy is on its way to Envoy when `up` ends.
  await vi.waitFor(async () => expect((await ask(path)).status).toBe(401), { timeout: 20_000 });
});

afterAll(async () => {
  if (committed !== undefined) {
    await writeFile(shared.stackFile, committed);
    await shared.up();
  }
  await backends?.stop();
  if (backends) await apiRequest(shared.kubeConfig(), "DELETE", await pathOf(shared.kubeConfig(), namespace(space)));
  await shared?.close();
});

/** With the path as it is written: `fetch` would normalize it. */
async function ask(at: string, headers: Readonly<Record<string, string>> = {}, sent = body) {
  const { hostname, port } = gateway;
  const outgoing = request({ hostname, port, path: at, method: "POST", headers });
  outgoing.end(sent);
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, headers: answer.headers, text: await text(answer) };
}

test("a request with a key is answered, and models that `up` checks are too", async () => {
  for (const headers of [{ "x-api-key": key }, { authorization: `Bearer ${key}` }]) {
    expect(await ask(path, headers)).toMatchObject({ status: 200, text: expect.stringContaining("648") });
  }
});

test("the model sees the request's whole body, and not the key", async () => {
  const large = "y".repeat(3_000_000);
  const watched = path.replace("multiplier", "watched");
  await vi.waitFor(async () => expect((await ask(watched, { "x-api-key": key })).status).toBe(200), {
    timeout: 20_000,
  });
  backends.taken("model");
  expect((await ask(watched, { "x-api-key": key }, large)).status).toBe(200);
  const [seen] = backends.taken("model");
  expect(seen).toMatchObject({ url: "/v1/models/model:predict", headers: { "content-length": String(large.length) } });
  expect(JSON.stringify(seen)).not.toContain(key);
});

test("what a request says of its purpose reaches the model with a key alone that may make batches", async () => {
  const batch = await shared.json<{ key: string }>(
    "key",
    "create",
    "--organization",
    "admin",
    "--right",
    "batch",
    "--json",
  );
  const watched = path.replace("multiplier", "watched");
  const seen = async (own: string) => {
    backends.taken("model");
    expect((await ask(watched, { "x-api-key": own, "x-menagerie-purpose": "batch" })).status).toBe(200);
    return backends.taken("model")[0]?.headers["x-menagerie-purpose"];
  };
  expect(await seen(batch.key)).toBe("batch");
  expect(await seen(key)).toBeUndefined();
});

test("claims and whose a request is reach a model by those patterns of MeshConfig that a preview takes for it", async () => {
  const cluster = shared.kubeConfig();
  const configMap = "/api/v1/namespaces/istio-system/configmaps/istio";
  const { mesh } = (await requestJson<{ data: { mesh: string } }>(cluster, "GET", configMap)).data;
  const write = (changed: string) =>
    apiRequest(cluster, "PATCH", configMap, {
      contentType: "application/merge-patch+json",
      body: { data: { mesh: changed } },
    });
  const withPatterns = (...headersToUpstreamOnAllow: string[]): string => {
    const config = load(mesh) as { extensionProviders: { envoyExtAuthzHttp: object }[] };
    for (const { envoyExtAuthzHttp } of config.extensionProviders) {
      Object.assign(envoyExtAuthzHttp, { headersToUpstreamOnAllow });
    }
    return dump(config);
  };
  const reaches = async () => {
    backends.taken("model");
    // A client's own word never reaches it, also where the check's is not passed on.
    const headers = { "x-api-key": key, "x-menagerie-organization": "999" };
    expect((await ask("/serving/models/watched/v1/chat/completions", headers)).status).toBe(200);
    const seen = backends.taken("model")[0]?.headers;
    expect(seen?.["x-menagerie-organization"]).not.toBe("999");
    return [seen?.["x-menagerie-usage"] !== undefined, seen?.["x-menagerie-organization"] !== undefined];
  };
  try {
    // Each is another answer than the one before, so that none can be that of the one before.
    for (const [pattern, isClaimPassed, isOrganizationPassed] of [
      ["x-menagerie-usage", true, false],
      ["x-menagerie", false, false],
      ["X-Menagerie-*", true, true],
      ["*menagerie*", false, false],
      ["*-USAGE", true, false],
      ["x-menagerie-organization", false, true],
    ] as const) {
      const isPassed = [isClaimPassed, isOrganizationPassed];
      await write(withPatterns("x-other", pattern));
      const [told] = await readMeshConfigs(cluster);
      const providers = [told?.claimProviders, told?.organizationProviders];
      expect([pattern, providers.map((each) => each?.includes("menagerie-keys"))]).toEqual([pattern, isPassed]);
      await vi.waitFor(async () => expect([pattern, await reaches()]).toEqual([pattern, isPassed]), {
        timeout: 30_000,
        interval: 500,
      });
    }
  } finally {
    await write(mesh);
  }
}, 180_000);

test("others are refused with the API service's own answer", async () => {
  const refused = await ask(path);
  expect(refused).toMatchObject({ status: 401, headers: { "content-type": "application/json" } });
  expect(JSON.parse(refused.text).error).toMatchObject({ code: "missing_api_key" });
  const wrong = await ask(path, { "x-api-key": `${key}x` });
  expect(JSON.parse(wrong.text).error).toMatchObject({ code: "invalid_api_key" });
});

test("a request that is refused for its key counts for no version, though Envoy knows which one the route leads to", async () => {
  for (const headers of [{}, { "x-api-key": `${key}x` }]) expect((await ask(path, headers)).status).toBe(401);
  const socket = join(environmentLayout("local", shared.home.path).sockets, "gateway-admin.sock");
  const page = await askEnvoy(socket, `/stats/prometheus?filter=${encodeURIComponent(countersFilter)}&usedonly`);
  const { destinations, tellsEnds } = parseStatistics(page.body);
  expect(tellsEnds).toBe(true);
  const ends = [...destinations].flatMap(([destination, counters]) =>
    destination.includes("multiplier") ? [...counters.ends.keys()].map((as) => as.split(" ")) : [],
  );
  const refused = ends.filter(([status]) => status === "401");
  expect(refused.length).toBeGreaterThan(0);
  for (const [status, flags = ""] of refused) expect(outcomeOfEnd(Number(status), flags), flags).toBeUndefined();
});

test.each(["/v1/chat/completions", "/v2/models/m/infer", "/openai/v1/completions", "/generate", "/api/x"])(
  "%s of a model wants a key too, and the model sees none",
  async (inner) => {
    const at = `/serving/models/watched${inner}`;
    expect((await ask(at)).status).toBe(401);
    expect((await ask(`${at}?api_key=${key}`)).status).toBe(401);
    backends.taken("model");
    expect((await ask(`${at}?a=1&api_key=${key}`, { authorization: `Bearer ${key}` })).status).toBe(200);
    const [seen] = backends.taken("model");
    expect(seen?.url).toBe(`${inner}?a=1`);
    expect(JSON.stringify(seen)).not.toContain(key);
  },
);

describe("the official clients", () => {
  let appId: string;
  let appKey: string;
  const atGateway = () => `${gateway.origin}/serving/models/speaker`;
  const atApp = () => `${gateway.origin}/models/${appId}`;

  beforeAll(async () => {
    ({ id: appId } = await shared.json<{ id: string }>(
      ...["app", "create", "speaker", "--owner", "ada@example.com", "--name", "otters", "--json"],
    ));
    ({ key: appKey } = await shared.json<{ key: string }>("key", "create", "--model", appId, "--json"));
  });

  test.each([
    ["the gateway", () => [`${atGateway()}/v1`, key, "speaker"] as const],
    ["an app", () => [`${atApp()}/v1`, appKey] as const],
  ])("of OpenAI, in Python, speak with a truss by %s", async (_, at) => {
    const [url, own, ...named] = at();
    const answers = await askByPython(url, own, ...named);
    if (named.length === 0)
      expect(answers).toMatchObject({ model: ["otters", "ada@example.com"], retrieved: "otters" });
    for (const text of [answers.chat[0], answers.streamed[0], answers.completion, answers.response]) {
      expect(text).toMatch(/\w/);
    }
    expect(answers.embedding.length).toBeGreaterThan(10);
    expect(answers.aborted).toBe(3);
    // 50 tokens a second: what is held back comes at once.
    expect(answers.seconds).toBeGreaterThan((answers.streamed[1] - 1) / 100);
    expect(answers.refused?.slice(0, 2)).toEqual(["BadRequestError", 400]);
    expect(answers["wrong key"]?.slice(0, 3)).toEqual(["AuthenticationError", 401, "invalid_api_key"]);
  });

  test("of OpenAI and Anthropic, for Node, do the same", async () => {
    const messages = [{ role: "user" as const, content: "What does an otter eat?" }];
    for (const [url, own] of [
      [atGateway(), key],
      [atApp(), appKey],
    ] as const) {
      const openAi = new OpenAI({ baseURL: `${url}/v1`, apiKey: own, maxRetries: 0 });
      const asked = { model: "otters", messages, seed: 1, temperature: 0.7 };
      const whole = (await openAi.chat.completions.create(asked)).choices[0]?.message.content;
      let text = "";
      for await (const chunk of await openAi.chat.completions.create({ ...asked, stream: true })) {
        text += chunk.choices[0]?.delta.content ?? "";
      }
      expect(text).toBe(whole);
      const anthropic = new Anthropic({ baseURL: url, apiKey: own, maxRetries: 0 });
      const said = await anthropic.messages.stream({ model: "otters", max_tokens: 64, messages }).finalText();
      expect(said).toMatch(/\w/);
      const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "wrong", maxRetries: 0 });
      await expect(stranger.chat.completions.create(asked)).rejects.toMatchObject({ code: "invalid_api_key" });
    }
  });
});

test("no spelling of a model's path reaches it without a key", async () => {
  const model = path.slice("/serving".length);
  for (const spelling of [
    `//serving${model}`,
    `/x/../serving${model}`,
    `/./serving${model}`,
    `/%73erving${model}`,
    `/serving%2fmodels/multiplier/v1/models/model:predict`,
    `/serving/models/multiplier/v1/../v1/models/model:predict`,
    `/SERVING${model}`,
    `${path}?x=/v1/`,
    `${path}%00`,
  ]) {
    const { status, text: answer } = await ask(spelling);
    expect([400, 401, 404], `${spelling}: ${answer}`).toContain(status);
  }
});

test("other paths of the gateway are not asked about", async () => {
  expect((await ask("/nobody")).status).toBe(404);
});

describe("limits", () => {
  interface Key {
    readonly id: string;
    readonly key: string;
  }
  const newKey = (model: string, ...limits: string[]) =>
    shared.json<Key>("key", "create", "--model", model, ...limits, "--json");
  const chat = "/serving/models/speaker/v1/chat/completions";
  const said = JSON.stringify({ messages: [{ role: "user", content: "What does an otter eat?" }] });

  /** Asks with each of the keys by eight clients at once, until nobody was let in for 3 s, all in one minute; answers what came of it. */
  async function askAll(keys: readonly string[], limit: number) {
    // A window of the database's clock, which is this machine's.
    const leftMs = () => 60_000 - (Date.now() % 60_000);
    if (leftMs() < 40_000) await delay(leftMs() + 200);
    const admitted = new Map<string, number>();
    let refused: Awaited<ReturnType<typeof ask>> | undefined;
    let lastAdmitted = performance.now();
    const client = async (own: string) => {
      while (performance.now() - lastAdmitted < 3_000) {
        const answer = await ask(path, { "x-api-key": own });
        const told = answer.headers["x-ratelimit-limit-requests"];
        if (answer.status === 200 && told === undefined) {
          // A pod hears of an organization's limit within a second.
          lastAdmitted = performance.now();
        } else if (answer.status === 200) {
          admitted.set(own, (admitted.get(own) ?? 0) + 1);
          lastAdmitted = performance.now();
          expect(told).toBe(String(limit));
        } else {
          expect(answer.status).toBe(429);
          refused = answer;
          await delay(20);
        }
      }
    };
    await Promise.all(keys.flatMap((own) => Array.from({ length: 8 }, () => client(own))));
    return { admitted, refused };
  }

  test("of requests hold over both pods of the API service, to the request, and say when to come again", async () => {
    const limited = await newKey("multiplier", "--requests-per-minute", "50");
    const { admitted, refused } = await askAll([limited.key, limited.key], 50);
    expect(admitted.get(limited.key)).toBe(50);
    expect(refused?.headers).toMatchObject({
      "retry-after": expect.stringMatching(/^[1-9]/),
      "retry-after-ms": expect.stringMatching(/^[1-9]/),
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": expect.stringMatching(/s$/),
    });
    expect(JSON.parse(refused?.text ?? "").error.message).toContain("50 requests per minute of this key");
  }, 150_000);

  test("of an organization's requests hold over two of its keys and both pods, to the request", async () => {
    const keys = [(await newKey("multiplier")).key, (await newKey("multiplier")).key];
    const limits = (to: string) => shared.succeed("organization", "limits", "admin", "--requests-per-minute", to);
    await limits("60");
    try {
      const { admitted, refused } = await askAll(keys, 60);
      expect([...admitted.keys()].sort()).toEqual(keys.toSorted());
      expect([...admitted.values()].reduce((sum, count) => sum + count, 0)).toBe(60);
      expect(JSON.parse(refused?.text ?? "").error.message).toContain("60 requests per minute of the organization");
    } finally {
      await limits("none");
    }
  }, 150_000);

  test("of tokens are settled by what the model's recorder tells, and usage shows both", async () => {
    // Of the one model: a key for all of them would want recorders before all.
    const limited = await newKey("speaker", "--tokens-per-day", "100000");
    const first = await ask(chat, { "x-api-key": limited.key, "content-type": "application/json" }, said);
    expect(first).toMatchObject({ status: 200, headers: { "x-ratelimit-remaining-tokens": "95904" } });
    const { usage } = JSON.parse(first.text) as { usage: { total_tokens: number } };
    await vi.waitFor(
      async () => {
        const next = await ask(chat, { "x-api-key": limited.key, "content-type": "application/json" }, said);
        // Those before are settled, this one is reserved.
        expect(Number(next.headers["x-ratelimit-remaining-tokens"])).toBeGreaterThan(95_904 - 2_000);
      },
      { timeout: 30_000, interval: 2_000 },
    );
    await vi.waitFor(
      async () => {
        const rows = await shared.json<{ model: string; requests: number; tokensIn: number; tokensOut: number }[]>(
          ...["usage", "--organization", "admin", "--json"],
        );
        const speaker = rows.find(({ model }) => model === "speaker");
        expect((speaker?.tokensIn ?? 0) + (speaker?.tokensOut ?? 0)).toBeGreaterThanOrEqual(2 * usage.total_tokens);
      },
      { timeout: 30_000, interval: 1_000 },
    );
  }, 120_000);

  test("of tokens that nobody would count are refused by a preview", async () => {
    const limited = await newKey("multiplier", "--tokens-per-minute", "5");
    const refused = await shared.home.menagerie(["pulumi", "--", "preview"]);
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toContain(
      "nobody counts those of multiplier at the gateway; write recording: {}",
    );
    await shared.succeed("key", "limits", limited.id, "--tokens-per-minute", "none");
    await shared.preview();
  }, 120_000);
});

test("while the API service is away nothing passes", async () => {
  // Not the sandbox around it, which ends with it.
  shared.home.kill(/^\S*node \S*services\/api\/main.ts/);
  const statuses = new Set<number>();
  await vi.waitFor(
    async () => {
      const { status } = await ask(path);
      statuses.add(status);
      expect(status).toBe(401);
    },
    { timeout: 60_000, interval: 20 },
  );
  expect([...statuses].filter((status) => status !== 401 && status !== 503)).toEqual([]);
});
