import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { parseEnvironment } from "../../src/config/parse.ts";
import { planDevelopments } from "../../src/plan/development.ts";
import { planPlatform } from "../../src/plan/platform.ts";
import { planEnvironmentRelease } from "../../src/plan/release.ts";
import type { StatePlan } from "../../src/plan/state.ts";
import { planZoo } from "../../src/plan/zoo.ts";
import { deployEnvironment } from "../../src/program.ts";

/** The whole resource graph of a committed stack, by the program itself, without an engine. */

const project = join(import.meta.dirname, "../..");

interface GraphNode {
  readonly name: string;
  readonly type: string;
  readonly inputs: unknown;
}

let declared: GraphNode[] = [];

/** Before the first graph of a process: the engine is played from then on. */
export async function playEngine(): Promise<void> {
  await pulumi.runtime.setMocks(
    {
      newResource({ name, type, inputs, id }) {
        declared.push({ name, type, inputs: withoutProvider(inputs) });
        return { id: id || name, state: { ...inputs, ...computed(type, name) } };
      },
      call: ({ inputs }) => inputs,
    },
    "menagerie",
    "test",
  );
}

/** Outputs that dynamic resources make up. */
function computed(type: string, name: string): object {
  const image = { url: `registry/${name}`, digest: "sha256:<digest>", image: `registry/${name}@sha256:<digest>` };
  switch (type.split(":").at(-1)) {
    case "TrussImage":
    case "CheckoutImage":
      return image;
    case "ModelVersion":
    case "DevelopmentModelVersion":
      // Without brackets: it is the value of a label, and the goldens are shown to an API server.
      return { versionId: `id-of-${name}` };
    case "ZooRollout":
      return { since: "<since>" };
    case "SecretValue":
      return { value: `<password of ${name}>` };
    default:
      return {};
  }
}

/** What holds digests of everything else would change with each of it. */
function withoutProvider({ __provider, intent, ...inputs }: Record<string, unknown>): unknown {
  return JSON.parse(JSON.stringify(inputs));
}

/** Hashes stand for themselves, so that an edit of a model changes no golden. */
const trussHashes = new Map([
  ["models/iris", "<hash of models/iris>"],
  ["models/multiplier", "<hash of models/multiplier>"],
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
  const { config } = parse(yaml) as { config: object };
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^menagerie:/, ""), value]));
}

/** @param more keys beside those of the stack's file, and what is planned of them */
export async function graphOf(stack: string, more: { readonly config?: object; readonly state?: StatePlan } = {}) {
  declared = [];
  const raw = { ...configOf(readFileSync(join(project, `Pulumi.${stack}.yaml`), "utf8")), ...more.config };
  const local = { apiUrl: "http://<api>", databaseAddress: "<postgres>:5432" };
  const spec = parseEnvironment(raw, { gatewayUrl: "http://<gateway>", ...(stack === "local" ? local : {}) });
  const platform = await planPlatform(spec, {
    url: stack === "local" ? "postgresql://postgres:<password>@127.0.0.1:1/postgres?sslmode=disable" : undefined,
    // Without a password nobody is asked.
    password: undefined,
    preview: true,
    lastOutputs: async () => ({}),
  });
  const development = await planDevelopments(spec, trusses, platform, { lastOutputs: async () => ({}) });
  const zoo = planZoo(spec, { platform, hashes: trussHashes, secretsOf: () => [], smoke: new Map() });
  const release = await planEnvironmentRelease(spec, platform, zoo, {
    ...{ environment: stack, config: { "<config of the stack>": null }, mlflow: undefined },
    lastVersionTag: async () => "v1.2.3",
    lastOutputs: async () => ({}),
  });
  const outputs = deployEnvironment(spec, {
    ...{ trussHashes, zoo, platform, development, release, state: more.state },
    serviceHash: "<hash of the services>",
  });
  await pulumi.runtime.disconnect();
  const resolved = await new Promise((resolve) => pulumi.output(outputs).apply(resolve));
  const order = (a: GraphNode, b: GraphNode): number => (`${a.type} ${a.name}` < `${b.type} ${b.name}` ? -1 : 1);
  const resources = Object.fromEntries(
    [...declared].sort(order).map(({ type, name, inputs }) => [`${type} ${name}`, inputs]),
  );
  return { resources, outputs: resolved };
}
