import { expect, it } from "vitest";
import { parseSelector } from "../../../../src/local/node/labelSelector.ts";

const labels = { app: "isvc.iris-predictor", tier: "a", "serving.kserve.io/inferenceservice": "iris" };

it.each([
  ["", true],
  ["app=isvc.iris-predictor", true],
  ["app==isvc.iris-predictor,tier=a", true],
  ["app=isvc.iris-predictor,tier=b", false],
  ["tier!=b", true],
  ["missing!=b", true],
  ["tier in (a, b),serving.kserve.io/inferenceservice", true],
  ["tier in (b,c)", false],
  ["missing in (b)", false],
  ["tier notin (b,c)", true],
  ["missing notin (b)", true],
  ["missing", false],
  ["!missing", true],
  ["!tier", false],
])("%s", (text, expected) => {
  expect(parseSelector(text)?.(labels)).toBe(expected);
});

it.each(["=a", "a=b c", "a in b", "a in (b", "a,,b", "!"])("%s is none", (text) => {
  expect(parseSelector(text)).toBeUndefined();
});
