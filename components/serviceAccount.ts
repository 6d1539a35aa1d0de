import { createHash } from "node:crypto";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { declared } from "../src/environment/ownership.ts";

/** Manifests of an account and of what it may do. */
export interface AccountRights {
  readonly account: kubernetes.core.v1.ServiceAccountArgs & { readonly metadata: object };
  readonly role: kubernetes.rbac.v1.RoleArgs & { readonly metadata: object };
  readonly binding: kubernetes.rbac.v1.RoleBindingArgs & { readonly metadata: object };
}

/**
 * The account of one of the platform's services, with its rights.
 *
 * @param parent - whose children its resources are
 * @param space - the services' namespace, which the account is in
 */
export function declareAccount(
  name: string,
  rights: AccountRights,
  parent: pulumi.Resource,
  space: pulumi.Resource,
): { readonly account: kubernetes.core.v1.ServiceAccount; readonly binding: kubernetes.rbac.v1.RoleBinding } {
  const account = new kubernetes.core.v1.ServiceAccount(
    name,
    { ...rights.account, metadata: declared(rights.account.metadata) },
    { parent, dependsOn: space },
  );
  const role = new kubernetes.rbac.v1.Role(
    name,
    { ...rights.role, metadata: declared(rights.role.metadata) },
    { parent },
  );
  const binding = new kubernetes.rbac.v1.RoleBinding(
    name,
    { ...rights.binding, metadata: declared(rights.binding.metadata) },
    { parent, dependsOn: [role, account] },
  );
  return { account, binding };
}

/**
 * Changes with what a Secret holds. Pods read it once, so that a new password makes new pods. It is too random to be found from 64 bits of its
 * hash.
 */
export function secretRevision(values: Readonly<Record<string, pulumi.Input<string>>>): pulumi.Output<string> {
  return pulumi.unsecret(
    pulumi
      .output(values)
      .apply((known) => createHash("sha256").update(Object.values(known).join("\n")).digest("hex").slice(0, 16)),
  );
}
