import * as pulumi from "@pulumi/pulumi";
import { delegate } from "../providers/delegate.ts";

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
