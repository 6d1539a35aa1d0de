import { describe, expect, it } from "vitest";
import { DevelopmentVersion, type DevelopmentVersionArgs } from "../../../components/developmentVersion.ts";
import type { DevelopmentPlan } from "../../../src/domain/development/plan.ts";
import { environmentOnPlatform } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

const [baseHash, headHash] = ["<base>", "<head>"];
const kept: DevelopmentPlan = { kind: "keep", headHash, ahead: false, seq: 1 };

const declared = (plan: DevelopmentPlan = kept, trussHash = headHash, more: Partial<DevelopmentVersionArgs> = {}) =>
  partsOf(() => {
    const deployed = { baseHash, headHash, seq: 1 };
    const environment = environmentOnPlatform(
      {},
      {
        trussHashes: new Map([["models/greeter", trussHash]]),
        development: new Map([["greeter", { plan, deployed, declaredBefore: undefined, number: 1, versionId: "21" }]]),
      },
    );
    return new DevelopmentVersion("greeter", { environment, truss: "models/greeter", ...more });
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
    const before = (await declared())("DevelopmentVersion greeter").inputs;
    const deployed = (await declared(plan, "<next>"))("DevelopmentVersion greeter").inputs;
    expect(deployed).toEqual(before);
    expect(before).toMatchObject({ truss: "models/greeter", pool: "cpu", takeover: false });
  });
});
