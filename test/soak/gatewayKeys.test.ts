import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keyCheckManifest } from "../../src/domain/serving/keyCheck.ts";
import { virtualServiceManifest } from "../../src/domain/serving/virtualService.ts";
import { authorizePrefix } from "../../src/services/api/authorizeRoute.ts";
import { type ApiUnderTest, adminKey, startDevelopmentApi } from "../support/developmentApi.ts";
import { Envoy } from "../support/envoy.ts";

/**
 * Keys at a real Envoy, set up as Istio sets its gateways up from the AuthorizationPolicy, the extension provider of
 * docs/operations.md and the model's route. Istio's own part, from these to Envoy's configuration, is not run here.
 */

let api: ApiUnderTest;
let model: Server;
let envoy: Envoy;
let key: string;
let otherKey: string;
let refusesFrom = Number.POSITIVE_INFINITY;
const seen: { url: string; headers: Record<string, unknown>; bytes: number }[] = [];
const path = "/serving/models/iris/v1/models/model:predict";

beforeAll(async () => {
  api = await startDevelopmentApi({ requireApiKey: true, limit: () => (refusesFrom-- > 0 ? 0 : 1500) });
  key = await api.newKey({ modelId: (await api.newVersion("iris")).modelId });
  otherKey = await api.newKey({ modelId: (await api.newVersion("multiplier")).modelId });
  model = createServer(async (incoming, response) => {
    let bytes = 0;
    for await (const chunk of incoming) bytes += (chunk as Buffer).length;
    seen.push({ url: incoming.url ?? "", headers: incoming.headers, bytes });
    response.end("answer of the model");
  }).listen(0, "127.0.0.1");
  await once(model, "listening");
  envoy = await Envoy.start(gateway());
});

afterAll(async () => {
  await envoy?.stop();
  model?.close();
  await api?.stop();
});

/** What Istio makes of its resources for a gateway. */
function gateway() {
  const [rule] = keyCheckManifest({
    ...{ namespace: "models", gatewayNamespace: "istio-ingress", gatewayPods: { istio: "ingress" } },
    provider: "menagerie-keys",
  }).spec.rules;
  const asked = (rule?.to[0]?.operation.paths[0] ?? "").slice(0, -1);
  const [route] = virtualServiceManifest({
    ...{ name: "iris", namespace: "models", model: "iris", kind: "zoo", managedBy: "stack", mode: "Standard" },
    gateway: { name: "istio-ingress/models", hosts: ["*"], checksKeys: true },
  }).spec.http;
  const removed = route && "headers" in route ? route.headers?.request.remove : [];
  const cluster = (name: string, port: number) => ({
    ...{ name, connect_timeout: "1s", type: "STATIC" },
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } }],
        },
      ],
    },
  });
  const off = {
    "envoy.filters.http.ext_authz": {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
      disabled: true,
    },
  };
  const exact = (...names: string[]) => ({ patterns: names.map((name) => ({ exact: name, ignore_case: true })) });
  const http = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: "gateway",
    normalize_path: true,
    http_filters: [
      {
        name: "envoy.filters.http.ext_authz",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
          transport_api_version: "V3",
          failure_mode_allow: false,
          status_on_error: { code: "ServiceUnavailable" },
          allowed_headers: exact("authorization", "x-api-key", "x-request-id"),
          http_service: {
            server_uri: { uri: "http://api", cluster: "api", timeout: "5s" },
            path_prefix: authorizePrefix,
            authorization_response: { allowed_client_headers: exact("content-type", "retry-after", "x-request-id") },
          },
        },
      },
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
      },
    ],
    route_config: {
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [
            {
              match: { prefix: route?.match[0]?.uri.prefix },
              request_headers_to_remove: removed,
              route: { cluster: "model", prefix_rewrite: route?.rewrite.uri },
            },
            // What the policy's rule does not match is not asked about.
            { match: { prefix: asked }, direct_response: { status: 404 } },
            { match: { prefix: "/" }, typed_per_filter_config: off, route: { cluster: "model" } },
          ],
        },
      ],
    },
  };
  return {
    listeners: [
      {
        name: "gateway",
        address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
        filter_chains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: http }] }],
      },
    ],
    clusters: [cluster("model", (model.address() as AddressInfo).port), cluster("api", Number(new URL(api.url).port))],
  };
}

/** With the path as it is written: `fetch` would normalize it. */
async function ask(at: string, headers: Record<string, string> = {}, body = '{"inputs": []}') {
  const before = seen.length;
  const { hostname, port } = new URL(envoy.url);
  const outgoing = request({ hostname, port, path: at, method: "POST", headers });
  outgoing.end(body);
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) text += chunk;
  return { status: answer.statusCode, text, headers: answer.headers, reached: seen.slice(before) };
}

test("a request with the model's key reaches the model, which sees its body and not the key", async () => {
  const body = "y".repeat(3_000_000);
  for (const headers of [{ "x-api-key": key }, { authorization: `Api-Key ${key}` }, { "X-Api-Key": adminKey }]) {
    const { status, text, reached } = await ask(path, headers, body);
    expect({ status, text }).toEqual({ status: 200, text: "answer of the model" });
    expect(reached).toMatchObject([{ url: "/v1/models/model:predict", bytes: body.length }]);
    expect(JSON.stringify(reached[0]?.headers)).not.toContain("mng_");
  }
});

test("others are refused with the API service's own answer, and reach nothing", async () => {
  const cases = [
    [{}, 401, "missing_api_key"],
    [{ "x-api-key": `${key}x` }, 401, "invalid_api_key"],
    [{ "x-api-key": otherKey }, 403, "key_scope"],
  ] as const;
  for (const [headers, status, code] of cases) {
    const refused = await ask(path, headers);
    expect(refused).toMatchObject({ status, reached: [] });
    expect(refused.headers["content-type"]).toBe("application/json");
    expect(JSON.parse(refused.text).error).toMatchObject({ code, requestId: refused.headers["x-request-id"] });
  }
});

test("no spelling of a model's path reaches it without a key", async () => {
  const model = path.slice("/serving".length);
  for (const spelling of [
    `//serving${model}`,
    `/x/../serving${model}`,
    `/./serving${model}`,
    `/%73erving${model}`,
    `/serving%2fmodels/iris/v1/models/model:predict`,
    `/serving/models/iris/v1/../v1/models/model:predict`,
    `/SERVING${model}`,
    `${path}?x=/v1/`,
  ]) {
    const { reached } = await ask(spelling);
    expect(
      reached.filter(({ url }) => url.startsWith("/v1/")),
      spelling,
    ).toEqual([]);
  }
});

test("a key's limit is told with the time to wait", async () => {
  refusesFrom = 0;
  const refused = await ask(path, { "x-api-key": key });
  refusesFrom = Number.POSITIVE_INFINITY;
  expect(refused).toMatchObject({ status: 429, reached: [] });
  expect(refused.headers["retry-after"]).toBe("2");
});

test("other paths of the gateway are not asked about", async () => {
  expect(await ask("/elsewhere")).toMatchObject({ status: 200, reached: [{ url: "/elsewhere" }] });
});

test("while the database is away every request is answered 503, and none passes", async () => {
  await api.sql("ALTER TABLE menagerie.api_key RENAME TO api_key_away");
  const refused = await ask(path, { "x-api-key": key });
  await api.sql("ALTER TABLE menagerie.api_key_away RENAME TO api_key");
  expect(refused).toMatchObject({ status: 503, reached: [] });
  expect((await ask(path, { "x-api-key": key })).status).toBe(200);
});
