import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PostgresClusterSpec as Crd } from "../src/crds/postgresCluster.ts";
import {
  adminSecretMetadata,
  type PostgresClusterSpec,
  postgresClusterManifest,
} from "../src/domain/postgresCluster.ts";
import { declared } from "../src/environment/ownership.ts";
import { steadyScramVerifier } from "../src/environment/passwordVerifier.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link PostgresCluster}. */
export interface PostgresClusterArgs extends PostgresClusterSpec {
  /** Password of `adminUser`, of ASCII. A secret. */
  readonly password: pulumi.Input<string>;
  /**
   * Refuse to delete the cluster, which takes its volumes along.
   * @default true
   */
  readonly protect?: boolean;
}

/**
 * A PostgreSQL of CrunchyData's operator in a namespace of its own, which is there once all of its instances are ready. Its
 * administrator makes databases and roles and is not a superuser.
 *
 * @example
 * new PostgresCluster("menagerie", { name: "menagerie", namespace: "menagerie-database", version: 17, instances: 2, storage: "100Gi", adminUser: "menagerie_admin", password });
 */
export class PostgresCluster extends pulumi.ComponentResource {
  constructor(name: string, args: PostgresClusterArgs, options?: pulumi.ComponentResourceOptions) {
    const { password, protect = true, ...cluster } = args;
    super("menagerie:database:PostgresCluster", name, registered({ ...cluster, protect }), options);
    const parent = { parent: this };
    const { namespace } = cluster;
    const space = new kubernetes.core.v1.Namespace(
      namespace,
      { metadata: declared({ name: namespace, labels: { "app.kubernetes.io/part-of": "menagerie" } }) },
      { ...parent, protect },
    );
    const metadata = adminSecretMetadata(cluster);
    // What PostgreSQL stores of the password: one that belongs to another password would keep that one.
    const owner = `${namespace}/${cluster.name}/${cluster.adminUser}`;
    const verifier = pulumi.output(password).apply((text) => steadyScramVerifier(owner, text));
    const secret = new kubernetes.core.v1.Secret(
      metadata.name,
      { metadata: declared(metadata), stringData: pulumi.secret({ password, verifier }) },
      { ...parent, dependsOn: space },
    );
    const manifest = postgresClusterManifest(cluster);
    const spec: Crd = manifest.spec;
    new kubernetes.apiextensions.CustomResource(
      name,
      { ...manifest, metadata: declared(manifest.metadata), spec },
      { ...parent, protect, dependsOn: secret, customTimeouts: { create: "15m", update: "15m" } },
    );
    this.registerOutputs({});
  }
}
