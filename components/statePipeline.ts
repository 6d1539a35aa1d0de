import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { declaredPipeline } from "../src/config/pipelines.ts";
import { pipelineCronJob } from "../src/domain/release/pipelineJob.ts";
import { declared } from "../src/environment/ownership.ts";
import { refuse } from "../src/environment/refusals.ts";
import { told } from "../src/environment/told.ts";
import { describePipeline } from "../src/plan/describePipeline.ts";
import { CheckoutImage } from "../src/resources/checkoutImage.ts";
import { StateJob } from "../src/resources/stateJob.ts";
import type { OnEnvironment, ResourceArgs } from "./modelArgs.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link StatePipeline}, in the words of `menagerie:state.pipelines`. */
export interface StatePipelineArgs extends OnEnvironment {
  /** Program and arguments that its container runs. */
  readonly command: readonly string[];
  /**
   * Image of the container, as `<url>@sha256:<digest>`.
   * @default one made of `folder`
   */
  readonly image?: string | undefined;
  /** Folder of the program's folder that the image is made of: in an embedded environment only. */
  readonly folder?: string | undefined;
  /**
   * When it runs, as cron writes it.
   * @default it runs once for the release, and `up` waits for it
   */
  readonly schedule?: string | undefined;
  /**
   * Of the schedule.
   * @default Etc/UTC
   */
  readonly timeZone?: string | undefined;
  /**
   * How long one run may take, with its retries, in minutes.
   * @default 60
   */
  readonly timeoutMinutes?: number | undefined;
  /**
   * Pods that are tried after one that failed, in one run.
   * @default 0
   */
  readonly retries?: number | undefined;
  /**
   * Node pool of its pod: the name of a `GpuNodePool` of the environment.
   * @default cpu
   */
  readonly pool?: string | undefined;
  /**
   * Of its pod: cores, bytes with a suffix, whole GPUs.
   * @default { cpu: "1", memory: "2Gi" }, and one GPU on a pool that has any
   */
  readonly resources?: ResourceArgs | undefined;
  /**
   * Environment variables beside those of the release, which it may not change.
   * @default none
   */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/**
 * A pipeline that builds a release's state, configured by the release's ConfigMap and the Secret of its pipelines alone: a Job
 * that runs once for the release, or a CronJob that works in the release that is current. What ran for a release never runs
 * again for it. Needs the environment's `ReleaseSchema` and `ReleaseEnvironment` before it.
 *
 * @example
 * new StatePipeline("embed", { environment, image, command: ["embed"], schedule: "0 3 * * *" });
 */
export class StatePipeline extends pulumi.ComponentResource {
  constructor(name: string, args: StatePipelineArgs, options?: pulumi.ComponentResourceOptions) {
    const { environment, ...entry } = args;
    const { state } = environment.parts;
    if (!state) throw refuse("component.release-missing", { kind: "StatePipeline", name });
    const pipeline = told(() => declaredPipeline(name, entry));
    const { command, env, pool, retries, schedule, timeZone, timeoutMinutes, image, folder = "" } = pipeline;
    const { placement, resources: nodes } = environment.nodesOf(pool);
    const { namespace } = environment.spec;
    const { tag, schema } = state.release;
    const shown = registered({ ...pipeline, tag, schema, namespace });
    const after = environment.options(options, [...state.ready, ...nodes]);
    super("menagerie:release:StatePipeline", name, shown, after);
    const parent = { parent: this };
    const planned = pulumi.output(environment.plans.pipeline(name, pipeline));
    planned.apply((plan) => pulumi.log.info(`pipeline ${name}: ${describePipeline(pipeline, tag, plan)}`, this));
    const spec = {
      name,
      tag,
      namespace,
      command,
      env,
      retries,
      placement,
      resources: { ...pipeline.resources, gpus: pipeline.resources.gpus ?? nodes.length },
      timeoutSeconds: timeoutMinutes * 60,
    };
    const hash = planned.apply((plan) => plan.hash ?? "");
    if (schedule === undefined) {
      const source = image === undefined ? { image: null, folder, hash } : { folder: null, hash: null, image };
      const job = { ...spec, ...source, schema, ...environment.inCluster, ...environment.onDatabase };
      new StateJob(`${name}-${tag}`, job, parent);
    } else {
      const code = image ?? new CheckoutImage(`pipeline-${name}`, { name, entry: "", folder, hash }, parent).image;
      const cronJob = pipelineCronJob<pulumi.Input<string>>({ ...spec, image: code }, { schedule, timeZone });
      new kubernetes.batch.v1.CronJob(name, { ...cronJob, metadata: declared(cronJob.metadata) }, parent);
    }
    this.registerOutputs({});
  }
}
