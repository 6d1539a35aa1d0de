import type * as pulumi from "@pulumi/pulumi";
import type { CheckoutImageInputs } from "./checkoutImage.handler.ts";
import { DelegatedResource } from "./delegatedResource.ts";

/** Inputs of {@link CheckoutImage}; the hash of a program's pipeline is known only once its folder was read. */
export interface CheckoutImageArgs extends Omit<CheckoutImageInputs, "hash"> {
  readonly hash: pulumi.Input<string>;
}

/** The checkout as an image for one of its services or pipelines, in the local environment. */
export class CheckoutImage extends DelegatedResource {
  /** `<url>@<digest>`: what a container names. */
  declare readonly image: pulumi.Output<string>;

  constructor(name: string, args: CheckoutImageArgs, options?: pulumi.CustomResourceOptions) {
    super("checkoutImage", name, { ...args, image: undefined }, options);
  }
}
