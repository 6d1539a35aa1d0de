import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { PredictionTablesInputs } from "./predictionTables.handler.ts";

/** Without rights, which the handler adds: they are what the checkout's files say. */
export type PredictionTablesArgs = ArgsOf<Omit<PredictionTablesInputs, "rights">>;

/** The tables of one recorded model, in a schema that exists, and the rights of its writer and readers, who exist too. */
export class PredictionTables extends DelegatedResource {
  constructor(name: string, args: PredictionTablesArgs, options?: pulumi.CustomResourceOptions) {
    super("predictionTables", name, args, options);
  }
}
