import type * as pulumi from "@pulumi/pulumi";
import { DelegatedResource } from "./delegatedResource.ts";
import type { TrussImageInputs } from "./trussImage.handler.ts";

/** What builds a stack's images, see `menagerie:builds`. */
export interface ImageBuilder {
  readonly builder: TrussImageInputs["builder"];
  readonly pipeline?: pulumi.Input<NonNullable<TrussImageInputs["pipeline"]>>;
}

/** Inputs of {@link TrussImage}; all of them are known during a preview. */
export interface TrussImageArgs extends ImageBuilder, Pick<TrussImageInputs, "folder" | "hash" | "name" | "due"> {}

/** An image built from a truss folder. A new hash makes a new image; the old one stays in the store. */
export class TrussImage extends DelegatedResource {
  /** Repository part of the image, such as `menagerie.local/truss/iris`. */
  declare readonly url: pulumi.Output<string>;
  /** `sha256:<64 hex>` */
  declare readonly digest: pulumi.Output<string>;
  /** `<url>@<digest>`: what a container names. */
  declare readonly image: pulumi.Output<string>;

  constructor(name: string, args: TrussImageArgs, options?: pulumi.CustomResourceOptions) {
    super("trussImage", name, { ...args, url: undefined, digest: undefined, image: undefined }, options);
  }
}
