import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { pipelineJob, type StatePipelineSpec } from "../domain/release/pipelineJob.ts";
import type { DatabaseInput } from "../providers/databaseInput.ts";
import { databaseServer } from "../providers/databaseServer.ts";
import type { Handler } from "../providers/handler.ts";
import { untilTerminated } from "../providers/host.ts";
import { refuse } from "../providers/refusals.ts";

export interface StateJobInputs extends DatabaseInput, Omit<StatePipelineSpec, "image"> {
  /** Schema of the release's state. */
  readonly schema: string;
  /** `<url>@sha256:<digest>`; null for an image of `folder`. */
  readonly image: string | null;
  /** Folder of the project that the image is made of, where none is named. */
  readonly folder: string | null;
  /** Content hash of the folder. */
  readonly hash: string | null;
  /** Context of the ambient kubeconfig; its current one when left out. */
  readonly context?: string;
}

export interface StateJobOutputs extends StateJobInputs {
  /** `<url>@<digest>` that ran. */
  readonly ran: string;
  /** When it came to its end, in ISO 8601. */
  readonly finishedAt: string;
}

/**
 * A pipeline that runs once for a release's state, as a Job that is waited for. One that ran never runs again for it, whatever
 * is declared since: the state has been worked in.
 */
export const stateJob: Handler<StateJobInputs, StateJobOutputs> = {
  inputs: {
    name: "replace",
    namespace: "update",
    tag: "replace",
    schema: "replace",
    image: "update",
    folder: "update",
    hash: "update",
    command: "update",
    env: "update",
    resources: "update",
    placement: "update",
    timeoutSeconds: "update",
    retries: "update",
    context: "update",
    database: "ignore",
  },
  async create(inputs) {
    return { id: `${inputs.schema}/${inputs.name}`, outs: await ran(inputs) };
  },
  update: (_id, _olds, news) => ran(news),
  async exists(_id, props) {
    const { readPipeline } = await import("../adapters/postgres/releaseState/pipelines.ts");
    const row = await readPipeline(databaseServer(props), props.schema, props.name);
    return row !== undefined && row.finishedAt !== null;
  },
};

async function ran(inputs: StateJobInputs): Promise<StateJobOutputs> {
  const { beginPipeline, finishPipeline } = await import("../adapters/postgres/releaseState/pipelines.ts");
  const server = databaseServer(inputs);
  const what = `pipeline ${inputs.name} of ${inputs.tag}`;
  let row = await beginPipeline(server, inputs.schema, inputs.name);
  if (row.finishedAt === null) {
    const image = await imageOf(inputs);
    await runOnce(inputs, what, image, row.run);
    row = await finishPipeline(server, row, { image, source: inputs.image === null ? inputs.hash : null });
  } else console.log(`${what}: ran before; what it runs now is for the next release`);
  return { ...inputs, ran: row.image ?? "", finishedAt: row.finishedAt?.toISOString() ?? "" };
}

async function runOnce(inputs: StateJobInputs, what: string, image: string, run: string): Promise<void> {
  const { ambientKubeConfig } = await import("../adapters/kubernetes/workloads.ts");
  const { runJob } = await import("../adapters/kubernetes/runJob.ts");
  const definition = createHash("sha256")
    .update(JSON.stringify(pipelineJob({ ...inputs, image }, "")))
    .digest("hex");
  const job = pipelineJob({ ...inputs, image }, `${run}-${definition.slice(0, 16)}`);
  const began = Date.now();
  await untilTerminated((signal) =>
    runJob({
      config: ambientKubeConfig(inputs.context),
      job,
      what,
      signal,
      pool: inputs.placement.pool,
      report: (reason) => console.log(`${what}: ${reason}`),
    }),
  );
  console.log(`${what}: done (${((Date.now() - began) / 1000).toFixed(1)} s)`);
}

async function imageOf({ name, image, folder, hash }: StateJobInputs): Promise<string> {
  if (image !== null) return image;
  const store = process.env.MENAGERIE_IMAGE_STORE;
  if (!store || folder === null || hash === null) {
    throw refuse("pipeline.no-image", { name });
  }
  const { putPipelineImage } = await import("../adapters/images/checkoutImage.ts");
  return putPipelineImage(store, resolve("."), { name, folder, hash });
}
