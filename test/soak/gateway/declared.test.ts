import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { request as apiRequest } from "../../../src/adapters/kubernetes/request.ts";
import { applyManifest, type Manifest, pathOf } from "../../local/support/manifests.ts";
import { casesOf, type GatewayCase, serversOf } from "../../support/gateway/declaredCases.ts";
import { type DeclaredMesh, type DeclaredRule, declaredMesh } from "../../support/gateway/declaredObjects.ts";
import { Judge } from "../../support/gateway/judge.ts";
import { OwnGateway } from "../../support/gateway/ownGateway.ts";
import { playEngine } from "../../support/playedEngine.ts";
import { configOf } from "../../support/stackGraph.ts";

/**
 * Every route, mirror, rewrite, header rule and key check that the committed stacks and the examples of the pages declare, made by the program
 * itself, sent through Istio's control plane and Envoy, and looked at from the client and from the servers behind them.
 */

let own: OwnGateway;
let cluster: KubeConfig;
let judge: Judge;
let meshes: Readonly<Record<string, DeclaredMesh>>;

/** The first YAML block of a page that says `key`. */
function example(page: string, key: string): Record<string, unknown> {
  const text = readFileSync(join(import.meta.dirname, "../../../docs", page), "utf8");
  const block = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)]
    .map(([, yaml = ""]) => yaml)
    .find((yaml) => yaml.includes(key));
  if (!block) throw new Error(`docs/${page} has no example with ${key}`);
  return configOf(block.startsWith("config:") ? block : `config:\n${block.replaceAll(/^/gm, "  ")}`);
}

/** Staging's zoo, but for what Knative does not measure. */
function knativeZoo(): Readonly<Record<string, object>> {
  const { zoo } = configOf(readFileSync(join(import.meta.dirname, "../../../Pulumi.staging.yaml"), "utf8")) as {
    zoo: Record<string, { replicas?: { target?: object } }>;
  };
  return Object.fromEntries(
    Object.entries(zoo).map(([name, { replicas: { target: _, ...replicas } = {}, ...entry }]) => [
      name,
      { ...entry, replicas },
    ]),
  );
}

beforeAll(async () => {
  await playEngine();
  const shadows = example("shadows.md", "menagerie:shadows:");
  const keys = example("gateway.md", "keyCheck");
  meshes = {
    local: await declaredMesh("local"),
    "local with the shadow of docs/shadows.md": await declaredMesh("local", shadows),
    "local with the keys of docs/gateway.md and several shadows by a share": await declaredMesh("local", {
      ...keys,
      shadows: {
        both: {
          primary: { truss: "models/multiplier" },
          percent: 25,
          shadows: { one: { truss: "models/multiplier" }, other: { truss: "models/iris" } },
        },
      },
    }),
    staging: await declaredMesh("staging"),
    "staging in Knative mode": await declaredMesh("staging", { serving: { mode: "Knative" }, zoo: knativeZoo() }),
    prod: await declaredMesh("prod"),
  };
  own = await OwnGateway.open("judge", [...new Set(Object.values(meshes).flatMap(serversOf))]);
  ({ cluster } = own);
  judge = new Judge(own.routes.url, own.backends);
});

afterAll(() => own?.close());

const objectsOf = ({ policies, limits, routes }: DeclaredMesh): readonly Manifest[] => [
  ...policies,
  ...limits,
  ...routes,
];

async function apply(mesh: DeclaredMesh): Promise<void> {
  for (const object of objectsOf(mesh)) await applyManifest(cluster, object);
}

async function remove(mesh: DeclaredMesh): Promise<void> {
  for (const object of objectsOf(mesh)) await apiRequest(cluster, "DELETE", await pathOf(cluster, object));
}

/** That all cases are as they should be, once the gateway has been told. */
async function judged(cases: readonly GatewayCase[]): Promise<void> {
  const soon = { timeout: 15_000, interval: 200 };
  await vi.waitFor(async () => expect(await judge.differences(cases)).toEqual([]), soon);
}

describe("what a stack declares is what clients and servers see", () => {
  test.each([
    "local",
    "local with the shadow of docs/shadows.md",
    "local with the keys of docs/gateway.md and several shadows by a share",
    "staging",
    "staging in Knative mode",
    "prod",
  ])("of %s", async (name) => {
    const mesh = meshes[name] as DeclaredMesh;
    const cases = casesOf(mesh);
    expect(cases.length).toBeGreaterThan(mesh.routes.length * 3);
    await apply(mesh);
    await judged(cases).finally(() => remove(mesh));
  });

  test("but for policies of sidecars, of which there are none, and the patch that the embedded gateway has itself", () => {
    const leftOut = (namespace: string) => [
      `EnvoyFilter istio-ingress/${namespace}-query-keys`,
      `AuthorizationPolicy ${namespace}/development-control`,
    ];
    expect(meshes.staging?.leftOut).toEqual(leftOut("models"));
    expect(meshes.prod?.leftOut).toEqual(leftOut("zoo"));
  });

  test("and the stacks declare each kind of thing that is judged", () => {
    const rules = Object.values(meshes).flatMap(({ routes }) => routes.flatMap(({ spec }) => spec.http));
    expect(rules.filter(({ mirrors = [] }) => mirrors.length > 1)).not.toEqual([]);
    expect(rules.filter(({ mirrors = [] }) => mirrors[0]?.percentage.value === 100)).not.toEqual([]);
    expect(rules.filter(({ rewrite }) => rewrite?.authority)).not.toEqual([]);
    expect(rules.filter(({ headers }) => headers)).not.toEqual([]);
    expect(rules.filter(({ route }) => route.some(({ headers }) => headers))).not.toEqual([]);
    expect(Object.values(meshes).flatMap(({ policies }) => policies)).toHaveLength(4);
  });
});

/** Makes a mistake of staging's objects, which in Knative mode rewrite the host too. */
type Issue = readonly [title: string, (mesh: DeclaredMesh) => DeclaredMesh];

const inRules =
  (change: (rule: DeclaredRule) => object) =>
  (mesh: DeclaredMesh): DeclaredMesh => ({
    ...mesh,
    routes: mesh.routes.map((route) => ({
      ...route,
      spec: { ...route.spec, http: route.spec.http.map((rule) => change(rule) as DeclaredRule) },
    })),
  });
const inDestination = (change: object) =>
  inRules(({ route: [first], ...rule }) => ({
    ...rule,
    route: [{ ...first, destination: { ...first?.destination, ...change } }],
  }));

const issues: readonly Issue[] = [
  [
    "a weight: half of the requests are answered by the shadow",
    inRules(({ mirrors: [shadow] = [], route: [first], ...rule }) =>
      shadow && first
        ? {
            ...rule,
            mirrors: [shadow],
            route: [
              { ...first, weight: 50 },
              { destination: shadow.destination, weight: 50 },
            ],
          }
        : { ...rule, route: [first] },
    ),
  ],
  ["a header rule: keys reach the models", inRules(({ headers, ...rule }) => rule)],
  [
    "a rewrite of the path",
    inRules((rule) => ({ ...rule, ...(rule.rewrite && { rewrite: { ...rule.rewrite, uri: "/" } }) })),
  ],
  [
    "a rewrite of the host",
    inRules(({ rewrite, ...rule }) => ({ ...rule, ...(rewrite && { rewrite: { uri: rewrite.uri } }) })),
  ],
  ["a time-out", inRules((rule) => ({ ...rule, timeout: "1s" }))],
  ["retries switched off", inRules((rule) => ({ ...rule, retries: { attempts: 0 } }))],
  [
    "retries of answers that are no accident",
    inRules((rule) => ({ ...rule, retries: { attempts: 2, retryOn: "5xx" } })),
  ],
  [
    "a mirror's percentage",
    inRules(({ mirrors, ...rule }) => ({
      ...rule,
      ...(mirrors && { mirrors: mirrors.map((mirror) => ({ ...mirror, percentage: { value: 20 } })) }),
    })),
  ],
  ["a mirror that is not there", inRules(({ mirrors, ...rule }) => rule)],
  [
    "a mirror to the primary",
    inRules(({ mirrors, ...rule }) => ({
      ...rule,
      ...(mirrors && { mirrors: mirrors.map((mirror) => ({ ...mirror, destination: rule.route[0]?.destination })) }),
    })),
  ],
  [
    "a key check of other paths",
    (mesh) => ({
      ...mesh,
      policies: mesh.policies.map((policy) => ({
        ...policy,
        spec: { ...policy.spec, rules: [{ to: [{ operation: { paths: ["/serving/models/*/control"] } }] }] },
      })),
    }),
  ],
  [
    "the order of rules: one for all paths comes first",
    (mesh) => ({
      ...mesh,
      routes: mesh.routes.map((route) => {
        const [first] = route.spec.http;
        const all = { ...first, name: "all", match: [{ uri: { prefix: "/serving/" } }] } as DeclaredRule;
        return { ...route, spec: { ...route.spec, http: [all, ...route.spec.http] } };
      }),
    }),
  ],
  [
    "a match that lets /control/ through",
    inRules((rule) => ({
      ...rule,
      match: rule.match.map(({ uri }) => ({ uri: { prefix: uri.prefix.replace(/v1\/$/, "") } })),
    })),
  ],
  [
    "a host",
    (mesh) => ({ ...mesh, routes: mesh.routes.map((route) => ({ ...route, spec: { ...route.spec, hosts: ["*"] } })) }),
  ],
  ["a port", inDestination({ port: { number: 8080 } })],
  ["a destination's namespace", inDestination({ host: "iris-v1-predictor.zoo.svc.cluster.local" })],
];

/** Only a stack in Standard mode has an activator. */
const activatorIssues: readonly Issue[] = [
  [
    "a version that the activator is not told",
    inRules(({ route, ...rule }) => ({ ...rule, route: route.map(({ destination }) => ({ destination })) })),
  ],
];

describe.each([
  ["staging in Knative mode", issues],
  ["staging", activatorIssues],
])("a mistake in what the program declares for %s turns a case red", (name, mistakes) => {
  const right = (): DeclaredMesh => meshes[name] as DeclaredMesh;
  let cases: readonly GatewayCase[];

  beforeAll(async () => {
    cases = casesOf(right());
    await apply(right());
    await judged(cases);
  });

  afterAll(() => remove(right()));

  test.each(mistakes)("%s", async (_, make) => {
    const wrong = make(right());
    expect(JSON.stringify(wrong)).not.toBe(JSON.stringify(right()));
    await apply(wrong);
    // Requests for a destination that is not there wait a second each, whether it comes.
    const soon = { timeout: 120_000, interval: 100 };
    await vi.waitFor(async () => expect(await judge.differences(cases)).not.toEqual([]), soon);
    await apply(right());
    await judged(cases);
  });
});
