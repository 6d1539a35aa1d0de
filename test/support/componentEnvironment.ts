import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { RawEnvironment } from "../../src/config/environment.ts";
import { parseEnvironment } from "../../src/config/parse.ts";
import type { PlannedState } from "../../src/domain/release/plannedState.ts";
import { emptyRegistry, type ZooRegistry } from "../../src/domain/zoo/registry.ts";
import { Environment } from "../../src/environment/environment.ts";
import type { EnvironmentFacts } from "../../src/environment/facts.ts";
import { growing } from "../../src/environment/growing.ts";
import { type Plans, StackPlans } from "../../src/environment/plans.ts";
import { PlansOnDemand } from "../../src/environment/plansOnDemand.ts";
import type { PlatformPlan } from "../../src/plan/platform.ts";
import type { StatePlan } from "../../src/plan/state.ts";
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

const defaults = { gatewayUrl: "http://gateway", apiUrl: "http://api", databaseAddress: "db:5432", isPart: true };
const raw: RawEnvironment = { services: { image: `registry/services@sha256:${"0".repeat(64)}` } };

/** What a component is declared on: an environment without a cluster, whose plans are `facts`. */
export function environmentOf(more: RawEnvironment = {}, facts: Partial<EnvironmentFacts> = {}): Environment {
  const declared = { ...raw, ...more };
  const known = { trussHashes: new Map(), zoo: new Map(), ...facts };
  const grow = growing(declared, defaults);
  return new Environment(parseEnvironment(declared, defaults), known, new StackPlans(known), grow);
}

/** Planned states of releases, of which the first is current. */
export function statesOf(current: PlannedState, ...kept: PlannedState[]): StatePlan {
  const nothing = { pipelines: [], retired: [], lost: [], heldBy: new Map<string, readonly string[]>() };
  return { ...nothing, environment: "test", current, kept, description: "new, begins empty" };
}

/** What an environment was read as, for a program that declares its components one by one. */
interface ProgramSources {
  /** Folder of the truss folders. @default this project */
  readonly project?: string;
  /** The zoo as the database holds it. @default the database is new */
  readonly registry?: ZooRegistry;
  /** Keys of the cluster's Secret. @default there is none */
  readonly keys?: readonly string[];
  /** With the platform's tables and services. @default false */
  readonly onPlatform?: boolean;
}

export function environmentOfProgram(sources: ProgramSources = {}): Environment {
  const { project = join(import.meta.dirname, "../.."), registry, keys, onPlatform } = sources;
  const platform = { ...emptyPlatform, ...(registry ? { registry } : { basis: "new database" as const }) };
  const developments = { registry: { versions: new Map(), highest: new Map() }, outputs: {}, sentHeads: [] };
  const release = {
    environment: "test",
    config: {},
    lastVersionTag: async () => undefined,
    mlflow: undefined,
    lastOutputs: async () => ({}),
  };
  const before = { project, platform, developments, release, secretKeys: () => keys };
  const plans: Plans = new PlansOnDemand(before, () => environment.spec);
  const known = { trussHashes: new Map(), zoo: new Map(), platform };
  const environment = new Environment(parseEnvironment(raw, defaults), known, plans, growing(raw, defaults));
  if (onPlatform) addPlatform(environment);
  return environment;
}

/** With the platform's tables and services, as others of their kind. */
export function environmentOnPlatform(
  more: RawEnvironment = {},
  facts: Partial<EnvironmentFacts> = {},
  password = "tulip",
): Environment {
  const environment = environmentOf(more, { platform: emptyPlatform, ...facts });
  addPlatform(environment, password);
  return environment;
}

function addPlatform(environment: Environment, password = "tulip"): void {
  environment.parts.tables = Object.assign(new OtherResource("Tables", "tables"), {
    guard: { name: "menagerie_guard", password: pulumi.output("guard") },
    console: { name: "menagerie_console", password: pulumi.output("console") },
    api: { name: "menagerie_api", password: pulumi.secret(password) },
    schema: Object.assign(new OtherResource("Schema", "tables"), { version: pulumi.output("0001") }),
  });
  environment.parts.services = Object.assign(new OtherResource("Api", "api"), {
    adminKey: pulumi.secret("tulip"),
    pingUrl: (id: pulumi.Input<string>) => pulumi.secret(pulumi.interpolate`http://api/ping/${id}/daisy`),
  });
}
