import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { counterAccessName, triggerAuthentication } from "../domain/serving/counterAccess.ts";
import { platformMetadata } from "../domain/serving/platformMetadata.ts";
import { declared } from "./ownership.ts";

/** The Prometheus token where KEDA finds it, in the models' namespace. */
export function declareCounterAccess(
  namespace: string,
  token: pulumi.Output<string>,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource {
  const secret = new kubernetes.core.v1.Secret(
    counterAccessName,
    { metadata: declared(platformMetadata(counterAccessName, namespace)), stringData: { bearerToken: token } },
    options,
  );
  const { metadata, ...manifest } = triggerAuthentication(namespace);
  return new kubernetes.apiextensions.CustomResource(
    counterAccessName,
    // KEDA gives it no condition that could be awaited.
    { ...manifest, metadata: declared({ ...metadata, annotations: { "pulumi.com/skipAwait": "true" } }) },
    { ...options, dependsOn: secret },
  );
}
