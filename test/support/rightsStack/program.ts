import * as kubernetes from "@pulumi/kubernetes";
import { PlatformDatabase } from "../../../components/platformDatabase.ts";
import { PredictionStore } from "../../../components/predictionStore.ts";
import { ReleaseSchema } from "../../../components/releaseSchema.ts";
import { readStateFiles } from "../../../src/adapters/files/stateFiles.ts";
import type { EnvironmentSpec } from "../../../src/config/environment.ts";
import type { PlannedState } from "../../../src/domain/release/plannedState.ts";
import { declaredHash } from "../../../src/domain/release/stateSchema.ts";
import { Environment } from "../../../src/environment/environment.ts";
import { stackRun } from "../../../src/environment/stackRun.ts";
import { engineAbove } from "../../../src/plan/engineAbove.ts";
import { planPlatform } from "../../../src/plan/platform.ts";
import { declareEarlierGrants } from "../../../src/program/earlierGrants.ts";
import { statesOf } from "../componentEnvironment.ts";
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
  const { preview, isPartial, lastOutputs } = stackRun(engineAbove());
  const plan = await planPlatform(
    {
      database: { host: "unused", port: 5432, adminUser: "unused", sslMode: "disable" },
      previewDatabase: "required",
      zoo: {},
    } as unknown as Parameters<typeof planPlatform>[0],
    {
      url: process.env.MENAGERIE_DATABASE_URL,
      password: undefined,
      preview,
      isPartial,
      lastOutputs,
    },
  );
  if (!plan) throw new Error("a stack with a database");
  const hash = declaredHash(await readStateFiles(folder));

  const states = [stateOf("v1", null, hash), stateOf("v2", "v1", hash)] as const;
  const [kept, current] = states;
  const spec = { namespace: "models", nodeClass: "local", services: {} } as unknown as EnvironmentSpec;
  const facts = { trussHashes: new Map(), zoo: new Map(), platform: plan, state: statesOf(current, kept) };
  const environment = new Environment(spec, facts);
  if (asEarlier) declareEarlier(environment.postgres, folder, hash);
  return {
    schemaVersion: plan.schemaVersion,
    states: Object.fromEntries(states.map(({ tag, ...state }) => [tag, { ...state, current: tag === "v2" }])),
    shadows: { next: { primary: { schema }, shadows: {}, noise: null } },
    ...(asEarlier ? {} : { rights: declareNow(environment, folder, states) }),
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

function declareNow(environment: Environment, folder: string, states: readonly PlannedState[]) {
  // A provider that renders takes no cluster's address, and would take this one by default.
  delete process.env.KUBECONFIG;
  const rendered = new kubernetes.Provider("cluster", { renderYamlToDirectory: "rendered", namespace: "models" });
  const tables = new PlatformDatabase("platform", { environment, protect: false });
  const releases: { schema: ReleaseSchema; state: PlannedState }[] = [];
  for (const state of states) {
    const before = releases.map(({ schema }) => schema);
    const args = { environment, schemas: folder, current: state.tag === "v2" };
    releases.push({ schema: new ReleaseSchema(state.tag, args, { dependsOn: [tables, ...before] }), state });
  }
  const stored = { schema, retentionDays: 30, secretName: "next-primary-recorder" };
  const kept = new PredictionStore(store, { environment, ...stored }, { providers: [rendered], dependsOn: tables });
  const { facts, postgres } = environment;
  return declareEarlierGrants({ facts, parts: { tables, releases, stores: { [store]: kept } }, postgres });
}
