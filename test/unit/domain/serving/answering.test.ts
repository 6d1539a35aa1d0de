import { describe, expect, it } from "vitest";
import { modelRoute } from "../../../../src/domain/serving/modelRoute.ts";
import { answeringBackend, answeringOrigin } from "../../../../src/domain/serving/servedModel.ts";

describe("where requests to a model go", () => {
  it("is its recorder where it has one, else the model", () => {
    const to = (recorded: boolean) => answeringBackend({ service: "iris-v2", recorded }, "models");
    expect(to(true)).toEqual({ service: "iris-v2-transformer", namespace: "models", port: 80 });
    expect(to(false)).toEqual({ service: "iris-v2-predictor", namespace: "models", port: 80 });
    expect(answeringOrigin({ service: "iris-v2", recorded: true }, "models")).toBe(
      "http://iris-v2-transformer.models.svc.cluster.local",
    );
  });

  it("is the same for its route in both modes", () => {
    const identity = { name: "iris", namespace: "models", model: "iris", kind: "zoo", managedBy: "stack" } as const;
    const gateway = { name: "g/g", hosts: ["*"] };
    const rule = (mode: "Standard" | "Knative") =>
      modelRoute({ ...identity, service: "iris-v2", recorded: true, mode, gateway }).rules[0];
    expect(rule("Standard")?.destinations).toEqual([
      answeringBackend({ service: "iris-v2", recorded: true }, "models"),
    ]);
    expect(rule("Knative")?.rewrite?.host).toBe("iris-v2-transformer.models.svc.cluster.local");
  });
});
