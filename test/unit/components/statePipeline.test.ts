import { describe, expect, it } from "vitest";
import { StatePipeline, type StatePipelineArgs } from "../../../components/statePipeline.ts";
import { partsOf } from "../../support/playedEngine.ts";

const declared = (more: Partial<StatePipelineArgs>) =>
  partsOf(
    () =>
      new StatePipeline("embed", {
        name: "embed",
        namespace: "models",
        tag: "v1.1.0",
        schema: "v1.1.0",
        code: { folder: "pipelines", hash: "a1" },
        command: ["node", "embed.mjs"],
        env: {},
        resources: { cpu: "1", memory: "1Gi", gpus: 0 },
        placement: { pool: "cpu", tolerations: [] },
        timeoutSeconds: 600,
        retries: 1,
        timeZone: "Etc/UTC",
        plan: "runs for v1.1.0",
        database: "postgresql://postgres:tulip@db/postgres",
        ...more,
      }),
  );

describe("a pipeline", () => {
  it("without a schedule runs once for each release, under a name of the release's", async () => {
    const made = await declared({});
    expect(made.names).toEqual(["PipelineRun embed-v1.1.0", "StatePipeline embed"]);
    expect(made("PipelineRun embed-v1.1.0").inputs).toMatchObject({ image: null, folder: "pipelines", hash: "a1" });
  });

  it("with one is a CronJob, which stays from release to release", async () => {
    expect((await declared({ schedule: "0 3 * * *" })).names).toEqual([
      "CheckoutImage pipeline-embed",
      "CronJob embed",
      "StatePipeline embed",
    ]);
  });

  it("registers what it is, and not what was planned: a plan is another one after each `up`", async () => {
    const inputs = async (plan: string) => (await declared({ plan }))("StatePipeline embed").inputs;
    expect(await inputs("runs for v1.1.0")).toEqual(await inputs("ran for v1.1.0"));
    expect(JSON.stringify(await inputs(""))).not.toContain("tulip");
  });
});
