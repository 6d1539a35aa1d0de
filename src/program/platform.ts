import * as pulumi from "@pulumi/pulumi";
import { PlatformDatabase } from "../../components/platformDatabase.ts";
import { PlatformServices } from "../../components/platformServices.ts";
import { PostgresCluster } from "../../components/postgresCluster.ts";
import type { Environment } from "../environment/environment.ts";

/** The platform's tables and the services that work in them; undefined for a stack without a database. */
export function declarePlatform(environment: Environment): PlatformServices | undefined {
  if (!environment.hasDatabase) return undefined;
  const { spec, platform, cluster } = environment;
  // A preview may do without the password.
  const password = pulumi.secret(platform.server.password ?? "");
  const { postgresCluster: own } = spec;
  const made = own && new PostgresCluster(own.name, { ...own, password }, { providers: [cluster] });
  const protect = spec.nodeClass !== "local";
  new PlatformDatabase("platform", { environment, protect }, made ? { dependsOn: made } : {});
  return new PlatformServices("platform", { environment });
}
