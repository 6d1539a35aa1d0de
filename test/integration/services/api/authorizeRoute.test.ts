import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiUnderTest, adminKey, startDevelopmentApi } from "../../../support/developmentApi.ts";

/** `/authorize`, as Envoy's external authorization by HTTP asks it: method, path and headers of the request, no body. */

let api: ApiUnderTest;
let keys: { model: string; sibling: string; platform: string; other: string; limited: string; admin: string };

beforeAll(async () => {
  api = await startDevelopmentApi({ requireApiKey: true });
  const iris = await api.newVersion("iris_large");
  const sibling = await api.newVersion("multiplier");
  const other = await api.newVersion("iris-large", "someone-else");
  keys = {
    model: await api.newKey({ modelId: iris.modelId }),
    sibling: await api.newKey({ modelId: sibling.modelId }),
    platform: await api.newKey({ organizationId: iris.organizationId }),
    limited: await api.newKey({ modelId: iris.modelId }, [], { tokensPerDay: 10_000, requestsPerMinute: 1_000 }),
    other: await api.newKey({ organizationId: other.organizationId }),
    admin: iris.organizationId,
  };
});
afterAll(() => api?.stop());

const predict = "/serving/models/iris-large/v1/models/model:predict";

async function ask(path: string, headers: Record<string, string> = {}, method = "POST") {
  const answer = await fetch(`${api.url}/authorize${path}`, { method, headers });
  const text = await answer.text();
  return { status: answer.status, text, code: /"code":"(\w+)"/.exec(text)?.[1], headers: answer.headers };
}

const withKey = (key: string) => ({ "x-api-key": key });

describe("a request at the gateway", () => {
  it("passes with the key of its model, of the platform's organization or of the stack, and the answer has no body", async () => {
    for (const key of [keys.model, keys.platform, adminKey]) {
      expect(await ask(predict, withKey(key))).toMatchObject({ status: 200, text: "" });
      expect((await ask(predict, { authorization: `Bearer ${key}` })).status).toBe(200);
    }
    expect((await ask(`${predict}?x=1`, withKey(keys.model), "GET")).status).toBe(200);
    expect((await ask(predict, withKey(keys.model), "HEAD")).status).toBe(200);
  });

  it("is refused without a key, with a wrong one, and with one for something else", async () => {
    expect(await ask(predict)).toMatchObject({ status: 401, code: "missing_api_key" });
    expect(await ask(predict, withKey(`${keys.model.slice(0, -4)}AAAA`))).toMatchObject({
      status: 401,
      code: "invalid_api_key",
    });
    expect(await ask(predict, withKey(keys.sibling))).toMatchObject({ status: 403, code: "key_scope" });
    // A model of the same name in another organization is another model.
    expect(await ask(predict, withKey(keys.other))).toMatchObject({ status: 403, code: "key_scope" });
  });

  it("is refused from the moment on that its key is revoked", async () => {
    const { modelId } = await api.newVersion("short-lived");
    const key = await api.newKey({ modelId });
    const path = predict.replace("iris-large", "short-lived");
    expect((await ask(path, withKey(key))).status).toBe(200);
    await api.sql("UPDATE menagerie.api_key SET revoked_at = now() WHERE model_id = $1", [modelId]);
    expect(await ask(path, withKey(key))).toMatchObject({ status: 401, code: "invalid_api_key" });
  });

  it("for what has no row, such as a shadow deployment, passes with keys of the platform alone", async () => {
    const shadow = predict.replace("iris-large", "iris-next");
    expect((await ask(shadow, withKey(keys.platform))).status).toBe(200);
    expect((await ask(shadow, withKey(adminKey))).status).toBe(200);
    expect(await ask(shadow, withKey(keys.model))).toMatchObject({ status: 403 });
    expect(await ask(shadow, withKey(keys.other))).toMatchObject({ status: 403 });
  });

  it("is asked alike for whatever a model serves", async () => {
    for (const inner of ["/v2/models/m/infer", "/openai/v1/chat/completions", "/generate", "/api/x"]) {
      const path = `/serving/models/iris-large${inner}`;
      expect((await ask(path, withKey(keys.model))).status, path).toBe(200);
      expect((await ask(path, withKey(keys.other))).status, path).toBe(403);
      expect((await ask(path)).status, path).toBe(401);
    }
  });

  it("keeps its purpose only if its key may make batches, and the version that it names only if its key may move rollouts", async () => {
    const { modelId } = await api.newVersion("batched");
    const path = predict.replace("iris-large", "batched");
    const removed = async (key: string) =>
      (await ask(path, withKey(key))).headers.get("x-envoy-auth-headers-to-remove");
    // A claim is the API service's own, and what has no tokens has none.
    const [purpose, side, claim] = ["x-menagerie-purpose", "x-menagerie-version", "x-menagerie-usage"];
    expect(await removed(await api.newKey({ modelId }))).toBe(`${purpose},${side},${claim}`);
    expect(await removed(await api.newKey({ modelId }, ["export"]))).toBe(`${purpose},${side},${claim}`);
    expect(await removed(await api.newKey({ modelId }, ["operate"]))).toBe(`${purpose},${claim}`);
    expect(await removed(await api.newKey({ modelId }, ["batch"]))).toBe(`${side},${claim}`);
    expect(await removed(adminKey)).toBe("x-menagerie-usage");
  });

  it("is told whose it is by its key, whatever its client says", async () => {
    for (const key of [keys.model, keys.platform, adminKey]) {
      const { headers } = await ask(predict, { ...withKey(key), "x-menagerie-organization": "999" });
      expect(headers.get("x-menagerie-organization")).toBe(keys.admin);
      expect(headers.get("x-envoy-auth-headers-to-remove")).not.toContain("x-menagerie-organization");
    }
    expect((await ask(predict)).headers.get("x-menagerie-organization")).toBeNull();
  });

  it("is nobody's where it has no key and needs none", async () => {
    const open = await startDevelopmentApi();
    try {
      const { headers, status } = await fetch(`${open.url}/authorize${predict}`, { method: "POST" });
      expect([status, headers.get("x-menagerie-organization")]).toEqual([200, null]);
      expect(headers.get("x-envoy-auth-headers-to-remove")).toContain("x-menagerie-organization");
    } finally {
      await open.stop();
    }
  });

  it("for no model is refused, whatever its key", async () => {
    for (const path of [
      predict.replace("/models/", "/other/"),
      "/serving/models/iris-large/control/patch",
      "/serving/models/iris-large/%63ontrol/patch",
      "/serving/models/iris-large/Control",
      "/serving/models/iris-large/metrics",
      "/serving/models/iris-large/",
      "/serving/models/iris-large",
      "/serving/models/iris-large%2Fv1/",
      "/",
    ]) {
      expect(await ask(path, withKey(adminKey)), path).toMatchObject({ status: 404, code: "not_found" });
      expect((await ask(path)).status, path).toBe(401);
    }
  });

  it("above its key's limit is told how long to wait", async () => {
    const chat = "/serving/models/iris-large/v1/chat/completions";
    const allowed = await ask(chat, withKey(keys.limited));
    expect(allowed).toMatchObject({ status: 200, text: "" });
    expect(allowed.headers.get("x-ratelimit-limit-tokens")).toBe("10000");
    // The model's limit, for the body is not here.
    expect(allowed.headers.get("x-ratelimit-remaining-tokens")).toBe("5904");
    expect(allowed.headers.get("x-ratelimit-remaining-requests")).toBe("999");
    expect((await ask(chat, withKey(keys.limited))).status).toBe(200);
    const refused = await ask(chat, withKey(keys.limited));
    expect(refused).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
    expect(refused.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    expect(refused.headers.get("x-ratelimit-reset-tokens")).toMatch(/s$/);
    // What has no tokens goes on.
    expect((await ask(predict, withKey(keys.limited))).status).toBe(200);
  });
});
