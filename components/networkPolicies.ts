import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type NetworkZones, networkPolicyManifests } from "../src/domain/serving/networkPolicies.ts";
import { declared } from "../src/environment/ownership.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link NetworkPolicies}. */
export interface NetworkPoliciesArgs extends NetworkZones {}

/**
 * Who reaches models, development versions, the API service and the database over the network, for clusters whose network
 * enforces NetworkPolicies.
 *
 * @example
 * new NetworkPolicies("platform", { models: "models", services: "menagerie", gateway: "istio-ingress", allowFrom: [] });
 */
export class NetworkPolicies extends pulumi.ComponentResource {
  constructor(name: string, args: NetworkPoliciesArgs, options?: pulumi.ComponentResourceOptions) {
    super("menagerie:network:NetworkPolicies", name, registered(args), options);
    for (const { metadata, spec } of networkPolicyManifests(args)) {
      new kubernetes.networking.v1.NetworkPolicy(
        `${name}-${metadata.name}`,
        { metadata: declared(metadata), spec },
        { parent: this },
      );
    }
    this.registerOutputs({});
  }
}
