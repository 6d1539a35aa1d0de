import { mapping, memoryQuantity, text, wholeNumber } from "./fields.ts";

const dnsName = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;
const expectedName = "use at most 40 lower-case letters, digits and dashes, beginning with a letter";

export const postgresCluster = mapping(
  {
    name: text(dnsName, expectedName, "Name of the PostgresCluster. Default: menagerie.").default("menagerie"),
    namespace: text(
      dnsName,
      expectedName,
      "Kubernetes namespace of the cluster; the stack makes it. Default: menagerie-database.",
    ).default("menagerie-database"),
    version: wholeNumber(16, 18, "Major version of PostgreSQL that the operator has an image of. Default: 17.").default(
      17,
    ),
    instances: wholeNumber(1, 9, "Pods of PostgreSQL: one primary, the others its replicas. Default: 2.").default(2),
    storage: memoryQuantity("Volume of each instance, in bytes with a unit, such as 100Gi."),
    backupStorage: memoryQuantity(
      "Volume of the backups that pgBackRest keeps, in bytes with a unit. Default: that of an instance.",
    ).optional(),
    storageClass: text(
      /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
      "give the name of a StorageClass, such as gp3",
      "StorageClass of the volumes. Default: the cluster's own.",
    ).optional(),
    adminUser: text(
      /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/,
      expectedName,
      "User that may make databases and roles, and is not a superuser. Its password is the secret menagerie:databasePassword. Default: menagerie-admin.",
    ).default("menagerie-admin"),
  },
  "write {storage: 100Gi}",
  "A PostgreSQL of CrunchyData's operator (PGO 5) for the platform's tables, made by the stack, instead of menagerie:database. Default: none.",
).optional();
