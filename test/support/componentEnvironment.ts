import * as pulumi from "@pulumi/pulumi";
import type { RawEnvironment } from "../../src/config/environment.ts";
import { parseEnvironment } from "../../src/config/parse.ts";
import { emptyRegistry } from "../../src/domain/zoo/registry.ts";
import { Environment } from "../../src/environment/environment.ts";
import type { EnvironmentFacts } from "../../src/environment/facts.ts";
import { growing } from "../../src/environment/growing.ts";
import { StackPlans } from "../../src/environment/plans.ts";
import type { PlatformPlan } from "../../src/plan/platform.ts";
import { OtherResource } from "./playedEngine.ts";

/** A database that was read and is empty; its password is `lily`. */
export const emptyPlatform: PlatformPlan = {
  basis: "read",
  server: {
    host: "db",
    port: 5432,
    user: "postgres",
    password: "lily",
    sslMode: "disable",
    maintenanceDatabase: "postgres",
  },
  fromEnvironment: false,
  schemaVersion: "0001",
  registry: emptyRegistry,
};

const image = `registry/services@sha256:${"0".repeat(64)}`;

/** What a component is declared on: an environment without a cluster, whose plans are `facts`. */
export function environmentOf(more: RawEnvironment = {}, facts: Partial<EnvironmentFacts> = {}): Environment {
  const defaults = { gatewayUrl: "http://gateway", apiUrl: "http://api", databaseAddress: "db:5432", isPart: true };
  const raw: RawEnvironment = { services: { image }, ...more };
  const known = { trussHashes: new Map(), zoo: new Map(), ...facts };
  return new Environment(parseEnvironment(raw, defaults), known, new StackPlans(known), growing(raw, defaults));
}

/** With the platform's tables and services, as others of their kind. */
export function environmentOnPlatform(
  more: RawEnvironment = {},
  facts: Partial<EnvironmentFacts> = {},
  password = "tulip",
): Environment {
  const environment = environmentOf(more, { platform: emptyPlatform, ...facts });
  environment.parts.tables = Object.assign(new OtherResource("Tables", "tables"), {
    api: { name: "menagerie_api", password: pulumi.secret(password) },
    schema: { version: pulumi.output("0001") },
  });
  environment.parts.services = Object.assign(new OtherResource("Api", "api"), {
    adminKey: pulumi.secret("tulip"),
    pingUrl: (id: pulumi.Input<string>) => pulumi.secret(pulumi.interpolate`http://api/ping/${id}/daisy`),
  });
  return environment;
}
