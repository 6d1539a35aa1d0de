import type * as pulumi from "@pulumi/pulumi";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { RolloutTrafficInputs } from "./rolloutTraffic.handler.ts";

export type RolloutTrafficArgs = ArgsOf<RolloutTrafficInputs>;

/** How the requests of a model are divided between the two versions of its rollout. */
export class RolloutTraffic extends DelegatedResource {
  constructor(name: string, args: RolloutTrafficArgs, options?: pulumi.CustomResourceOptions) {
    super("rolloutTraffic", name, args, options);
  }
}
