import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { HTTPRouteSpec } from "../src/crds/httpRoute.ts";
import type { VirtualServiceSpec } from "../src/crds/virtualService.ts";
import { httpRouteManifest } from "../src/domain/serving/httpRoute.ts";
import type { Route } from "../src/domain/serving/route.ts";
import { virtualServiceManifest } from "../src/domain/serving/virtualService.ts";
import { declared } from "../src/environment/ownership.ts";

/** A route as it is declared. */
export interface DeployedRoute {
  readonly route: Route<pulumi.Input<string>>;
  /**
   * The same with what is known later, such as the service that answers.
   * @default `route`
   */
  readonly answering?: pulumi.Output<Route>;
}

/** Declares the object of a route, of the API that its gateway has. */
export function deployRoute(
  name: string,
  { route, answering }: DeployedRoute,
  options: pulumi.CustomResourceOptions,
): pulumi.CustomResource {
  if (route.gateway.api === "gateway-api") {
    const { metadata, ...manifest } = httpRouteManifest(route);
    const spec: pulumi.Output<HTTPRouteSpec> =
      answering?.apply((later) => httpRouteManifest(later).spec) ?? pulumi.output(manifest.spec);
    const awaited = declared({ ...metadata, annotations: untilServed });
    return new kubernetes.apiextensions.CustomResource(name, { ...manifest, metadata: awaited, spec }, options);
  }
  const { metadata, ...manifest } = virtualServiceManifest(route);
  const spec: pulumi.Output<VirtualServiceSpec> =
    answering?.apply((later) => virtualServiceManifest(later).spec) ?? pulumi.output(manifest.spec);
  return new kubernetes.apiextensions.CustomResource(
    name,
    { ...manifest, metadata: declared(metadata), spec },
    options,
  );
}

/** How long a Gateway's controller may take to say that it serves an HTTPRoute, in seconds. */
const servedWithin = 120;

const says = (condition: string) => `jsonpath={.status.parents[*].conditions[?(@.type=="${condition}")].status}=True`;

/**
 * A VirtualService is refused by Istio's webhook when it is written; of an HTTPRoute its Gateway says so afterwards. What an `up` deletes
 * goes after everything that it makes, so the route of the other kind is there until this one is served.
 */
const untilServed = {
  "pulumi.com/waitFor": JSON.stringify([says("Accepted"), says("ResolvedRefs")]),
  "pulumi.com/timeoutSeconds": String(servedWithin),
};
