import { describe, expect, it } from "vitest";
import { operationAsked, predictionAsked, replayUrl } from "../../../../src/domain/protocols/asked.ts";
import { operations } from "../../../../src/domain/protocols/operations.ts";
import { parseFieldPath } from "../../../../src/domain/shadow/fieldPath.ts";

describe("a prediction", () => {
  it.each([
    ["/v1/models/model:predict", "predict"],
    ["/v1/models/model%3Apredict", "predict"],
    ["/v1/models/model%3apredict?x=1", "predict"],
    ["/v1/models/a%20b:explain", "explain"],
    ["/v2/models/m/infer", "infer"],
    ["/v2%2Fmodels/m/versions/3/infer", "infer"],
    ["/v2/models/m/%69nfer", "infer"],
    ["/v1/models/%E0%A4%A:predict", "predict"],
    ["/v1/chat/completions", "chat"],
    ["/openai/v1/chat/completions?x=1", "chat"],
    ["/v1/completions", "completions"],
    ["/v1/embeddings", "embeddings"],
    ["/openai/v1/responses", "responses"],
    ["/v1/messages", "messages"],
  ])("is POST %s: %s", (url, operation) => {
    expect(predictionAsked("POST", url)?.name).toBe(operation);
    expect(predictionAsked("GET", url)).toBeUndefined();
  });

  it.each([
    "/v1/models/model",
    "/v1/models/model:predict/x",
    "/v2/models/m/ready",
    "/",
    "/v1/models",
    "/v1/responses/resp_1",
    "/openai/v1/messages",
    "/generate",
    "/control/patch",
  ])("is not POST %s", (url) => expect(predictionAsked("POST", url)).toBeUndefined());

  it("may be asked by a model's own paths", () => {
    expect(operationAsked("/generate?x", ["/generate"])?.name).toBe("own");
    expect(operationAsked("/generate/x", ["/generate"])).toBeUndefined();
    expect(operationAsked("/api/x", ["/api/"])?.name).toBe("own");
    expect(operationAsked("/v1/chat/completions", ["/v1/"])?.name).toBe("chat");
  });
});

it("every field of the table is a path", () => {
  for (const { ignored, texts, jsonTexts, floats } of operations)
    for (const path of [...ignored, ...texts, ...jsonTexts, ...floats])
      expect(parseFieldPath(path), path).toBeDefined();
});

describe("a recorded request is sent again", () => {
  const base = "http://host/serving/models/iris";
  const model = `${base}/v1/models/model`;
  it.each([
    [`${model}:predict`, "/v1/models/m:predict", `${model}:predict`],
    [`${model}:predict`, "/v1/models/m:explain", `${model}:explain`],
    [`${model}:predict?x=1`, "/v1/models/m%3Aexplain?y=1", `${model}:explain?x=1`],
    [`${model}:explain`, "/v1/models/m:predict", `${model}:predict`],
    [`${model}:predict`, "/v2/models/m/infer", undefined],
    [`${model}:predict`, "/v1/chat/completions", `${base}/v1/chat/completions`],
    [`${model}:predict`, "/openai/v1/embeddings?a=b", `${base}/openai/v1/embeddings`],
    [`${base}/v1/chat/completions`, "/v1/messages", `${base}/v1/messages`],
    ["http://host/v2/models/m/infer", "/v2/models/m/versions/3/infer", "http://host/v2/models/m/infer"],
    ["http://host/v2/models/m/infer", "/v1/models/m:predict", undefined],
    ["http://host/ask", "/v1/models/m:predict", "http://host/ask"],
    ["http://host/ask", "/v1/models/m:explain", undefined],
  ])("to %s for %s: %s", (target, recorded, url) => expect(replayUrl(target, recorded)).toBe(url));
});
