import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { StateJobInputs } from "./stateJob.handler.ts";

export type StateJobArgs = ArgsOf<StateJobInputs>;

/** Exists once the pipeline ran for its release: depend on it to work in a state that is built. */
export class StateJob extends DelegatedResource {
  constructor(name: string, args: StateJobArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = { ran: undefined, finishedAt: undefined };
    // The kind, and the type that is made of it, stand in the states of stacks: they keep the name that the class had first.
    super("pipelineRun", name, { ...args, ...outputs }, options);
  }
}
