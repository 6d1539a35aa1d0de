import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { ModelVersionInputs } from "./modelVersion.handler.ts";

export type ModelVersionArgs = ArgsOf<ModelVersionInputs>;

/** A version of a zoo model in the platform's tables, under the number that was planned for it. */
export class ModelVersion extends DelegatedResource {
  /** Id of the row. */
  declare readonly versionId: pulumi.Output<string>;

  constructor(name: string, args: ModelVersionArgs, options?: pulumi.CustomResourceOptions) {
    super("modelVersion", name, { ...args, versionId: undefined }, options);
  }
}
