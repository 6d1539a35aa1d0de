import { expect, it } from "vitest";
import {
  activatorBackend,
  activatorService,
  serviceOfHost,
  shadowPort,
} from "../../../../src/domain/serving/activator.ts";
import { activatorPort, apiService, batchesPort, copiesPort } from "../../../../src/domain/serving/apiService.ts";
import { batchesService } from "../../../../src/domain/serving/batchRequests.ts";
import { hostOf } from "../../../../src/domain/serving/route.ts";
import { serviceBehind } from "../../../../src/domain/serving/servedModel.ts";

it("the host of a version's own Service names the version, with a port too", () => {
  const host = hostOf(activatorBackend("iris-v2", "menagerie"));
  expect(host).toBe("iris-v2-activator.menagerie.svc.cluster.local");
  for (const each of [host, `${host}:80`, "iris-v2-activator"]) expect(serviceOfHost(each)).toBe("iris-v2");
  expect(serviceBehind(host)).toBe("iris-v2");
  for (const other of ["", "-activator", "iris-v2-predictor.models.svc", "api.menagerie.svc", "models.example.com"])
    expect(serviceOfHost(other)).toBeUndefined();
});

it("Services lead to the ports of the API service's pods that look at headers, and select these pods", () => {
  const { spec } = activatorService("iris-v2", "menagerie");
  const batches = batchesService("menagerie");
  const { deployment } = apiService({
    namespace: "menagerie",
    image: "api",
    secretName: "s",
    secretRevision: "1",
    modelsNamespace: "models",
    requireApiKey: true,
    replicas: 1,
  });
  const { template } = deployment.spec;
  expect(template.metadata.labels).toMatchObject(spec.selector);
  // Pods of the API service are not ready while the database is away.
  expect(spec.publishNotReadyAddresses).toBe(true);
  expect(spec.ports).toEqual([
    { name: "http", port: 80, targetPort: activatorPort, protocol: "TCP" },
    { name: "http-copies", port: 81, targetPort: copiesPort, protocol: "TCP" },
  ]);
  const listening = template.spec.containers[0]?.ports.map(({ containerPort }) => containerPort);
  expect(listening).toEqual(expect.arrayContaining([activatorPort, copiesPort, batchesPort]));
  expect(batches.metadata).toMatchObject({ name: "batches", namespace: "menagerie" });
  expect(batches.spec).toEqual({
    ...spec,
    ports: [{ name: "http", port: 80, targetPort: batchesPort, protocol: "TCP" }],
  });
});

it("a model of a shadow deployment has a port that follows from its name, free of what Istio's proxies and Linux take", () => {
  // Services, and pods of an earlier release, go by these: they never change.
  expect(["next-primary", "next-candidate", "next-noise"].map(shadowPort)).toEqual([17_504, 21_889, 28_984]);
  const ports = Array.from({ length: 20_000 }, (_, index) => shadowPort(`next-${index}`));
  expect(Math.min(...ports)).toBeGreaterThan(15_999);
  expect(Math.max(...ports)).toBeLessThan(32_768);
  expect(new Set(ports).size).toBeGreaterThan(10_000);
  const { ports: own } = activatorService("next-candidate", "menagerie", shadowPort("next-candidate")).spec;
  expect(own).toEqual([{ name: "http", port: 80, targetPort: 21_889, protocol: "TCP" }]);
});
