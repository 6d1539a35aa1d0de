import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { type CopyLimits, copyBuffersManifest, copyRulesManifests } from "../src/domain/serving/copyLimits.ts";
import { declared } from "../src/environment/ownership.ts";

/** Declares what keeps the copies of a mirrored route from costing the originals anything, at a gateway of Istio. */
export function limitCopies(
  name: string,
  limits: CopyLimits,
  options: pulumi.CustomResourceOptions,
): pulumi.CustomResource[] {
  const { metadata, ...buffers } = copyBuffersManifest(limits);
  return [
    new kubernetes.apiextensions.CustomResource(
      `${name}-copies`,
      { ...buffers, metadata: declared(metadata) },
      options,
    ),
    ...copyRulesManifests(limits).map(
      ({ metadata: own, ...rule }) =>
        new kubernetes.apiextensions.CustomResource(
          `${own.name}-copies`,
          { ...rule, metadata: declared(own) },
          options,
        ),
    ),
  ];
}
