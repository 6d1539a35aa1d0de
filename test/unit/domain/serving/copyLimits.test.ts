import { describe, expect, it } from "vitest";
import {
  type CopyLimits,
  copyBuffersManifest,
  copyRulesManifests,
  isIstioGateway,
} from "../../../../src/domain/serving/copyLimits.ts";
import { idleConnectionsManifest } from "../../../../src/domain/serving/idleConnections.ts";

const limits: CopyLimits = {
  name: "next",
  namespace: "models",
  model: "next",
  kind: "shadow",
  managedBy: "stack",
  gateway: { name: "istio-ingress/models", hosts: ["*"] },
  shadows: ["next-a", "next-b"],
};

describe("what bounds the copies of a mirrored route", () => {
  it("is of every shadow, and of nothing else at the gateway", () => {
    const { metadata, spec } = copyBuffersManifest(limits);
    expect(metadata).toMatchObject({ name: "models-next-copies", namespace: "istio-ingress" });
    expect(spec.configPatches.map(({ match }) => match)).toEqual(
      ["a", "b"].map((shadow) => ({
        context: "GATEWAY",
        cluster: { service: `next-${shadow}-transformer.models.svc.cluster.local` },
      })),
    );
    const rules = copyRulesManifests(limits);
    // One rule holds for a host: these take the place of the namespace's.
    for (const { spec } of rules) {
      expect(spec.trafficPolicy.connectionPool.http).toMatchObject(
        idleConnectionsManifest("models").spec.trafficPolicy.connectionPool.http,
      );
    }
    expect(rules.map(({ metadata: { name, namespace }, spec: { host } }) => [name, namespace, host])).toEqual(
      ["a", "b"].map((shadow) => [
        `next-${shadow}-transformer`,
        "models",
        `next-${shadow}-transformer.models.svc.cluster.local`,
      ]),
    );
  });

  it("is of what wakes a shadow that may sleep, beside that", () => {
    const sleeping = { services: ["next-primary", "next-b"], servicesNamespace: "menagerie" };
    const { configPatches } = copyBuffersManifest({ ...limits, sleeping }).spec;
    expect(configPatches[1]?.match.cluster.service).toBe("next-b-activator.menagerie.svc.cluster.local");
    const rules = copyRulesManifests({ ...limits, sleeping });
    expect(rules.map(({ metadata: { name, namespace } }) => [name, namespace])).toEqual([
      ["next-a-transformer", "models"],
      ["next-b-activator", "menagerie"],
    ]);
  });

  it("is Istio's to do", () => {
    expect(isIstioGateway({ gateway: {} })).toBe(true);
    expect(isIstioGateway({ gateway: { api: "gateway-api" } })).toBe(false);
    expect(isIstioGateway({ gateway: { api: "gateway-api" }, mesh: {} })).toBe(true);
  });
});
