import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { planDevelopments } from "../../../src/plan/development.ts";
import { planPlatform } from "../../../src/plan/platform.ts";
import { planEnvironmentRelease } from "../../../src/plan/release.ts";
import type { StatePlan } from "../../../src/plan/state.ts";
import { planZoo } from "../../../src/plan/zoo.ts";
import { deployEnvironment } from "../../../src/program.ts";

/**
 * The whole resource graph of each stack, as committed in test/golden: what a reviewer sees change.
 * Made anew by `UPDATE_GOLDENS=1 npx vitest run test/unit/components`.
 */

const project = join(import.meta.dirname, "../../..");
const golden = (stack: string): string => join(project, "test/golden", `${stack}.json`);

interface GraphNode {
  readonly name: string;
  readonly type: string;
  readonly inputs: unknown;
}

let declared: GraphNode[] = [];

beforeAll(async () => {
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
});

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

/** @param more keys beside those of the stack's file, and what is planned of them */
async function graphOf(stack: string, more: { readonly config?: object; readonly state?: StatePlan } = {}) {
  declared = [];
  const { config } = parse(readFileSync(join(project, `Pulumi.${stack}.yaml`), "utf8")) as { config: object };
  const own = Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^menagerie:/, ""), value]));
  const raw = { ...own, ...more.config };
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

/** A stack's state with a table of each seed, a release that is kept, a pipeline of each kind, and one model that works in it. */
const withState = {
  config: {
    zoo: {
      iris: { truss: "models/iris", phase: "done", resources: { cpu: "1", memory: "1Gi" } },
      multiplier: {
        ...{ truss: "models/multiplier", phase: "done", pool: "t4", env: { FACTOR: "2" }, state: true },
        resources: { cpu: "500m", memory: "512Mi" },
      },
    },
    state: {
      schemas: "state",
      tables: { model: { seed: "view" } },
      pipelines: {
        embed: { folder: "pipelines", command: ["node", "pipelines/embed.mjs"], env: { BATCH: "100" } },
        rank: { image: `registry/rank@sha256:${"0".repeat(64)}`, command: ["rank"], afterModels: true, pool: "t4" },
        refresh: { folder: "pipelines", command: ["node", "pipelines/refresh.mjs"], schedule: "0 3 * * *" },
      },
    },
  },
  state: {
    environment: "local",
    current: {
      ...{ tag: "v1.1.0", schema: "v1.1.0", seedFrom: "v1.0.0", declared: "<hash of the SQL files>", views: [] },
      tables: [
        { name: "item", seed: "copy", from: "v1.0.0" },
        { name: "model", seed: "view", from: "v1.0.0" },
      ],
    },
    kept: [
      {
        ...{ tag: "v1.0.0", schema: "v1.0.0", seedFrom: null, declared: "<hash of the SQL files>", views: [] },
        tables: [
          { name: "item", seed: "copy", from: null },
          { name: "model", seed: "view", from: null },
        ],
        values: { VERSION: "v1.0.0" },
      },
    ],
    pipelines: [
      { name: "embed", hash: "<hash of pipelines>", ran: false },
      { name: "rank", hash: null, ran: false },
      { name: "refresh", hash: "<hash of pipelines>", ran: false },
    ],
    ...{ retired: ["v0.9.0"], lost: [], heldBy: new Map(), description: "new, seeded from v1.0.0" },
  } satisfies StatePlan,
};

/** What `graph` has and `other` has not, or has otherwise. */
function beyond(graph: Record<string, unknown>, other: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(graph).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(other[key])),
  );
}

describe("the resource graph of a stack with a state", () => {
  it("has these resources beside those of the stack without one", async () => {
    const without = await graphOf("local");
    const found = await graphOf("local", withState);
    const text = `${JSON.stringify(beyond(found.resources, without.resources), null, 2)}\n`;
    if (process.env.UPDATE_GOLDENS) writeFileSync(golden("local.state"), text);
    expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(golden("local.state"), "utf8")));
  });
});

describe("the resource graph of a stack is the golden one", () => {
  it.each(["local", "staging", "prod"])("%s", async (stack) => {
    const text = `${JSON.stringify(await graphOf(stack), null, 2)}\n`;
    if (process.env.UPDATE_GOLDENS) {
      mkdirSync(join(project, "test/golden"), { recursive: true });
      writeFileSync(golden(stack), text);
    }
    expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(golden(stack), "utf8")));
  });
});

it("a stack on a Gateway of Gateway API has an HTTPRoute for each VirtualService, its grants, and no other difference", async () => {
  const virtualService = "kubernetes:networking.istio.io/v1:VirtualService";
  const httpRoute = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute";
  const grant = "kubernetes:gateway.networking.k8s.io/v1beta1:ReferenceGrant";
  const istio = (await graphOf("staging")).resources;
  const other = (await graphOf("staging", { config: { gateway: { ...stagingGateway, api: "gateway-api" } } }))
    .resources;
  const gone = Object.keys(beyond(istio, other)).sort();
  expect(gone.length).toBeGreaterThan(3);
  expect(gone.every((key) => key.startsWith(virtualService))).toBe(true);
  expect(Object.keys(beyond(other, istio)).sort()).toEqual(
    [
      ...gone.map((key) => key.replace(virtualService, httpRoute)),
      `${grant} models-to-knative-local-gateway`,
      "menagerie:serving:RouteGrants models",
    ].sort(),
  );
  expect(other[`${httpRoute} iris`]).toMatchObject({
    metadata: {
      annotations: {
        "pulumi.com/waitFor":
          '["jsonpath={.status.parents[*].conditions[?(@.type==\\"Accepted\\")].status}=True","jsonpath={.status.parents[*].conditions[?(@.type==\\"ResolvedRefs\\")].status}=True"]',
      },
    },
    spec: { parentRefs: [{ name: "models", namespace: "istio-ingress" }] },
  });
});

/** Of the committed file. */
const stagingGateway = {
  name: "istio-ingress/models",
  url: "https://models.staging.example.com",
  hosts: ["models.staging.example.com"],
};

describe("stacks that stand side by side on a cluster, as docs/scale.md has them,", () => {
  type Config = Record<string, unknown>;
  const configOf = (yaml: string): Config => {
    const { config } = parse(yaml) as { config: Config };
    return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^menagerie:/, ""), value]));
  };

  /** What the page's example says, with prod's models and nodes where it leaves them out. */
  function example(prod: Config): Config {
    const page = readFileSync(join(project, "docs/scale.md"), "utf8");
    const [, block = ""] = /```yaml\n(# Pulumi\.prod-vision\.yaml.+?)```/s.exec(page) ?? [];
    const own = configOf(block.replace(", … }", " }").replace("{ … }", "{}").replaceAll("<digest>", "0".repeat(64)));
    const [pool] = Object.keys(own.pools as object);
    const models = Object.entries(prod.zoo as Record<string, { pool?: string }>);
    const zoo = models.map(([name, entry]) => [name, entry.pool === undefined ? entry : { ...entry, pool }]);
    return { ...own, database: undefined, nodeClass: prod.nodeClass, zoo: Object.fromEntries(zoo) };
  }

  const objects = (resources: Readonly<Record<string, unknown>>): string[] =>
    Object.values(resources).flatMap((inputs) => {
      const { apiVersion, kind, metadata } = inputs as Partial<Record<"apiVersion" | "kind", string>> & {
        metadata?: { namespace?: string; name?: string };
      };
      return apiVersion === undefined ? [] : [`${apiVersion} ${kind} ${metadata?.namespace ?? ""}/${metadata?.name}`];
    });

  it("share no object of the cluster, the same models declared in both", async () => {
    const prod = configOf(readFileSync(join(project, "Pulumi.prod.yaml"), "utf8"));
    const one = objects((await graphOf("prod")).resources);
    const other = objects((await graphOf("prod", { config: example(prod) })).resources);
    expect(other.length).toBeGreaterThan(20);
    expect(one.filter((object) => other.includes(object))).toEqual([]);
  });
});
