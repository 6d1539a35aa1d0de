import { expect, it } from "vitest";
import { withoutQueryKeys } from "../../../../src/domain/serving/queryKeys.ts";

it.each([
  ["/v1/m", "/v1/m"],
  ["/v1/m?", "/v1/m?"],
  ["/v1/m?api_key=s", "/v1/m"],
  ["/v1/m?a=1&api_key=s&b=%20&&c", "/v1/m?a=1&b=%20&&c"],
  ["/v1/m?API%5fKEY=s&x", "/v1/m?x"],
  ["/v1/m?api_key", "/v1/m"],
  ["/v1/m?access_token=a=b&X-Api-Key=s", "/v1/m"],
  // Parameters that a model may have.
  ["/v1/m?key=1&monkey=2&token=3", "/v1/m?key=1&monkey=2&token=3"],
  ["/v1/m?%zz=1", "/v1/m?%zz=1"],
])("keys are taken from the query of %s", (path, kept) => {
  expect(withoutQueryKeys(path)).toBe(kept);
});
