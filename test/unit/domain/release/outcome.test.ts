import { describe, expect, test } from "vitest";
import type { DeployedModel } from "../../../../src/domain/release/observed.ts";
import { judgeEnd, judgeInterrupted } from "../../../../src/domain/release/outcome.ts";

const model = (name: string, version: number): DeployedModel => ({
  name,
  version,
  service: `${name}-v${version}`,
  source: "zoo",
  hash: "00",
  digest: null,
});

describe("an `up` that came to its end", () => {
  test("is deployed when what it was to serve is served", () => {
    expect(judgeEnd([model("iris", 2)], [model("iris", 2)]).judgement.outcome).toBe("deployed");
  });

  test("is deployed while a model that is no longer declared is still there, for deletes come last", () => {
    const { judgement, served } = judgeEnd([model("iris", 2)], [model("iris", 2), model("old", 1)]);
    expect(judgement.outcome).toBe("deployed");
    expect(served).toEqual([model("iris", 2)]);
  });

  test("is deployed while the route before is still there beside the planned one, whichever of them comes first", () => {
    for (const routed of [
      [model("iris", 1), model("iris", 2)],
      [model("iris", 2), model("iris", 1)],
    ]) {
      const { judgement, served } = judgeEnd([model("iris", 1)], routed);
      expect(judgement.outcome).toBe("deployed");
      expect(served).toEqual([model("iris", 1)]);
    }
    const { judgement } = judgeEnd([model("iris", 3)], [model("iris", 1), model("iris", 2)]);
    expect(judgement.reason).toBe("iris: v1 instead of v3");
  });

  test("is mixed when another version is served, and says so", () => {
    expect(judgeEnd([model("iris", 2)], [model("iris", 1)]).judgement).toEqual({
      outcome: "mixed",
      reason: "iris: v1 instead of v2",
    });
  });
});

describe("an `up` that was killed", () => {
  test("left everything as before", () => {
    expect(judgeInterrupted([model("iris", 2)], [model("iris", 1)], [model("iris", 1)]).outcome).toBe("unchanged");
  });

  test("had deployed everything", () => {
    expect(judgeInterrupted([model("iris", 2)], [model("iris", 1)], [model("iris", 2)]).outcome).toBe("deployed");
  });

  test("had deployed a part", () => {
    const planned = [model("iris", 2), model("multiplier", 2)];
    const before = [model("iris", 1), model("multiplier", 1)];
    expect(judgeInterrupted(planned, before, [model("iris", 2), model("multiplier", 1)]).outcome).toBe("mixed");
  });
});
