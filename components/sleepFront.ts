import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { refusal, refused } from "../src/domain/refusals/refusal.ts";
import { activatorService } from "../src/domain/serving/activator.ts";
import { referenceGrantManifest } from "../src/domain/serving/httpRoute.ts";
import type { Environment } from "../src/environment/environment.ts";
import { declared } from "../src/environment/ownership.ts";

/** A model that may sleep. */
export interface SleepFrontArgs {
  readonly environment: Environment;
  /** Name of its InferenceService. */
  readonly service: pulumi.Input<string>;
  /** Of the API service's pods. @default the port at which the route's header says which version is meant */
  readonly port?: number;
  /** The config's key that lets it sleep, for the refusal of a program without the API service. */
  readonly key: string;
}

/** Declares what takes requests for a model that may sleep: the API service, under the model's own name. */
export function declareSleepFront(
  name: string,
  { environment, service, port, key }: SleepFrontArgs,
  options: pulumi.ComponentResourceOptions,
): pulumi.Resource[] {
  const { services } = environment.parts;
  if (!services) {
    const change = "declare PlatformServices before it, with the same environment";
    throw refused(refusal("model.sleep-without-services", key, { change }));
  }
  const { namespace: models, services: where, gateway } = environment.spec;
  const manifest = pulumi.output(service).apply((known) => activatorService(known, where.namespace, port));
  const front = new kubernetes.core.v1.Service(
    `${name}-activator`,
    {
      // Its pods are there already.
      metadata: manifest.metadata.apply((metadata) =>
        declared({ ...metadata, annotations: { "pulumi.com/skipAwait": "true" } }),
      ),
      spec: manifest.spec,
    },
    { ...options, dependsOn: services },
  );
  if (gateway.api !== "gateway-api") return [front];
  const grant = manifest.metadata.apply(({ name: to }) =>
    referenceGrantManifest({ service: to, namespace: where.namespace }, models),
  );
  return [
    front,
    new kubernetes.apiextensions.CustomResource(
      `${name}-activator`,
      {
        apiVersion: "gateway.networking.k8s.io/v1beta1",
        kind: "ReferenceGrant",
        metadata: grant.metadata.apply(declared),
        spec: grant.spec,
      },
      { ...options, dependsOn: front },
    ),
  ];
}
