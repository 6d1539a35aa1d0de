import { describe, expect, it } from "vitest";
import { StatePipeline, type StatePipelineArgs } from "../../../components/statePipeline.ts";
import { environmentOf, environmentOnPlatform } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

const run = { folder: "pipelines", command: ["node", "embed.mjs"], timeoutMinutes: 10, retries: 1 };

const declared = (more: Partial<StatePipelineArgs> = {}, ran = false) =>
  partsOf(() => {
    const state = { pipelines: [{ name: "embed", hash: "a1", ran }] };
    const environment = environmentOnPlatform({}, { state: state as never });
    const source = { configMap: "env", values: {} };
    const release = { tag: "v1.1.0", schema: "v1.1.0" };
    environment.parts.state = { release, environment: source, shared: source, ready: [] };
    return new StatePipeline("embed", { environment, ...run, ...more });
  });

describe("a pipeline", () => {
  it("without a schedule runs once for each release, under a name of the release's", async () => {
    const made = await declared();
    expect(made.names).toEqual(expect.arrayContaining(["PipelineRun embed-v1.1.0", "StatePipeline embed"]));
    expect(made("PipelineRun embed-v1.1.0").inputs).toMatchObject({ image: null, folder: "pipelines", hash: "a1" });
  });

  it("with one is a CronJob, which stays from release to release", async () => {
    expect((await declared({ schedule: "0 3 * * *" })).names).toEqual(
      expect.arrayContaining(["CheckoutImage pipeline-embed", "CronJob embed", "StatePipeline embed"]),
    );
  });

  it("registers what it is, and not what was planned: a plan is another one after each `up`", async () => {
    const inputs = async (ran: boolean) => (await declared({}, ran))("StatePipeline embed").inputs;
    expect(await inputs(true)).toEqual(await inputs(false));
    expect(JSON.stringify(await inputs(false))).not.toMatch(/tulip|lily/);
  });

  it("is refused as in a stack's config, and without a release", async () => {
    await expect(declared({ retries: -1 })).rejects.toThrow("menagerie:state.pipelines.embed.retries");
    await partsOf(() => {
      expect(() => new StatePipeline("embed", { environment: environmentOf(), ...run })).toThrow(
        "declare ReleaseSchema",
      );
    });
  });
});
