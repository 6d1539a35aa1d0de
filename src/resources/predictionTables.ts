import type * as pulumi from "@pulumi/pulumi";
import { DelegatedResource } from "./delegatedResource.ts";
import type { PredictionTablesInputs } from "./predictionTables.handler.ts";

export type PredictionTablesArgs = {
  readonly [Key in keyof PredictionTablesInputs]: pulumi.Input<PredictionTablesInputs[Key]>;
};

/** The tables of one recorded model, in a schema that exists. */
export class PredictionTables extends DelegatedResource {
  constructor(name: string, args: PredictionTablesArgs, options?: pulumi.CustomResourceOptions) {
    super("predictionTables", name, args, options);
  }
}
