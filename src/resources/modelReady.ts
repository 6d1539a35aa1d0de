import * as pulumi from "@pulumi/pulumi";
import { delegate } from "../providers/delegate.ts";
import type { ModelReadyInputs } from "../providers/modelReady.ts";

export type ModelReadyArgs = { readonly [Key in keyof ModelReadyInputs]: pulumi.Input<ModelReadyInputs[Key]> };

/** Exists once the model's newest revision answers: depend on it to act only then. */
export class ModelReady extends pulumi.dynamic.Resource {
  constructor(name: string, args: ModelReadyArgs, options?: pulumi.CustomResourceOptions) {
    super(delegate("modelReady"), name, args, options, "menagerie", "ModelReady");
  }
}
