import * as pulumi from "@pulumi/pulumi";
import { delegate } from "../providers/delegate.ts";
import type { PredictionTablesInputs } from "../providers/predictionTables.ts";

export type PredictionTablesArgs = {
  readonly [Key in keyof PredictionTablesInputs]: pulumi.Input<PredictionTablesInputs[Key]>;
};

/** The tables of one recorded model, in a schema that exists. */
export class PredictionTables extends pulumi.dynamic.Resource {
  constructor(name: string, args: PredictionTablesArgs, options?: pulumi.CustomResourceOptions) {
    super(delegate("predictionTables"), name, { ...args }, options, "menagerie", "PredictionTables");
  }
}
