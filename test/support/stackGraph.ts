import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { load } from "js-yaml";
import { parseEnvironment } from "../../src/config/parse.ts";
import type { ZooRegistry } from "../../src/domain/zoo/registry.ts";
import type { SmokeCase } from "../../src/domain/zoo/smoke.ts";
import { Environment } from "../../src/environment/environment.ts";
import type { EnvironmentFacts } from "../../src/environment/facts.ts";
import { type PlannedDevelopment, planDevelopments } from "../../src/plan/development.ts";
import { planPlatform } from "../../src/plan/platform.ts";
import { planEnvironmentRelease } from "../../src/plan/release.ts";
import type { StatePlan } from "../../src/plan/state.ts";
import { planZoo } from "../../src/plan/zoo.ts";
import { deployEnvironment } from "../../src/program.ts";
import { declaredOptions, keyOf } from "./declaredOptions.ts";
import { declaredBy, playEngine } from "./playedEngine.ts";
import { stateNames } from "./stateNames.ts";

/** The whole resource graph of a committed stack, by the program itself, without an engine. */

const project = join(import.meta.dirname, "../..");

/** What holds digests of everything else would change with each of it. */
function withoutProvider({ __provider, intent, ...inputs }: Record<string, unknown>): unknown {
  return JSON.parse(JSON.stringify(inputs));
}

/** Hashes stand for themselves, so that an edit of a model changes no golden. */
const trussHashes = new Map([
  ["models/iris", "<hash of models/iris>"],
  ["models/multiplier", "<hash of models/multiplier>"],
  ["models/speaker", "<hash of models/speaker>"],
  ["models/greeter", "<hash of models/greeter>"],
]);
const trusses = new Map(
  [...trussHashes].map(([folder, hash]) => [
    folder,
    { hash, secrets: [], snapshot: { entries: new Map() }, patterns: [] },
  ]),
);

/** Config of a stack's file, without the project's name before its keys. */
export function configOf(yaml: string): Record<string, unknown> {
  const { config } = load(yaml) as { config: object };
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^menagerie:/, ""), value]));
}

/** What a graph is of, beside the stack's file: an environment's own past. */
export interface GraphSources {
  /** Keys beside those of the stack's file. */
  readonly config?: object;
  /** What is planned of the config's state. @default none */
  readonly state?: StatePlan;
  /** The zoo as the database holds it. @default the database is new */
  readonly registry?: ZooRegistry;
  /** Smoke sets by model. @default none has one */
  readonly smoke?: ReadonlyMap<string, readonly SmokeCase[]>;
  /** Planned development versions. @default each is new */
  readonly development?: ReadonlyMap<string, PlannedDevelopment>;
  /** Of the database's login. @default the environment's */
  readonly password?: string;
  /** The shell names no database. @default false: the local stack has the environment's */
  readonly withoutDatabase?: true;
  /** What else the program learns of the world. */
  readonly facts?: Partial<EnvironmentFacts>;
}

async function declaredIn(stack: string, more: GraphSources = {}) {
  const raw = { ...configOf(readFileSync(join(project, `Pulumi.${stack}.yaml`), "utf8")), ...more.config };
  const database = more.withoutDatabase ? {} : { databaseAddress: "<postgres>:5432" };
  const local = { apiUrl: "http://<api>", ...database };
  const spec = parseEnvironment(raw, { gatewayUrl: "http://<gateway>", ...(stack === "local" ? local : {}) });
  const unread = await planPlatform(spec, {
    url: stack === "local" ? "postgresql://postgres:<password>@127.0.0.1:1/postgres?sslmode=disable" : undefined,
    // Without a password nobody is asked.
    password: undefined,
    preview: true,
    lastOutputs: async () => ({}),
  });
  const platform = unread && {
    ...unread,
    ...(more.password === undefined ? {} : { server: { ...unread.server, password: more.password } }),
    ...(more.registry ? { basis: "read" as const, registry: more.registry } : {}),
  };
  const development =
    more.development ?? (await planDevelopments(spec, trusses, unread, { lastOutputs: async () => ({}) }));
  const smoke = more.smoke ?? new Map<string, readonly SmokeCase[]>();
  const zoo = planZoo(spec, { platform, hashes: trussHashes, secretsOf: () => [], smoke });
  const release = await planEnvironmentRelease(spec, unread, zoo, {
    environment: stack,
    config: { "<config of the stack>": null },
    mlflow: undefined,
    lastVersionTag: async () => "v1.2.3",
    lastOutputs: async () => ({}),
  });
  await playEngine(stack);
  return declaredBy(() =>
    deployEnvironment(
      new Environment(spec, {
        trussHashes,
        zoo,
        platform,
        development,
        release,
        state: more.state,
        serviceHash: "<hash of the services>",
        ...more.facts,
      }),
    ),
  );
}

export async function graphOf(stack: string, more: GraphSources = {}) {
  return (await graphAndNames(stack, more)).graph;
}

/** The graph, and by what the engine finds its resources in a state. */
export async function graphAndNames(stack: string, more: GraphSources = {}) {
  const { answer, declared } = await declaredIn(stack, more);
  const outputs = await new Promise((resolve) => pulumi.output(answer).apply(resolve));
  const graph = {
    resources: sorted(declared.map((each) => [keyOf(each), withoutProvider(each.inputs)])),
    options: sorted(declaredOptions(declared, stack !== "local")),
    outputs,
  };
  return { graph, names: stateNames(declared) };
}

function sorted(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries([...entries].sort(([one], [other]) => (one < other ? -1 : 1)));
}
