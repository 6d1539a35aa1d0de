import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { referenceGrantManifest } from "../src/domain/serving/httpRoute.ts";
import type { Backend } from "../src/domain/serving/route.ts";
import { declared } from "../src/environment/ownership.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link RouteGrants}. */
export interface RouteGrantsArgs {
  /** Namespace of the HTTPRoutes. */
  readonly namespace: string;
  /** Services of other namespaces that they lead to. */
  readonly services: readonly Omit<Backend, "port">[];
}

/**
 * What allows HTTPRoutes to lead to Services of other namespaces: the API service, which wakes development versions, and Knative's
 * gateway. Declare the routes with it in `dependsOn`: a route without its grant answers 500.
 *
 * @example
 * new RouteGrants("models", { namespace: "models", services: [{ service: "api", namespace: "menagerie" }] }, { dependsOn: services });
 */
export class RouteGrants extends pulumi.ComponentResource {
  constructor(name: string, { namespace, services }: RouteGrantsArgs, options?: pulumi.ComponentResourceOptions) {
    super("menagerie:serving:RouteGrants", name, registered({ namespace, services }), options);
    for (const each of services) {
      const grant = referenceGrantManifest(each, namespace);
      new kubernetes.apiextensions.CustomResource(
        `${name}-to-${each.service}`,
        { ...grant, metadata: declared(grant.metadata) },
        { parent: this },
      );
    }
    this.registerOutputs({});
  }
}
