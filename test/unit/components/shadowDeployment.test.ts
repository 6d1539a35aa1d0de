import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { ShadowDeployment, type ShadowedModel } from "../../../components/shadowDeployment.ts";
import { partsOf } from "../../support/playedEngine.ts";

const side = (name: string): ShadowedModel => ({
  service: `next-${name}`,
  schema: `shadow_next_${name}`,
  version: name,
  truss: "models/iris",
  trussHash: "a1",
  mode: "Standard",
  env: {},
  replicas: { min: 1, max: 1 },
  resources: { cpu: "1", memory: "1Gi", gpus: 0 },
  placement: { pool: "cpu", tolerations: [] },
  dependsOn: [],
});

it("the route begins once primary and shadows answer, and copies to the shadows alone", async () => {
  const made = await partsOf(
    () =>
      new ShadowDeployment("next", {
        name: "next",
        namespace: "models",
        builder: { builder: "directory" },
        readyTimeoutSeconds: 60,
        retentionDays: 30,
        urlFor: ({ password }) => pulumi.interpolate`postgresql://${password}@db`,
        database: "postgresql://postgres:tulip@db/postgres",
        primary: side("primary"),
        shadows: { candidate: side("candidate") },
        percent: 10,
        gateway: { name: "istio-ingress/models", hosts: ["models.example.com"], url: "https://models.example.com" },
        recorder: { image: "registry/recorder@sha256:0", storedHeaders: [], logMebibytes: 64 },
      }),
  );
  expect(made("TrafficMirror next").options.dependsOn).toEqual(
    expect.arrayContaining(["ModelReady next-primary-recorder", "ModelReady next-candidate-recorder"]),
  );
  expect(made("ShadowDeployment next").inputs).toMatchObject({ percent: 10, primary: { truss: "models/iris" } });
  expect(JSON.stringify(made("ShadowDeployment next").inputs)).not.toMatch(/tulip|https:/);
});
