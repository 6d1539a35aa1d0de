import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { playEngine } from "../../support/playedEngine.ts";
import { lostFrom } from "../../support/releasedStacks.ts";
import { configOf, graphAndNames, graphOf } from "../../support/stackGraph.ts";
import { withState } from "../../support/stateGraph.ts";

/**
 * The whole resource graph of each stack, as committed in test/golden: what a reviewer sees change.
 * Made anew by `UPDATE_GOLDENS=1 npx vitest run test/unit/components`.
 */

const project = join(import.meta.dirname, "../../..");
const golden = (stack: string): string => join(project, "test/golden", `${stack}.json`);

beforeAll(() => playEngine());

/** What `graph` has and `other` has not, or has otherwise. */
function beyond(graph: Record<string, unknown>, other: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(graph).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(other[key])),
  );
}

describe("the resource graph of a stack with a state", () => {
  it("has these resources and options beside those of the stack without one", async () => {
    const without = await graphOf("local");
    const { graph: found, names } = await graphAndNames("local", withState);
    expect(lostFrom("local with a state", names)).toEqual([]);
    const { states } = found.outputs as { readonly states: object };
    const state = {
      resources: beyond(found.resources, without.resources),
      options: beyond(found.options, without.options),
      states,
    };
    const text = `${JSON.stringify(state, null, 2)}\n`;
    if (process.env.UPDATE_GOLDENS) writeFileSync(golden("local.state"), text);
    expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(golden("local.state"), "utf8")));
  });
});

it("a stack without a database has its models, and nothing that is kept in one", async () => {
  const { resources } = await graphOf("local", { withoutDatabase: true, config: { development: {} } });
  const kinds = Object.keys(resources).map((key) => key.slice(0, key.indexOf(" ")));
  expect(kinds.filter((kind) => kind === "menagerie:zoo:ModelZooEntry")).toHaveLength(3);
  expect(kinds.filter((kind) => /postgresql|ModelVersion|ZooRollout|PlatformSchema/.test(kind))).toEqual([]);
});

describe("the resource graph of a stack is the golden one", () => {
  it.each(["local", "staging", "prod"])("%s", async (stack) => {
    const { graph, names } = await graphAndNames(stack);
    expect(lostFrom(stack, names)).toEqual([]);
    const text = `${JSON.stringify(graph, null, 2)}\n`;
    if (process.env.UPDATE_GOLDENS) {
      mkdirSync(join(project, "test/golden"), { recursive: true });
      writeFileSync(golden(stack), text);
    }
    expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(golden(stack), "utf8")));
  });
});

describe("a stack on a Gateway of Gateway API", () => {
  const virtualService = "kubernetes:networking.istio.io/v1:VirtualService";
  const httpRoute = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute";
  const grant = "kubernetes:gateway.networking.k8s.io/v1beta1:ReferenceGrant";
  // The gateway checks keys.
  const batches = `${grant} models-to-batches`;
  // Knative scales by no CPU, as the committed stack does.
  const replicas = { max: 2, target: { rps: 20 } };
  const zoo = {
    iris: { truss: "models/iris", phase: "done", replicas },
    multiplier: { truss: "models/multiplier", phase: "version" },
  };

  it.each([
    // multiplier may sleep, and waits behind the API service.
    ["in Standard mode", {}, [batches, `${grant} multiplier-v1-activator`]],
    ["in Knative mode", { serving: { mode: "Knative" }, zoo }, [batches, `${grant} models-to-knative-local-gateway`]],
  ])("%s has an HTTPRoute for each VirtualService, its grants, and no other difference", async (_, config, granted) => {
    const istio = resourcesOf(await graphOf("staging", { config }));
    const gateway = { ...stagingGateway, api: "gateway-api" };
    const other = resourcesOf(await graphOf("staging", { config: { ...config, gateway } }));
    // The API service looks for the gateway's pods in another way.
    const counts = /:(Deployment api|Role \S+-counts)$/;
    const beside = (graph: typeof istio, without: typeof istio) =>
      Object.keys(beyond(graph, without)).filter((key) => !counts.test(key));
    const gone = beside(istio, other).sort();
    expect(gone.length).toBeGreaterThan(3);
    expect(gone.every((key) => key.startsWith(virtualService))).toBe(true);
    expect(beside(other, istio).sort()).toEqual(
      [...gone.map((key) => key.replace(virtualService, httpRoute)), ...granted].sort(),
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
});

/** Without components, which say that the config is another one. */
function resourcesOf({ resources }: Awaited<ReturnType<typeof graphOf>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(resources).filter(([key]) => !key.startsWith("menagerie:")));
}

/** Of the committed file. */
const stagingGateway = {
  name: "istio-ingress/models",
  url: "https://models.staging.example.com",
  hosts: ["models.staging.example.com"],
};

describe("stacks that stand side by side on a cluster, as docs/scale.md has them,", () => {
  type Config = Record<string, unknown>;

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
