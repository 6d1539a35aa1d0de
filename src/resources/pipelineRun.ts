import type * as pulumi from "@pulumi/pulumi";
import type { PipelineRunInputs } from "../providers/pipelineRun.ts";
import { DelegatedResource } from "./delegatedResource.ts";

export type PipelineRunArgs = { readonly [Key in keyof PipelineRunInputs]: pulumi.Input<PipelineRunInputs[Key]> };

/** Exists once the pipeline ran for its release: depend on it to work in a state that is built. */
export class PipelineRun extends DelegatedResource {
  constructor(name: string, args: PipelineRunArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = { ran: undefined, finishedAt: undefined };
    super("pipelineRun", name, { ...args, ...outputs }, options);
  }
}
