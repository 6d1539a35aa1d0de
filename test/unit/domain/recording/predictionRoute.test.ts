import { describe, expect, it } from "vitest";
import { isPrediction, replayUrl } from "../../../../src/domain/recording/predictionRoute.ts";
import { carriesSecret, storedHeaders } from "../../../../src/domain/recording/storedHeaders.ts";

describe("a prediction", () => {
  it.each([
    "/v1/models/model:predict",
    "/v1/models/model%3Apredict",
    "/v1/models/model%3apredict?x=1",
    "/v1/models/a%20b:explain",
    "/v2/models/m/infer",
    "/v2%2Fmodels/m/versions/3/infer",
    "/v2/models/m/%69nfer",
  ])("is POST %s", (url) => {
    expect(isPrediction("POST", url)).toBe(true);
    expect(isPrediction("GET", url)).toBe(false);
  });

  it.each(["/v1/models/model", "/v1/models/model:predict/x", "/v1/models/%E0%A4%A:predict", "/v2/models/m/ready", "/"])(
    "is not POST %s",
    (url) => expect(isPrediction("POST", url)).toBe(url.includes("%E0")),
  );
});

describe("a recorded request is sent again", () => {
  const model = "http://host/serving/models/iris/v1/models/model";
  it.each([
    [`${model}:predict`, "/v1/models/m:predict", `${model}:predict`],
    [`${model}:predict`, "/v1/models/m:explain", `${model}:explain`],
    [`${model}:predict?x=1`, "/v1/models/m%3Aexplain?y=1", `${model}:explain?x=1`],
    [`${model}:explain`, "/v1/models/m:predict", `${model}:predict`],
    [`${model}:predict`, "/v2/models/m/infer", undefined],
    ["http://host/v2/models/m/infer", "/v2/models/m/versions/3/infer", "http://host/v2/models/m/infer"],
    ["http://host/v2/models/m/infer", "/v1/models/m:predict", undefined],
    ["http://host/ask", "/v1/models/m:predict", "http://host/ask"],
    ["http://host/ask", "/v1/models/m:explain", undefined],
  ])("to %s for %s: %s", (target, recorded, url) => expect(replayUrl(target, recorded)).toBe(url));
});

describe("headers", () => {
  it.each(["authorization", "cookie", "x-api-key", "x-hf-token", "x-goog-api-key", "ocp-apim-subscription-key"])(
    "that carry secrets are known: %s",
    (name) => expect(carriesSecret(name)).toBe(true),
  );

  it.each(["x-tenant", "x-request-id", "traceparent", "x-max-tokens", "x-tokenizer", "accept"])(
    "that do not are stored: %s",
    (name) => expect(carriesSecret(name)).toBe(false),
  );

  it("are stored without what looks like a credential, under whatever name", () => {
    const headers = { "x-tenant": `ghp_${"0".repeat(36)}`, accept: "application/json", "x-other": "no" };
    expect(JSON.parse(storedHeaders(headers, ["x-tenant", "accept"]))).toEqual({
      "x-tenant": "…",
      accept: "application/json",
    });
  });
});
