import * as kubernetes from "@pulumi/kubernetes";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { PlatformDatabase } from "../../../components/platformDatabase.ts";
import { PredictionStore } from "../../../components/predictionStore.ts";
import { ReleaseSchema } from "../../../components/releaseSchema.ts";
import { readStateFiles } from "../../../src/adapters/files/stateFiles.ts";
import { urlOf } from "../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../src/domain/platformDatabase.ts";
import type { PlannedState } from "../../../src/domain/release/plannedState.ts";
import { declaredHash } from "../../../src/domain/release/stateSchema.ts";
import { engineAbove, isPartial } from "../../../src/plan/engineAbove.ts";
import { type LastOutputs, type PlatformPlan, planPlatform } from "../../../src/plan/platform.ts";
import { declareEarlierGrants } from "../../../src/program/earlierGrants.ts";
import { declareEarlier } from "./earlierProgram.ts";

/** What the program declares. */
export interface RightsStack {
  /** Folder of the state's SQL files. */
  readonly folder: string;
  /** Declares it as the last version did whose grants were resources. */
  readonly asEarlier: boolean;
}

/** The database of a stack with two releases and one recorded model, without a cluster: its Secret is a file. */
export default async function program() {
  const { folder, asEarlier } = JSON.parse(process.env.DATABASE_STACK ?? "") as RightsStack;
  const plan = await planPlatform(
    {
      database: { host: "unused", port: 5432, adminUser: "unused", sslMode: "disable" },
      previewDatabase: "required",
      zoo: {},
    } as unknown as Parameters<typeof planPlatform>[0],
    {
      url: process.env.MENAGERIE_DATABASE_URL,
      password: undefined,
      preview: pulumi.runtime.isDryRun(),
      isPartial: isPartial(engineAbove()?.args ?? []),
      lastOutputs,
    },
  );
  if (!plan) throw new Error("a stack with a database");
  const { server } = plan;
  const postgres = new postgresql.Provider("database", {
    host: server.host,
    port: server.port,
    username: server.user,
    database: server.maintenanceDatabase,
    sslmode: server.sslMode,
    password: pulumi.secret(server.password ?? ""),
  });
  const hash = declaredHash(await readStateFiles(folder));
  if (asEarlier) declareEarlier(postgres, folder, hash);
  const states = [stateOf("v1", null, hash), stateOf("v2", "v1", hash)];
  return {
    schemaVersion: plan.schemaVersion,
    states: Object.fromEntries(states.map(({ tag, ...state }) => [tag, { ...state, current: tag === "v2" }])),
    shadows: { next: { primary: { schema }, shadows: {}, noise: null } },
    ...(asEarlier ? {} : { rights: declareNow(postgres, plan, folder, states) }),
  };
}

const schema = "shadow_next_primary";
const store = "next-primary";

function stateOf(tag: string, from: string | null, declared: string): PlannedState {
  return {
    tag,
    schema: tag,
    seedFrom: from,
    declared,
    tables: [
      { name: "item", seed: "copy", from },
      { name: "model", seed: "view", from },
    ],
    views: ["shown"],
    sequences: true,
  };
}

function declareNow(
  postgres: postgresql.Provider,
  plan: PlatformPlan,
  folder: string,
  states: readonly PlannedState[],
) {
  const { server } = plan;
  // A provider that renders takes no cluster's address, and would take this one by default.
  delete process.env.KUBECONFIG;
  const providers = [
    postgres,
    new kubernetes.Provider("cluster", { renderYamlToDirectory: "rendered", namespace: "models" }),
  ];
  const tables = new PlatformDatabase("platform", { version: plan.schemaVersion, protect: false }, { providers });
  const releases: { schema: ReleaseSchema; state: PlannedState }[] = [];
  for (const state of states) {
    const before = releases.map(({ schema }) => schema);
    const release = new ReleaseSchema(
      state.tag,
      { ...state, folder, current: state.tag === "v2" },
      { providers, dependsOn: [tables, ...before] },
    );
    releases.push({ schema: release, state });
  }
  const urlFor = ({ name, password }: { name: string; password: pulumi.Output<string> }) =>
    password.apply((text) => urlOf({ ...server, user: name, password: text }, platformDatabase));
  const stored = new PredictionStore(
    store,
    { schema, retentionDays: 30, namespace: "models", secretName: "next-primary-recorder", urlFor },
    { providers, dependsOn: tables },
  );
  return declareEarlierGrants({
    facts: { platform: plan },
    parts: { tables, releases, stores: { [store]: stored } },
    postgres,
  });
}

let last: Promise<LastOutputs> | undefined;

/** Read once: the engine takes one resource of a name. */
function lastOutputs(): Promise<LastOutputs> {
  last ??= new Promise((resolve) => {
    const name = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
    const { outputs } = new pulumi.StackReference("self", { name });
    outputs.apply((values) => resolve(values));
  });
  return last;
}
