import * as pulumi from "@pulumi/pulumi";
import { PlatformDatabase } from "../../components/platformDatabase.ts";
import { PlatformServices } from "../../components/platformServices.ts";
import { PostgresCluster } from "../../components/postgresCluster.ts";
import { steadyScramVerifier } from "../adapters/postgres/scramVerifier.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import type { Environment } from "../environment/environment.ts";

/** The platform's tables and the services that work in them; undefined for a stack without a database. */
export function declarePlatform(environment: Environment): PlatformServices | undefined {
  if (!environment.hasDatabase) return undefined;
  const { spec, platform, cluster, postgres, database, parts } = environment;
  const own = spec.postgresCluster && declarePostgres(spec.postgresCluster, platform.server.password, cluster);
  parts.tables = new PlatformDatabase(
    "platform",
    { version: platform.schemaVersion, url: database, protect: spec.nodeClass !== "local" },
    { providers: [postgres], ...(own ? { dependsOn: own } : {}) },
  );
  return new PlatformServices("platform", { environment });
}

/** The PostgreSQL that the stack makes for itself. A preview may do without the password. */
function declarePostgres(
  cluster: NonNullable<EnvironmentSpec["postgresCluster"]>,
  password = "",
  provider: pulumi.ProviderResource,
): PostgresCluster {
  const verifier = steadyScramVerifier(`${cluster.namespace}/${cluster.name}/${cluster.adminUser}`, password);
  return new PostgresCluster(
    cluster.name,
    { ...cluster, password: pulumi.secret(password), verifier: pulumi.secret(verifier) },
    { providers: [provider] },
  );
}
