import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { AuthorizationPolicySpec } from "../src/crds/authorizationPolicy.ts";
import { type KeyCheck, keyCheckManifest, queryKeysManifest } from "../src/domain/serving/keyCheck.ts";
import { declared } from "../src/environment/ownership.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link GatewayKeyCheck}. */
export interface GatewayKeyCheckArgs extends KeyCheck {}

/**
 * In a mesh of Istio: predictions that go from the gateway to a model need a key for it, as those through the API service do. The
 * gateway asks the API service (`/authorize/…`) by the extension provider that MeshConfig has under the name given here. Keys that clients
 * put into the query all the same reach no model, and no model's log.
 *
 * @example
 * new GatewayKeyCheck("platform", { namespace: "models", gatewayNamespace: "istio-ingress", gateway: { pods: { istio: "ingressgateway" } }, provider: "menagerie-keys" });
 */
export class GatewayKeyCheck extends pulumi.ComponentResource {
  constructor(name: string, args: GatewayKeyCheckArgs, options?: pulumi.ComponentResourceOptions) {
    super("menagerie:serving:GatewayKeyCheck", name, registered(args), options);
    const policy = keyCheckManifest(args);
    const spec: AuthorizationPolicySpec = policy.spec;
    new kubernetes.apiextensions.CustomResource(
      `${name}-keys`,
      { ...policy, metadata: declared(policy.metadata), spec },
      { parent: this },
    );
    const queries = queryKeysManifest(args);
    new kubernetes.apiextensions.CustomResource(
      `${name}-query-keys`,
      { ...queries, metadata: declared(queries.metadata), spec: queries.spec },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
