import type { ClientBase } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensurePredictionTables } from "../../../../src/adapters/postgres/predictions/ensureTables.ts";
import { recordedRequestOfId } from "../../../../src/adapters/postgres/predictions/recordedRequests.ts";
import { withClient } from "../../../../src/adapters/postgres/server.ts";
import { recordedRequest } from "../../../../src/cli/bisect/request.ts";
import { deploymentsBetween, searchedReleases } from "../../../../src/cli/bisect/searchedHistory.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { deploy } from "../../../support/deploymentRecord.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { storePredictions } from "../../../support/predictions.ts";

/** What `menagerie bisect` reads of the record and of recorded requests. */

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  await on(async (client) => {
    for (const version of [1, 2, 3]) await deploy(client, "local", { iris: version }, { zoo: {} });
    await deploy(client, "staging", { iris: 1 }, { zoo: {} });
    // Back to a release that was there: its tag again, as a deployment of its own.
    await deploy(client, "local", { iris: 2 }, { zoo: {} });
  });
});
afterAll(() => postgres.stop());

function on<Result>(work: (client: ClientBase) => Promise<Result>): Promise<Result> {
  return withClient(postgres.server, platformDatabase, work);
}

const between = (from: string, to: string) => on((client) => deploymentsBetween(client, { stack: "local", from, to }));
const tags = async (from: string, to: string) => (await between(from, to)).map(({ tag }) => tag);

describe("the history between two ends", () => {
  it("is that of one stack, the oldest first, by tags, numbers and moments", async () => {
    const all = ["release-1", "release-2", "release-3", "release-2"];
    const ids = (await between("release-1", "release-2")).map(({ id }) => id);
    expect(await tags("release-1", "release-2")).toEqual(all);
    expect(await tags(ids[1] ?? "", ids[2] ?? "")).toEqual(["release-2", "release-3"]);
    const [first] = await between("release-1", "release-3");
    const then = new Date((first?.since.getTime() ?? 0) + 1).toISOString();
    expect(await tags(then, "0m")).toEqual(all);
  });

  it("is refused for ends in the wrong order, unknown ones, and moments before the first deployment", async () => {
    await expect(between("release-3", "release-1")).rejects.toThrow(
      /release-3 \(deployment \d+\) is not before release-1/,
    );
    await expect(between("release-1", "release-9")).rejects.toThrow("release-9");
    await expect(between("2020-01-01T00:00Z", "0m")).rejects.toThrow(
      "2020-01-01T00:00Z: nothing was deployed to local yet",
    );
  });

  it("has a reason for what cannot be brought up, and what of each release answers for the model", async () => {
    const deployments = await between("release-1", "release-3");
    const releases = await on((client) =>
      searchedReleases(client, deployments, {
        stack: "local",
        model: "iris",
        readRunnable: async (_, { tag, models }) => ({
          name: tag,
          state: null,
          models: models.map(({ name }) => ({
            name: tag === "release-2" ? "another" : name,
            content: { folder: "/models/iris", hash: tag },
            resources: { cpu: "1", memory: "1Gi", gpus: 0 },
            env: {},
            secrets: [],
          })),
        }),
      }),
    );
    expect(
      releases.map(({ combination }) => ("notJudged" in combination ? combination.notJudged : combination.name)),
    ).toEqual(["release-1", "it does not serve iris", "release-3"]);
  });
});

describe("a recorded request", () => {
  const at = new Date();
  const recordings = [
    { name: "other", kind: "zoo", schema: "other" },
    { name: "iris", kind: "zoo", schema: "iris" },
    { name: "next", kind: "shadow", schema: "next" },
  ] as const;

  beforeAll(() =>
    on(async (client) => {
      for (const { schema } of recordings)
        await ensurePredictionTables(client, schema, { writers: [], readers: [], keepers: [] });
      await storePredictions(client, "iris", [
        { id: "r1", at, request: { instances: [1] }, operation: "predict", url: "/v1/models/iris:predict" },
        { id: "r1", at, attempt: 2, request: { instances: [2] }, operation: "predict" },
        { id: "r2", at, request: { instances: ["ps:1"] } },
        { id: "r3", at, request: {} },
      ]);
      await storePredictions(client, "next", [{ id: "r4", at, request: { instances: [4] } }]);
      await client.query("UPDATE iris.inference_requests SET redacted = true WHERE request_id = 'r2'");
      await client.query("UPDATE iris.inference_requests SET truncated = true WHERE request_id = 'r3'");
    }),
  );

  it("is found in whichever recording it is, with the model, the latest attempt", async () => {
    const { model, request, text } = await on((client) => recordedRequest(client, recordings, "r1"));
    expect([model, text, request.operation, JSON.parse(request.body.toString())]).toEqual([
      "iris",
      "request r1",
      "predict",
      { instances: [2] },
    ]);
    expect((await on((client) => recordedRequest(client, recordings, "r4"))).model).toBeUndefined();
  });

  it("is refused where what was asked is not known any more", async () => {
    await expect(on((client) => recordedRequest(client, recordings, "r2"))).rejects.toThrow(
      "values in it were redacted",
    );
    await expect(on((client) => recordedRequest(client, recordings, "r3"))).rejects.toThrow("not kept whole");
    await expect(on((client) => recordedRequest(client, recordings, "r9"))).rejects.toThrow("other, iris, next");
    await expect(on((client) => recordedRequest(client, [], "r9"))).rejects.toThrow("nothing of the stack is recorded");
    expect(await on((client) => recordedRequestOfId(client, "iris", "r9"))).toBeUndefined();
  });
});
