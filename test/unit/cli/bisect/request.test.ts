import { expect, test } from "vitest";
import { recordingsOf } from "../../../../src/cli/bisect/request.ts";

test("a request is looked up in what a release's config records: zoo models and primaries of shadow deployments", () => {
  const compare = { tolerance: { relative: 0.1 }, ignore: ["id"] };
  const config = {
    zoo: { "iris-2": { truss: "models/iris", recording: {} }, multiplier: { truss: "models/multiplier" } },
    shadows: { next: { primary: { truss: "models/iris" }, compare }, other: { primary: { truss: "models/iris" } } },
    pools: {},
  };
  expect(recordingsOf(config)).toEqual([
    { name: "iris-2", kind: "zoo", schema: "recorded_iris_2" },
    { name: "next", kind: "shadow", schema: "shadow_next_primary", compare },
    { name: "other", kind: "shadow", schema: "shadow_other_primary" },
  ]);
  expect(recordingsOf({})).toEqual([]);
});
