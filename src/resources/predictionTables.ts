import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { PredictionTablesInputs } from "./predictionTables.handler.ts";

export type PredictionTablesArgs = ArgsOf<PredictionTablesInputs>;

/** The tables of one recorded model, in a schema that exists. */
export class PredictionTables extends DelegatedResource {
  constructor(name: string, args: PredictionTablesArgs, options?: pulumi.CustomResourceOptions) {
    super("predictionTables", name, args, options);
  }
}
