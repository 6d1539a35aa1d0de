import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { restoreState } from "../../../../../src/adapters/postgres/releaseState/dump.ts";
import { ensureReleaseState, useReleaseState } from "../../../../../src/adapters/postgres/releaseState/ensure.ts";
import {
  beginPipeline,
  finishPipeline,
  readPipeline,
  readPipelines,
} from "../../../../../src/adapters/postgres/releaseState/pipelines.ts";
import { dropRetired, markRetired } from "../../../../../src/adapters/postgres/releaseState/retire.ts";
import { withClient } from "../../../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../../src/domain/progress.ts";
import { judgeJob } from "../../../../../src/domain/release/jobProgress.ts";
import { pipelineCronJob, pipelineJob, pipelineJobName } from "../../../../../src/domain/release/pipelineJob.ts";
import { makePlatformTables } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { stateOf } from "../../../../support/releaseStates.ts";

const spec = {
  name: "embed",
  namespace: "models",
  tag: "v1.2.3",
  image: "registry/embed@sha256:0",
  command: ["embed", "--all"],
  env: { MODEL: "small" },
  resources: { cpu: "1", memory: "2Gi", gpus: 0 },
  placement: { pool: "cpu", tolerations: [] },
  timeoutSeconds: 3600,
  retries: 2,
};

describe("a pipeline's Job", () => {
  it("is configured by the release's ConfigMap and the Secret of its pipelines, and by no other Secret", () => {
    const [container] = pipelineJob(spec, "run").spec.template.spec.containers;
    expect(container?.envFrom).toEqual([
      { configMapRef: { name: "env-v1.2.3" } },
      { secretRef: { name: "env-v1.2.3-pipeline" } },
    ]);
    expect(container?.env).toEqual([{ name: "MODEL", value: "small" }]);
  });

  it("has a name that fits a label, whatever the tag", () => {
    const name = pipelineJobName("a".repeat(22), `v1.2.3-${"model1v42-".repeat(15)}`);
    expect(name.length).toBeLessThanOrEqual(63);
    expect(name).toMatch(/^[a-z]([a-z0-9.-]*[a-z0-9])?$/);
  });

  it("is given up after its retries and its time, and leaves no pod that starts again", () => {
    const { spec: job } = pipelineJob(spec, "run");
    expect(job).toMatchObject({ backoffLimit: 2, activeDeadlineSeconds: 3600 });
    expect(job.template.spec).toMatchObject({ restartPolicy: "Never", automountServiceAccountToken: false });
  });

  it("has the same pods by a schedule, never two at once", () => {
    const cron = pipelineCronJob(spec, { schedule: "0 3 * * *", timeZone: "Etc/UTC" });
    expect(cron.spec.jobTemplate.spec.template).toEqual(pipelineJob(spec, "run").spec.template);
    expect(cron.spec).toMatchObject({ concurrencyPolicy: "Forbid", schedule: "0 3 * * *" });
  });
});

describe("a Job is judged", () => {
  const job = (type?: string, reason = "") => ({
    status: { conditions: type === undefined ? [] : [{ type, status: "True", reason, message: "it is so" }] },
  });
  const pod = (phase: string, state: object) => ({
    metadata: { name: "embed-x" },
    status: { phase, containerStatuses: [{ name: "pipeline", state }] },
  });

  it("complete and failed by its conditions, with the pod whose log tells why", () => {
    expect(judgeJob(job("Complete"), [], "cpu")).toEqual({ state: "complete" });
    const ended = pod("Failed", { terminated: { exitCode: 3, reason: "Error" } });
    expect(judgeJob(job("Failed", "BackoffLimitExceeded"), [ended], "cpu")).toEqual({
      state: "failed",
      reason: "its container ended with exit code 3 (Error)",
      pod: "embed-x",
    });
  });

  it("failed by its deadline, whose pods are gone", () => {
    expect(judgeJob(job("Failed", "DeadlineExceeded"), [], "cpu")).toEqual({
      state: "failed",
      reason: "it took longer than timeoutMinutes",
      pod: undefined,
    });
  });

  it("failed at once when its pod can never start, which nothing but the deadline would tell", () => {
    const stuck = pod("Pending", { waiting: { reason: "ErrImageNeverPull", message: "no such image." } });
    expect(judgeJob(job(), [stuck], "cpu")).toMatchObject({
      state: "failed",
      reason: "container pipeline cannot start (ErrImageNeverPull): no such image",
    });
  });

  it("running, with what it waits for", () => {
    expect(judgeJob(job(), [pod("Running", { running: {} })], "cpu")).toEqual({
      state: "running",
      reason: "its pod runs",
    });
    const unplaced = {
      status: {
        phase: "Pending",
        conditions: [
          { type: "PodScheduled", status: "False", message: "0/1 nodes are available: 1 Insufficient cpu." },
        ],
      },
    };
    expect(judgeJob(job(), [unplaced], "cpu")).toMatchObject({
      state: "running",
      reason: expect.stringMatching(/pool cpu has no cpu left/),
    });
  });
});

describe("the journal of pipelines", () => {
  let postgres: TestPostgres;
  let dumps: string;
  const options = { progress: silent };

  beforeAll(async () => {
    dumps = await mkdtemp(join(tmpdir(), "menagerie-dumps-"));
    postgres = await startPostgres();
    await makePlatformTables(postgres.server);
    await make("v1");
  });

  afterAll(async () => {
    await postgres.stop();
    await rm(dumps, { recursive: true });
  });

  async function make(tag: string): Promise<void> {
    await ensureReleaseState(postgres.server, stateOf({ tag }), options);
    await useReleaseState(postgres.server, tag);
  }
  const image = "registry/embed@sha256:1";

  it("has one row of each, which keeps its run until it came to its end", async () => {
    const first = await beginPipeline(postgres.server, "v1", "embed");
    expect(first).toMatchObject({ image: null, finishedAt: null });
    expect(await beginPipeline(postgres.server, "v1", "embed")).toEqual(first);
  });

  it("keeps what ran first, whoever says something else later", async () => {
    const begun = await beginPipeline(postgres.server, "v1", "embed");
    const ended = await finishPipeline(postgres.server, begun, { image, source: "abc" });
    expect(ended).toMatchObject({ image, source: "abc", finishedAt: expect.any(Date) });
    expect(await finishPipeline(postgres.server, begun, { image: "other", source: null })).toEqual(ended);
    expect(await beginPipeline(postgres.server, "v1", "embed")).toEqual(ended);
  });

  it("knows none of a state that is not there", async () => {
    await expect(beginPipeline(postgres.server, "v9", "embed")).rejects.toThrow(/schema "v9" has no finished state/);
    expect(await readPipeline(postgres.server, "v9", "embed")).toBeUndefined();
  });

  it("goes with its state, and comes back with its dump; of one that is made anew they run anew", async () => {
    const before = await readPipeline(postgres.server, "v1", "embed");
    await make("v2");
    await markRetired(postgres.server, { environment: "test", keep: ["v2"], retire: ["v1"], dumpTo: dumps });
    await dropRetired(postgres.server, "v1", options);
    expect(await withClient(postgres.server, platformDatabase, readPipelines)).toEqual([]);
    await expect(finishPipeline(postgres.server, before ?? never(), { image, source: null })).rejects.toThrow(
      /was recreated meanwhile/,
    );
    await restoreState(postgres.server, join(dumps, "v1"), options);
    expect(await readPipeline(postgres.server, "v1", "embed")).toMatchObject({ image, source: "abc" });
    await make("v3");
    expect((await beginPipeline(postgres.server, "v3", "embed")).run).not.toBe(before?.run);
  });
});

function never(): never {
  throw new Error("the row is gone");
}
