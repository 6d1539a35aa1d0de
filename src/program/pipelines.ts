import type * as pulumi from "@pulumi/pulumi";
import { StatePipeline } from "../../components/statePipeline.ts";
import type { Environment } from "../environment/environment.ts";

/**
 * The pipelines of the stack's release that work before its models start, or those that ask its models.
 * @param models of the release; undefined for the pipelines that work before them
 */
export function declarePipelines(environment: Environment, models?: readonly pulumi.Resource[]): StatePipeline[] {
  return Object.entries(environment.spec.state?.pipelines ?? {})
    .filter(([, { afterModels }]) => afterModels === (models !== undefined))
    .map(([name, { afterModels: _, ...pipeline }]) => {
      return new StatePipeline(name, { environment, ...pipeline }, { dependsOn: [...(models ?? [])] });
    });
}
