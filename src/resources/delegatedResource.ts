import * as pulumi from "@pulumi/pulumi";
import { delegate } from "../providers/delegate.ts";

/** Arguments of a resource: inputs of its handler, each of which another resource may be the source of. */
export type ArgsOf<Inputs> = { readonly [Key in keyof Inputs]: pulumi.Input<Inputs[Key]> };

/** A dynamic resource that a handler of `src/providers/registry.ts` creates, reads, updates and deletes. */
export abstract class DelegatedResource extends pulumi.CustomResource {
  /**
   * @param kind of the handler; the resource's type is that name with a capital.
   * @param properties inputs, and undefined for each output.
   */
  constructor(kind: string, name: string, properties: object, options?: pulumi.CustomResourceOptions) {
    const type = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    super(`pulumi-nodejs:dynamic/menagerie:${type}`, name, { ...properties, __provider: delegate(kind) }, options);
  }
}
