import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { pipelineCronJob, type StatePipelineSpec } from "../src/domain/release/pipelineJob.ts";
import { declared } from "../src/environment/ownership.ts";
import { CheckoutImage } from "../src/resources/checkoutImage.ts";
import { StateJob } from "../src/resources/stateJob.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link StatePipeline}. */
export interface StatePipelineArgs extends Omit<StatePipelineSpec, "image"> {
  /** Schema of the release's state. */
  readonly schema: string;
  /** `<url>@sha256:<digest>`, or the folder of the project that an image is made of, with its content hash. */
  readonly code: { readonly image: string } | { readonly folder: string; readonly hash: string };
  /**
   * When it runs, as cron writes it.
   * @default it runs once for the release, and is waited for
   */
  readonly schedule?: string | undefined;
  /** Of the schedule, such as `Etc/UTC`. */
  readonly timeZone: string;
  /** What the `up` does, for the preview. */
  readonly plan: string;
  /**
   * Context of the kubeconfig.
   * @default the kubeconfig's current context
   */
  readonly kubeContext?: string | undefined;
  /**
   * Secret url of the database, for the journal of what ran.
   * @default the environment variable MENAGERIE_DATABASE_URL
   */
  readonly database?: pulumi.Input<string> | undefined;
}

/**
 * A pipeline that builds a release's state, configured by the release's ConfigMap and the Secret of its pipelines alone: a Job
 * that runs once for the release, or a CronJob that works in the release that is current. What ran for a release never runs
 * again for it. Needs the release's `ReleaseSchema` and `ReleaseEnvironment` in `dependsOn`.
 *
 * @example
 * new StatePipeline("embed", { name: "embed", tag: "v1.2.3", schema: "v1.2.3", code: { image }, command: ["embed"], ... }, { dependsOn: release.ready });
 */
export class StatePipeline extends pulumi.ComponentResource {
  constructor(name: string, args: StatePipelineArgs, options?: pulumi.ComponentResourceOptions) {
    const { plan, database, ...own } = args;
    super("menagerie:release:StatePipeline", name, registered(own), options);
    const parent = { parent: this };
    const { schema, code, schedule, timeZone, kubeContext, ...spec } = own;
    pulumi.log.info(`pipeline ${spec.name}: ${plan}`, this);
    if (schedule === undefined) {
      const source = "image" in code ? { folder: null, hash: null, ...code } : { image: null, ...code };
      new StateJob(
        `${name}-${spec.tag}`,
        {
          ...spec,
          ...source,
          schema,
          ...(kubeContext === undefined ? {} : { context: kubeContext }),
          ...(database === undefined ? {} : { database: pulumi.secret(database) }),
        },
        parent,
      );
    } else {
      const image =
        "image" in code
          ? code.image
          : new CheckoutImage(`pipeline-${name}`, { name, entry: "", ...code }, parent).image;
      const cronJob = pipelineCronJob<pulumi.Input<string>>({ ...spec, image }, { schedule, timeZone });
      new kubernetes.batch.v1.CronJob(name, { ...cronJob, metadata: declared(cronJob.metadata) }, parent);
    }
    this.registerOutputs({});
  }
}
