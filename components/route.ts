import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { VirtualServiceSpec } from "../src/crds/virtualService.ts";
import type { Route } from "../src/domain/serving/route.ts";
import { virtualServiceManifest } from "../src/domain/serving/virtualService.ts";
import { declared } from "./ownership.ts";

/** A route as it is declared. */
export interface DeployedRoute {
  readonly route: Route<pulumi.Input<string>>;
  /**
   * The same with what is known later, such as the service that answers.
   * @default `route`
   */
  readonly answering?: pulumi.Output<Route>;
}

/** Declares the object of a route. */
export function deployRoute(
  name: string,
  { route, answering }: DeployedRoute,
  options: pulumi.CustomResourceOptions,
): pulumi.CustomResource {
  const { metadata, ...manifest } = virtualServiceManifest(route);
  const spec: pulumi.Output<VirtualServiceSpec> =
    answering?.apply((later) => virtualServiceManifest(later).spec) ?? pulumi.output(manifest.spec);
  return new kubernetes.apiextensions.CustomResource(
    name,
    { ...manifest, metadata: declared(metadata), spec },
    options,
  );
}
