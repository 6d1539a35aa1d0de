import { expect, it } from "vitest";
import { ReleaseRecord } from "../../../components/releaseRecord.ts";
import { OtherResource, partsOf } from "../../support/playedEngine.ts";

const intent = { environment: "staging", tag: "v1.2.3", models: [], planned: [], stateSchema: null };

const declared = (more: object = {}) =>
  partsOf(() => {
    const tables = new OtherResource("Tables", "tables");
    const args = { intent: intent as never, plan: "new", tables, namespace: "models", ...more };
    const record = new ReleaseRecord("release", args);
    const model = new OtherResource("Model", "iris", {}, { dependsOn: record.intent });
    record.close([model]);
  });

it("the end is written after everything that the deployment is made of, and that after the intent", async () => {
  const made = await declared();
  expect(made("Model iris").options.dependsOn).toEqual(["DeploymentIntent staging"]);
  expect(made("Deployment staging").options.dependsOn).toEqual(expect.arrayContaining(["Model iris"]));
});

it("an attempt that did not come to its end is due, and the next one is not", async () => {
  expect((await declared({ due: true }))("DeploymentIntent staging").inputs).toMatchObject({ due: true });
  expect((await declared())("DeploymentIntent staging").inputs).not.toHaveProperty("due");
});

it("the database's url is a secret of both, and no input of the component", async () => {
  const database = "postgresql://postgres:tulip@db/postgres";
  const made = await declared({ database });
  for (const name of ["DeploymentIntent staging", "Deployment staging"]) {
    expect(made(name).inputs).toMatchObject({ database: { secret: database } });
  }
  expect(made("ReleaseRecord release").inputs).toEqual({ tag: "v1.2.3", namespace: "models" });
});
