/** A PostgreSQL that CrunchyData's operator runs. */
export interface PostgresClusterSpec {
  readonly name: string;
  readonly namespace: string;
  /** Major version. */
  readonly version: number;
  /** Pods of PostgreSQL. */
  readonly instances: number;
  /** Kubernetes quantity. */
  readonly storage: string;
  /** @default as `storage` */
  readonly backupStorage?: string | undefined;
  /** @default the cluster's own */
  readonly storageClass?: string | undefined;
  /** Makes databases and roles; no superuser. */
  readonly adminUser: string;
}

/** Name of the one set of instances, by which the operator tells how many are ready. */
const instanceSet = "instance";

/** Where the operator's Service of the primary answers, inside the cluster. */
export function primaryHost({ name, namespace }: Pick<PostgresClusterSpec, "name" | "namespace">): string {
  return `${name}-primary.${namespace}.svc`;
}

/**
 * The PostgresCluster (postgres-operator.crunchydata.com/v1beta1). It has no condition that says it is ready: what does is
 * the count of ready instances, which their own probes (Patroni) answer for.
 */
export function postgresClusterManifest(cluster: PostgresClusterSpec) {
  const { name, namespace, version, instances, storage, backupStorage = storage, storageClass, adminUser } = cluster;
  const volume = (size: string) => ({
    accessModes: ["ReadWriteOnce"],
    resources: { requests: { storage: size } },
    ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
  });
  return {
    apiVersion: "postgres-operator.crunchydata.com/v1beta1" as const,
    kind: "PostgresCluster" as const,
    metadata: {
      name,
      namespace,
      labels: { "app.kubernetes.io/part-of": "menagerie" },
      annotations: { "pulumi.com/waitFor": `jsonpath={.status.instances[0].readyReplicas}=${instances}` },
    },
    spec: {
      postgresVersion: version,
      instances: [{ name: instanceSet, replicas: instances, dataVolumeClaimSpec: volume(storage) }],
      // The rights that a stack needs, and no SUPERUSER. It may take on the roles that it makes: PostgreSQL 16 no longer lets
      // their maker without being told to (https://www.postgresql.org/docs/current/runtime-config-client.html).
      users: [{ name: adminUser, options: "CREATEDB CREATEROLE" }],
      patroni: { dynamicConfiguration: { postgresql: { parameters: { createrole_self_grant: "set, inherit" } } } },
      backups: {
        pgbackrest: { repos: [{ name: "repo1", volume: { volumeClaimSpec: volume(backupStorage) } }] },
      },
    },
  };
}

/** Labels by which the operator finds the Secret of a user. */
const label = (key: string) => `postgres-operator.crunchydata.com/${key}`;

/** The Secret that holds the administrator's `password` and `verifier`: the operator keeps what is there, else makes one up. */
export function adminSecretMetadata({
  name,
  namespace,
  adminUser,
}: Pick<PostgresClusterSpec, "name" | "namespace" | "adminUser">) {
  return {
    name: `${name}-pguser-${adminUser}`,
    namespace,
    labels: { [label("cluster")]: name, [label("role")]: "pguser", [label("pguser")]: adminUser },
  };
}
