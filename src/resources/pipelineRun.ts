import * as pulumi from "@pulumi/pulumi";
import { delegate } from "../providers/delegate.ts";
import type { PipelineRunInputs } from "../providers/pipelineRun.ts";

export type PipelineRunArgs = { readonly [Key in keyof PipelineRunInputs]: pulumi.Input<PipelineRunInputs[Key]> };

/** Exists once the pipeline ran for its release: depend on it to work in a state that is built. */
export class PipelineRun extends pulumi.dynamic.Resource {
  constructor(name: string, args: PipelineRunArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = { ran: undefined, finishedAt: undefined };
    super(delegate("pipelineRun"), name, { ...args, ...outputs }, options, "menagerie", "PipelineRun");
  }
}
