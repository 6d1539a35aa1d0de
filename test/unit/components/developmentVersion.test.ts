import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { DevelopmentVersion, type DevelopmentVersionArgs } from "../../../components/developmentVersion.ts";
import { OtherResource, partsOf } from "../../support/playedEngine.ts";

const [baseHash, headHash] = ["<base>", "<head>"];

const declared = (more: Partial<DevelopmentVersionArgs> = {}) =>
  partsOf(() => {
    const ready = new OtherResource("Api", "api");
    return new DevelopmentVersion("greeter", {
      kubernetesName: "greeter",
      namespace: "models",
      truss: "models/greeter",
      trussHash: headHash,
      plan: { kind: "keep", headHash, ahead: false, seq: 1 },
      deployed: { baseHash, headHash, seq: 1 },
      number: 1,
      versionId: "21",
      builder: { builder: "directory" },
      mode: "Standard",
      resources: { cpu: "1", memory: "1Gi", gpus: 0 },
      env: {},
      placement: { pool: "cpu", tolerations: [] },
      priorityClass: "development",
      takeover: false,
      gateway: { name: "istio-ingress/models", hosts: ["*"], url: "http://gateway" },
      api: {
        url: "http://api",
        key: pulumi.secret("tulip"),
        backend: { service: "api", namespace: "menagerie", port: 80 },
        pingUrl: (id) => pulumi.secret(pulumi.interpolate`http://api/ping/${id}/daisy`),
        ready,
      },
      readyTimeoutSeconds: 60,
      ...more,
    });
  });

describe("a development version", () => {
  it("has image and service of its last full deployment, and a sync that nothing depends on", async () => {
    const made = await declared();
    expect(made("TrussImage greeter").inputs).toMatchObject({ hash: baseHash });
    expect(made("PatchSync greeter").options.dependsOn).toContain("InferenceService greeter");
    const dependents = made.names.filter((name) => JSON.stringify(made(name).options).includes("PatchSync"));
    expect(dependents).toEqual([]);
  });

  it("starts once the API service, which sends its patches, answers", async () => {
    expect((await declared())("component InferenceService greeter").options.dependsOn).toEqual(
      expect.arrayContaining(["Api api", "Secret greeter", "DevelopmentModelVersion greeter"]),
    );
  });

  it("tells the container its ping address by a Secret, so that its spec can be looked at", async () => {
    const made = await declared();
    expect(made("Secret greeter").inputs.stringData).toEqual({ secret: { url: "http://api/ping/21/daisy" } });
    expect(made("PatchSync greeter").inputs).toMatchObject({ apiKey: { secret: "tulip" } });
    const others = made.names.filter((name) => !/^(Secret|PatchSync) /.test(name)).map(made);
    expect(JSON.stringify(others)).not.toMatch(/tulip|daisy/);
  });

  it("registers the same inputs whatever is planned", async () => {
    const plan = { kind: "deploy", nextHash: "<next>", reasons: [] } as const;
    const kept = (await declared())("DevelopmentVersion greeter").inputs;
    const deployed = (await declared({ plan, trussHash: "<next>" }))("DevelopmentVersion greeter").inputs;
    expect(deployed).toEqual(kept);
    expect(kept).toMatchObject({ truss: "models/greeter", pool: "cpu", takeover: false });
  });
});
