import type * as pulumi from "@pulumi/pulumi";
import { StatePipeline } from "../../components/statePipeline.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import type { Environment } from "../environment/environment.ts";
import type { PlannedPipeline } from "../plan/pipelines.ts";

/**
 * The pipelines of the stack's release that work before its models start, or those that ask its models.
 * @param models of the release; undefined for the pipelines that work before them
 */
export function declarePipelines(environment: Environment, models?: readonly pulumi.Resource[]): StatePipeline[] {
  const { spec, facts, parts, cluster, database } = environment;
  const { state: plan } = facts;
  const { state } = parts;
  if (!plan || !state || !spec.state) return [];
  const { tag, schema } = plan.current;
  return Object.entries(spec.state.pipelines)
    .filter(([, { afterModels }]) => afterModels === (models !== undefined))
    .map(([name, pipeline]) => {
      const { command, env, pool, retries, schedule, timeZone, image, folder = "" } = pipeline;
      const planned = plan.pipelines.find((each) => each.name === name);
      const { placement, resources: nodes } = environment.nodesOf(pool);
      const gpus = pipeline.resources.gpus ?? (spec.pools[pool] ? 1 : 0);
      return new StatePipeline(
        name,
        {
          name,
          tag,
          schema,
          command,
          env,
          placement,
          retries,
          schedule,
          timeZone,
          namespace: spec.namespace,
          code: image === undefined ? { folder, hash: planned?.hash ?? "" } : { image },
          resources: { ...pipeline.resources, gpus },
          timeoutSeconds: pipeline.timeoutMinutes * 60,
          plan: describe(pipeline, tag, planned),
          kubeContext: spec.kubeContext,
          database,
        },
        { providers: [cluster], dependsOn: [...state.ready, ...nodes, ...(models ?? [])] },
      );
    });
}

function describe(
  { schedule, timeZone }: NonNullable<EnvironmentSpec["state"]>["pipelines"][string],
  tag: string,
  planned: PlannedPipeline | undefined,
): string {
  if (schedule !== undefined) return `runs in ${tag} by its schedule, "${schedule}" in ${timeZone}`;
  return planned?.ran ? `ran for ${tag}` : `runs for ${tag}`;
}
