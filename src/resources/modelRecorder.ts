import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { ModelRecorderInputs } from "./modelRecorder.handler.ts";

export type ModelRecorderArgs = ArgsOf<ModelRecorderInputs>;

/** The recorder in front of a model that is served. Deleting it takes it away from there; the model goes on. */
export class ModelRecorder extends DelegatedResource {
  constructor(name: string, args: ModelRecorderArgs, options?: pulumi.CustomResourceOptions) {
    super("modelRecorder", name, args, options);
  }
}
