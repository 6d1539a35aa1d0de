import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { AuthorizationPolicySpec } from "../src/crds/authorizationPolicy.ts";
import {
  type ControlAccess,
  controlAccessManifest,
  controlServiceManifest,
} from "../src/domain/serving/controlAccess.ts";
import { declared } from "../src/environment/ownership.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link ControlAccessPolicy}. */
export interface ControlAccessPolicyArgs extends ControlAccess {}

/**
 * In a mesh of Istio: leaves the control servers of development versions to the API service alone. Port 8080 of their pods
 * carries `/control/…` beside `/v1/…`.
 *
 * @example
 * new ControlAccessPolicy("platform", { namespace: "models", servicesNamespace: "menagerie", trustDomain: "cluster.local" });
 */
export class ControlAccessPolicy extends pulumi.ComponentResource {
  constructor(name: string, args: ControlAccessPolicyArgs, options?: pulumi.ComponentResourceOptions) {
    super("menagerie:development:ControlAccessPolicy", name, registered(args), options);
    const parent = { parent: this };
    const policy = controlAccessManifest(args);
    const spec: AuthorizationPolicySpec = policy.spec;
    new kubernetes.apiextensions.CustomResource(
      `${name}-development-control`,
      { ...policy, metadata: declared(policy.metadata), spec },
      parent,
    );
    const service = controlServiceManifest(args);
    new kubernetes.core.v1.Service(
      `${name}-development-control`,
      // It has endpoints only while there are development versions.
      { ...service, metadata: declared({ ...service.metadata, annotations: { "pulumi.com/skipAwait": "true" } }) },
      parent,
    );
    this.registerOutputs({});
  }
}
