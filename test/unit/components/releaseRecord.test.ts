import { expect, it } from "vitest";
import { ModelZooEntry } from "../../../components/modelZooEntry.ts";
import { ReleaseRecord } from "../../../components/releaseRecord.ts";
import type { PlannedRelease } from "../../../src/plan/release.ts";
import { environmentOfProgram, environmentOnPlatform } from "../../support/componentEnvironment.ts";
import { OtherResource, partsOf } from "../../support/playedEngine.ts";

const intent = { environment: "test", tag: "v1.2.3", models: [], planned: [], stateSchema: null };

const declared = (more: Partial<PlannedRelease> = {}, isPartial = false) =>
  partsOf(() => {
    const release = { intent: intent as never, basis: "read" as const, recorded: false, ...more };
    const record = new ReleaseRecord("release", { environment: environmentOnPlatform({}, { release, isPartial }) });
    const model = new OtherResource("Model", "iris", {}, { dependsOn: record.intent });
    record.close([model]);
  });

it("the end is written after everything that the deployment is made of, and that after the intent", async () => {
  const made = await declared();
  expect(made("Model iris").options.dependsOn).toEqual(["DeploymentIntent test"]);
  expect(made("Deployment test").options.dependsOn).toEqual(expect.arrayContaining(["Model iris"]));
});

it("an attempt that did not come to its end is due, and the next one is not", async () => {
  expect((await declared({ due: true }))("DeploymentIntent test").inputs).toMatchObject({ due: true });
  expect((await declared())("DeploymentIntent test").inputs).not.toHaveProperty("due");
});

it("a run about some resources leaves the record as it is", async () => {
  expect((await declared({}, true))("DeploymentIntent test").options).toMatchObject({
    ignoreChanges: expect.arrayContaining(["tag"]),
  });
});

it("the database's url is a secret of both, and no input of the component", async () => {
  const made = await declared();
  for (const name of ["DeploymentIntent test", "Deployment test"]) {
    expect(made(name).inputs).toMatchObject({ database: { secret: expect.stringContaining("lily") } });
  }
  expect(JSON.stringify(made("ReleaseRecord release").inputs)).not.toContain("lily");
});

it("of a program it says what was declared when it is closed", async () => {
  const made = await partsOf(() => {
    const environment = environmentOfProgram();
    const record = new ReleaseRecord("release", { environment });
    const iris = new ModelZooEntry("iris", { environment, truss: "models/iris", phase: "done" });
    record.close([iris]);
  });
  expect(made("DeploymentIntent test").inputs).toMatchObject({
    tag: "release-1",
    models: [expect.stringMatching(/^iris 1 [0-9a-f]{24}$/)],
  });
  expect(made("ModelZooEntry iris").options.dependsOn).toContain("DeploymentIntent test");
});
