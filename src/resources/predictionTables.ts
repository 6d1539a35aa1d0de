import type * as pulumi from "@pulumi/pulumi";
import type { PredictionTablesInputs } from "../providers/predictionTables.ts";
import { DelegatedResource } from "./delegatedResource.ts";

export type PredictionTablesArgs = {
  readonly [Key in keyof PredictionTablesInputs]: pulumi.Input<PredictionTablesInputs[Key]>;
};

/** The tables of one recorded model, in a schema that exists. */
export class PredictionTables extends DelegatedResource {
  constructor(name: string, args: PredictionTablesArgs, options?: pulumi.CustomResourceOptions) {
    super("predictionTables", name, args, options);
  }
}
