import { expect, it } from "vitest";
import { servedModels } from "../../../../src/domain/release/observed.ts";
import { modelRoute } from "../../../../src/domain/serving/modelRoute.ts";
import { virtualServiceManifest } from "../../../../src/domain/serving/virtualService.ts";

it.each([
  ["Standard", false],
  ["Standard", true],
  ["Knative", false],
  ["Knative", true],
] as const)("a release has the model that a route leads to, in %s mode, recorded: %s", (mode, recorded) => {
  const identity = { name: "iris", namespace: "models", model: "iris", kind: "zoo", managedBy: "stack" } as const;
  const gateway = { name: "g/g", hosts: ["*"] };
  const route = virtualServiceManifest(
    modelRoute({ ...identity, service: "iris-v2-1a2b3c4d", recorded, mode, gateway }),
  );
  const metadata = {
    name: "iris-v2-1a2b3c4d",
    labels: { "app.kubernetes.io/name": "iris-v2" },
    annotations: { "menagerie.dev/truss-hash": "h2" },
  };
  const image = "registry/iris@sha256:2";
  const service = { metadata, spec: { predictor: { containers: [{ image }] } } };
  expect(servedModels([route], [service])).toEqual([
    { name: "iris", service: "iris-v2", source: "zoo", hash: "h2", version: 2, digest: "sha256:2" },
  ]);
});
