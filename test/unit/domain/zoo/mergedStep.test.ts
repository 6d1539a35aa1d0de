import { describe, expect, it } from "vitest";
import { isWayBack, mergedStep } from "../../../../src/domain/zoo/mergedStep.ts";

/** Which edit of a stack's file is one step of one rollout. */

const iris = { truss: "models/iris", phase: "version", from: "3", traffic: 10 };
const config = { namespace: "models", zoo: { iris, other: { truss: "models/other", phase: "done" } } };
const withIris = (change: object) => ({ ...config, zoo: { ...config.zoo, iris: { ...iris, ...change } } });

describe("a step", () => {
  it.each<[string, object, object[]]>([
    ["more traffic", { traffic: 50 }, [{ key: "traffic", from: 10, to: 50 }]],
    [
      "the next phase",
      { phase: "forward", share: 1 },
      [
        { key: "phase", from: "version", to: "forward" },
        { key: "share", from: undefined, to: 1 },
      ],
    ],
    ["the way back", { phase: "reverted" }, [{ key: "phase", from: "version", to: "reverted" }]],
  ])("is %s", (_, change, edits) => {
    const step = mergedStep(config, withIris(change));
    expect(step).toEqual({ model: "iris", edits });
    expect(step && isWayBack(step)).toBe("phase" in change && change.phase === "reverted");
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ["nothing", config],
    ["another key of the model", withIris({ traffic: 50, from: "4" })],
    ["a key that goes", { ...config, zoo: { ...config.zoo, iris: { ...iris, traffic: undefined } } }],
    ["a key beside the zoo", { ...withIris({ traffic: 50 }), namespace: "zoo" }],
    [
      "two models",
      { ...config, zoo: { iris: { ...iris, traffic: 50 }, other: { truss: "models/other", phase: "off" } } },
    ],
    ["a model that comes", { ...config, zoo: { ...config.zoo, third: { truss: "models/third", phase: "done" } } }],
    ["a model that goes", { ...config, zoo: { iris } }],
  ])("is not %s", (_, after) => {
    expect(mergedStep(config, after)).toBeUndefined();
  });
});
