import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { type LoginRole, PlatformDatabase } from "../../components/platformDatabase.ts";
import { PlatformServices } from "../../components/platformServices.ts";
import { PostgresCluster } from "../../components/postgresCluster.ts";
import { steadyScramVerifier } from "../adapters/postgres/scramVerifier.ts";
import { urlOf } from "../adapters/postgres/server.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { platformDatabase } from "../domain/platformDatabase.ts";
import type { PlatformPlan } from "../plan/platform.ts";
import { CheckoutImage } from "../resources/checkoutImage.ts";
import { pushPipeline } from "./builds.ts";
import type { Cluster } from "./cluster.ts";
import type { EnvironmentFacts } from "./facts.ts";

/** The platform's database and services, for what is declared on top of them. */
export interface Platform {
  readonly plan: PlatformPlan;
  readonly tables: PlatformDatabase;
  /** The API service, with the stack's key to it and the addresses that development versions ping. */
  readonly services: PlatformServices;
  /** Provider of databases, schemas, roles and grants. */
  readonly postgres: postgresql.Provider;
  /** URL for handlers; undefined where MENAGERIE_DATABASE_URL names the server, so that they find it there too. */
  readonly url: pulumi.Output<string> | undefined;
  /** Url of the platform's database for a login, as the cluster's pods reach it. A secret. */
  urlFor(login: LoginRole): pulumi.Output<string>;
  /** Image of one of the services of this checkout, or the configured image of them all. */
  serviceImage(service: string): pulumi.Input<string>;
}

/** The PostgreSQL that the stack makes for itself. A preview may do without the password. */
function declarePostgres(
  cluster: NonNullable<EnvironmentSpec["postgresCluster"]>,
  password = "",
  provider: Cluster["provider"],
): PostgresCluster {
  const verifier = steadyScramVerifier(`${cluster.namespace}/${cluster.name}/${cluster.adminUser}`, password);
  return new PostgresCluster(
    cluster.name,
    { ...cluster, password: pulumi.secret(password), verifier: pulumi.secret(verifier) },
    { providers: [provider] },
  );
}

/** The platform's tables and the services that work in them; undefined for a stack without a database. */
export function declarePlatform(
  spec: EnvironmentSpec,
  facts: EnvironmentFacts,
  { provider, namespace }: Cluster,
): Platform | undefined {
  const { platform: plan } = facts;
  if (!plan) return undefined;
  const { server } = plan;
  const postgres = new postgresql.Provider("database", {
    host: server.host,
    port: server.port,
    username: server.user,
    ...(server.password === undefined ? {} : { password: pulumi.secret(server.password) }),
    database: server.maintenanceDatabase,
    sslmode: server.sslMode,
  });
  const database = spec.postgresCluster && declarePostgres(spec.postgresCluster, server.password, provider);
  const url = plan.fromEnvironment ? undefined : pulumi.secret(urlOf(server, server.maintenanceDatabase));
  const tables = new PlatformDatabase(
    "platform",
    { version: plan.schemaVersion, url, protect: spec.nodeClass !== "local" },
    { providers: [postgres], ...(database ? { dependsOn: database } : {}) },
  );
  const serviceImage = (service: string) =>
    spec.services.image ??
    new CheckoutImage(service, {
      name: service,
      entry: `src/services/${service}/main.ts`,
      hash: facts.serviceHash ?? "",
    }).image;
  const { host, port, sslMode } = spec.database ?? server;
  const urlFor = ({ name, password }: LoginRole) =>
    pulumi.secret(
      password.apply((text) => urlOf({ ...server, host, port, sslMode, user: name, password: text }, platformDatabase)),
    );
  const pipeline = pushPipeline(spec, facts);
  const services = new PlatformServices(
    "platform",
    {
      namespace: spec.services.namespace,
      image: serviceImage("api"),
      databaseUrl: urlFor(tables.api),
      modelsNamespace: spec.namespace,
      requireApiKey: spec.serving.requireApiKey,
      rateLimit: spec.ratelimitEnabled ? spec.services.rateLimit : undefined,
      replicas: spec.services.replicas,
      builds: pipeline ? { pipeline } : facts.builds,
      uploads: spec.services.uploads,
      gateway: spec.gateway,
    },
    { providers: [provider], dependsOn: [tables, namespace] },
  );
  return {
    plan,
    tables,
    services,
    postgres,
    url,
    serviceImage,
    urlFor,
  };
}
