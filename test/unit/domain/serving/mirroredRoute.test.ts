import { describe, expect, it } from "vitest";
import { inferenceServiceManifest } from "../../../../src/domain/serving/inferenceService.ts";
import { mirroredRoute } from "../../../../src/domain/serving/mirroredRoute.ts";
import { revisionOf } from "../../../../src/domain/serving/revision.ts";
import type { ServedModel } from "../../../../src/domain/serving/servedModel.ts";

describe("a mirrored route", () => {
  it("goes by Knative's gateway where the primary does, while copies go straight to the shadows", () => {
    const [rule] = mirroredRoute({
      name: "next",
      namespace: "models",
      model: "next",
      kind: "shadow",
      managedBy: "stack",
      gateway: { name: "g/g", hosts: ["*"] },
      primary: { service: "next-primary", mode: "Knative" },
      shadows: ["next-a"],
      percent: 10,
    }).rules;
    expect(rule).toMatchObject({
      rewrite: { path: "/v1/", host: "next-primary-transformer.models.svc.cluster.local" },
      destinations: [{ service: "knative-local-gateway", namespace: "istio-system", port: 80 }],
      mirrors: [{ service: "next-a-transformer", namespace: "models", port: 80, percent: 10 }],
    });
  });
});

describe("a mirrored route whose models may sleep", () => {
  it("goes by a Service of each one's own, and names no version: the copies would have the primary's name", () => {
    const { rules } = mirroredRoute({
      name: "next",
      namespace: "models",
      model: "next",
      kind: "shadow",
      managedBy: "stack",
      gateway: { name: "g/g", hosts: ["*"] },
      primary: { service: "next-primary", mode: "Standard" },
      shadows: ["next-a", "next-b"],
      percent: 10,
      sleeping: { services: ["next-primary", "next-b"], servicesNamespace: "menagerie" },
    });
    expect(rules[0]?.destinations).toEqual([{ service: "next-primary-activator", namespace: "menagerie", port: 80 }]);
    expect(rules[0]?.mirrors).toEqual([
      { service: "next-a-transformer", namespace: "models", port: 80, percent: 10 },
      { service: "next-b-activator", namespace: "menagerie", port: 80, percent: 10 },
    ]);
    expect(JSON.stringify(rules)).not.toContain("x-menagerie-version");
  });
});

describe("a recorded model", () => {
  const model: ServedModel = {
    name: "next-a",
    namespace: "models",
    model: "next",
    kind: "shadow",
    managedBy: "stack",
    mode: "Standard",
    image: "i@sha256:1",
    trussHash: "h",
    env: {},
    replicas: { min: 1, max: 1 },
    resources: { cpu: "1", memory: "1Gi", gpus: 1 },
    placement: { pool: "t4", tolerations: [] },
    recorder: {
      image: "r@sha256:2",
      secretName: "next-a-recorder",
      secretRevision: "1",
      schema: "shadow_next_a",
      version: "v",
      replicas: 2,
      storedHeaders: ["x-tenant"],
      logMebibytes: 64,
      settings: { sample: 12.5, bodies: false, redact: [{ kind: "email" }] },
    },
  };

  it("has its recorder in front, on ordinary nodes, with its own login and no other secret", () => {
    const { transformer } = inferenceServiceManifest(model).spec;
    const [container] = transformer?.containers ?? [];
    expect(transformer).toMatchObject({ minReplicas: 2, nodeSelector: { "menagerie.dev/pool": "cpu" } });
    expect(container?.env).toContainEqual({
      name: "MENAGERIE_DATABASE_URL",
      valueFrom: { secretKeyRef: { name: "next-a-recorder", key: "url" } },
    });
    expect(container?.readinessProbe).toMatchObject({ httpGet: { path: "/readyz", port: 8080 } });
    expect(transformer?.volumes).toEqual([{ name: "recorder-log", emptyDir: { sizeLimit: "192Mi" } }]);
  });

  it("gets new pods when the recorder's login changes", () => {
    const { recorder } = model;
    if (!recorder) throw new Error("the model has a recorder");
    const changed = { ...model, recorder: { ...recorder, secretRevision: "2" } };
    expect(revisionOf(inferenceServiceManifest(changed))).not.toBe(revisionOf(inferenceServiceManifest(model)));
  });
});
