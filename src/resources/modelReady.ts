import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { ModelReadyInputs } from "./modelReady.handler.ts";

export type ModelReadyArgs = ArgsOf<ModelReadyInputs>;

/** Exists once the model's newest revision answers: depend on it to act only then. */
export class ModelReady extends DelegatedResource {
  constructor(name: string, args: ModelReadyArgs, options?: pulumi.CustomResourceOptions) {
    super("modelReady", name, args, options);
  }
}
