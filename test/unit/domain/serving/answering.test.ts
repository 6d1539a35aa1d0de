import { describe, expect, it } from "vitest";
import { modelRoute } from "../../../../src/domain/serving/modelRoute.ts";
import { hostOf } from "../../../../src/domain/serving/route.ts";
import { answeringBackend, answeringOrigin, serviceBehind } from "../../../../src/domain/serving/servedModel.ts";

describe("where requests to a model go", () => {
  it("is its recorder where it has one, else the model", () => {
    const to = (recorded: boolean) => answeringBackend({ service: "iris-v2", recorded }, "models");
    expect(to(true)).toEqual({ service: "iris-v2-transformer", namespace: "models", port: 80 });
    expect(to(false)).toEqual({ service: "iris-v2-predictor", namespace: "models", port: 80 });
    expect(answeringOrigin({ service: "iris-v2", recorded: true }, "models")).toBe(
      "http://iris-v2-transformer.models.svc.cluster.local",
    );
  });

  it("is read back as the service that answers", () => {
    for (const recorded of [true, false]) {
      const { service } = answeringBackend({ service: "iris-v2-1a2b3c4d", recorded }, "models");
      expect(serviceBehind(service)).toBe("iris-v2-1a2b3c4d");
      expect(serviceBehind(hostOf({ service, namespace: "models" }))).toBe("iris-v2-1a2b3c4d");
    }
    expect(serviceBehind("menagerie-api.menagerie.svc.cluster.local")).toBeUndefined();
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
