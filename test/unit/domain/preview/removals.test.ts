import { describe, expect, it } from "vitest";
import { agreementTo, isAgreedTo } from "../../../../src/domain/preview/agreement.ts";
import type { PreviewStep } from "../../../../src/domain/preview/preview.ts";
import { keptModels, removals, unagreed } from "../../../../src/domain/preview/removals.ts";

const declared = { zoo: ["iris"], development: ["greeter"], shadows: ["next"] };

interface Change {
  readonly op?: string;
  readonly type?: string;
  readonly name?: string;
  readonly model?: string;
  readonly kind?: string;
  readonly gpus?: number;
  /** Of the object that takes its place. */
  readonly to?: { readonly name?: string; readonly namespace?: string };
  readonly replacedBy?: string[];
}

const service = "kubernetes:serving.kserve.io/v1beta1:InferenceService";

function step({
  op = "delete",
  type = service,
  name = "iris-v1",
  model,
  kind = "zoo",
  ...change
}: Change): PreviewStep {
  const limits = change.gpus ? { "nvidia.com/gpu": String(change.gpus) } : {};
  const metadata = {
    name,
    namespace: "models",
    ...(model === undefined ? {} : { labels: { "menagerie.dev/model": model, "menagerie.dev/kind": kind } }),
  };
  const inputs = { metadata, spec: { predictor: { containers: [{ resources: { limits } }] } } };
  return {
    op,
    type,
    name,
    urn: `urn:pulumi:local::menagerie::${type}::${name}`,
    replacedBy: change.replacedBy ?? [],
    before: { inputs, outputs: {} },
    after:
      op === "delete" ? undefined : { inputs: { ...inputs, metadata: { ...metadata, ...change.to } }, outputs: {} },
  };
}

const route = "kubernetes:networking.istio.io/v1:VirtualService";
const httpRoute = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute";

describe("what a run takes away, and whether a person is asked", () => {
  it.each<[string, Change, boolean | undefined, RegExp]>([
    ["a version of a model that the config still has", { model: "iris" }, false, /predictions that it answers end/],
    ["the copy of such a model", { model: "iris_copy", name: "iris-copy" }, false, /end/],
    ["a model that the config no longer has", { model: "tulip" }, true, /tulip is not in the config any more/],
    ["a route of such a model", { model: "tulip", type: route }, true, /404/],
    ["a route of a copy that is over", { model: "iris_copy", type: route }, false, /404/],
    ["an HTTPRoute of a model that is gone", { model: "tulip", type: httpRoute }, true, /404/],
    ["a full deployment", { op: "replace", model: "greeter", kind: "development" }, false, /fail from its deletion/],
    ["a development version that is gone", { model: "other", kind: "development" }, true, /not in the config/],
    ["a shadow that is gone", { model: "old", kind: "shadow" }, true, /not in the config/],
    [
      "a replacement with a name of its own",
      { op: "replace", model: "iris", to: { name: "iris-v1-0a" } },
      false,
      /the old one answers/,
    ],
    ["a replacement under the same name", { op: "replace", model: "iris" }, true, /fail from its deletion/],
    ["the handover of a GPU", { op: "replace", model: "iris", gpus: 1 }, false, /fail from its deletion/],
    [
      "another namespace",
      { op: "replace", model: "iris", to: { namespace: "zoo" } },
      true,
      /from namespace models to zoo/,
    ],
    ["another cluster", { op: "replace", model: "iris", replacedBy: ["provider"] }, true, /cluster is another one/],
    ["a namespace", { type: "kubernetes:core/v1:Namespace", name: "models" }, true, /everything in it/],
    [
      "a service that is replaced by its name",
      { op: "replace", type: "kubernetes:core/v1:Service", name: "api" },
      true,
      /until it is made again/,
    ],
    [
      "the Service by which a model that sleeps is woken",
      { type: "kubernetes:core/v1:Service", name: "iris-v1-activator" },
      undefined,
      /./,
    ],
    ["a database", { type: "postgresql:index/database:Database", name: "menagerie" }, true, /data is deleted/],
    ["a pool", { type: "kubernetes:karpenter.sh/v1:NodePool", name: "t4" }, true, /nodes end/],
    ["the component around a service", { type: "menagerie:serving:InferenceService" }, undefined, /./],
    ["a role", { type: "kubernetes:rbac.v1:Role", name: "reader" }, undefined, /./],
    ["what is updated", { op: "update", model: "iris" }, undefined, /./],
  ])("%s", (_what, change, asked, effect) => {
    const [found] = removals({ steps: [step(change)] }, declared);
    expect(found?.asked).toBe(asked);
    if (found) expect(found.effect).toMatch(effect);
  });

  it.each<[string, PreviewStep, PreviewStep[], string]>([
    [
      "what a namespace holds",
      step({ type: "kubernetes:core/v1:Namespace", name: "models" }),
      [step({ op: "same", model: "iris" })],
      "everything in it is deleted (used by model iris-v1)",
    ],
    [
      "routes and mirrors that lead to a service",
      step({ model: "tulip", name: "tulip" }),
      [
        leading("tulip-v1", { route: [{ destination: { host: "tulip-predictor.models.svc.cluster.local" } }] }),
        leading("next", {
          route: [{ destination: { host: "other-predictor.models.svc.cluster.local" } }],
          mirrors: [{ destination: { host: "tulip-predictor.models.svc.cluster.local" } }],
        }),
        leading("other", { route: [{ destination: { host: "pink-tulip-predictor.models.svc.cluster.local" } }] }),
        leading("asleep", {
          route: [{ destination: { host: "knative-local-gateway.istio-system.svc.cluster.local" } }],
          rewrite: { authority: "tulip-predictor.models.svc.cluster.local" },
        }),
      ],
      "tulip is not in the config any more: predictions that it answers end (used by route tulip-v1, mirror next, route asleep)",
    ],
    [
      "routes and mirrors that lead to what wakes a service",
      step({ model: "tulip", name: "tulip" }),
      [
        leading("woken", { route: [{ destination: { host: "tulip-activator.menagerie.svc.cluster.local" } }] }),
        leading("next", {
          route: [{ destination: { host: "pink-tulip-activator.menagerie.svc.cluster.local" } }],
          mirrors: [{ destination: { host: "tulip-activator.menagerie.svc.cluster.local" } }],
        }),
      ],
      "tulip is not in the config any more: predictions that it answers end (used by route woken, mirror next)",
    ],
    [
      "HTTPRoutes and their mirrors that lead to a service",
      step({ model: "tulip", name: "tulip" }),
      [
        attached("tulip-v1", { backendRefs: [{ name: "tulip-predictor", port: 80 }] }),
        attached("next", {
          backendRefs: [{ name: "other-predictor", port: 80 }],
          filters: [{ type: "RequestMirror", requestMirror: { backendRef: { name: "tulip-predictor", port: 80 } } }],
        }),
        attached("far", { backendRefs: [{ name: "tulip-predictor", namespace: "elsewhere", port: 80 }] }),
      ],
      "tulip is not in the config any more: predictions that it answers end (used by route tulip-v1, mirror next)",
    ],
    [
      "models on a pool",
      step({ type: "kubernetes:karpenter.sh/v1:NodePool", name: "t4" }),
      [onPool("iris-v1", "t4"), onPool("rose-v1", "cpu")],
      "its nodes end, and the pods on them (used by model iris-v1)",
    ],
    [
      "schemas of a database",
      sql("Database", { name: "menagerie" }),
      [sql("Schema", { name: "menagerie", database: "menagerie" }), sql("Schema", { name: "x", database: "other" })],
      "its data is deleted (used by schema menagerie)",
    ],
    [
      "releases whose state is in a database",
      sql("Database", { name: "menagerie" }),
      [
        sql("Schema", { name: "v1.2", database: "menagerie" }),
        ofRelease("ReleaseState", { tag: "v1.2", schema: "v1.2" }),
      ],
      "its data is deleted (used by release v1.2)",
    ],
    [
      "the release that a model is part of",
      step({ model: "tulip", name: "tulip-v1" }),
      [ofRelease("Deployment", { tag: "v1.2", serving: ["rose: rose-v1 0a", "tulip: tulip-v1 9a"] })],
      "tulip is not in the config any more: predictions that it answers end (used by release v1.2)",
    ],
  ])("is told with %s", (_what, removed, others, effect) => {
    const kept = others.map((each): PreviewStep => ({ ...each, op: "same" }));
    const [found] = removals({ steps: [removed, ...kept] }, declared);
    expect(found?.effect).toBe(effect);
  });
});

describe("a route that becomes one of another API", () => {
  const moved = (from: string, to: string, name = "iris") => [
    step({ type: from, name: "iris", model: "iris" }),
    { ...step({ op: "create", type: to, name }), before: undefined },
  ];

  it.each([
    [route, httpRoute, "HTTPRoute"],
    [httpRoute, route, "VirtualService"],
  ])("is no removal to ask about: %s to %s", (from, to, kind) => {
    const [found] = removals({ steps: moved(from, to) }, declared);
    expect(found).toMatchObject({ asked: false, name: "iris" });
    expect(found?.effect).toBe(
      `its ${kind} is served first, at the address of its own Gateway; requests to another address than that get 404`,
    );
  });

  it("is not a removal to ask about where one that divides its requests takes its place", () => {
    const dynamic = "pulumi-nodejs:dynamic/menagerie:RolloutTraffic";
    const made = step({ op: "create", type: dynamic, name: "iris" });
    const inputs = { route: { name: "iris", namespace: "models" } };
    const divided = { ...made, before: undefined, after: { ...made.before, inputs } } as PreviewStep;
    const [found] = removals({ steps: [step({ type: httpRoute, name: "iris", model: "iris" }), divided] }, declared);
    expect(found).toMatchObject({
      asked: false,
      effect: "the one that divides its requests between two versions is served first",
    });
  });

  it("is the platform's too, and the whole model's when the other one has another name", () => {
    const [api] = removals(
      { steps: [step({ type: route, name: "api" }), ...moved(route, httpRoute, "api").slice(1)] },
      declared,
    );
    expect(api?.asked).toBe(false);
    const [other] = removals({ steps: moved(route, httpRoute, "rose") }, { ...declared, zoo: [] });
    expect(other).toMatchObject({ asked: true, effect: expect.stringContaining("404") });
  });
});

function leading(name: string, http: object): PreviewStep {
  return specified(step({ op: "same", type: route, name }), { http: [http] });
}

function attached(name: string, rule: object): PreviewStep {
  return specified(step({ op: "same", type: httpRoute, name }), { rules: [rule] });
}

function specified(made: PreviewStep, spec: object): PreviewStep {
  const inputs = { ...made.before?.inputs, spec };
  return { ...made, before: { inputs, outputs: {} }, after: { inputs, outputs: {} } };
}

function onPool(name: string, pool: string): PreviewStep {
  const made = step({ op: "same", model: "any", name });
  const inputs = { ...made.before?.inputs, spec: { predictor: { nodeSelector: { "menagerie.dev/pool": pool } } } };
  return { ...made, before: { inputs, outputs: {} }, after: { inputs, outputs: {} } };
}

function sql(kind: "Database" | "Schema", inputs: { readonly name: string; readonly database?: string }): PreviewStep {
  const type = `postgresql:index/${kind.toLowerCase()}:${kind}`;
  return { ...step({ type, name: inputs.name }), before: { inputs, outputs: {} } };
}

function ofRelease(kind: string, inputs: object): PreviewStep {
  const type = `pulumi-nodejs:dynamic/menagerie:${kind}`;
  return { ...step({ op: "same", type, name: "release" }), before: { inputs: { ...inputs }, outputs: {} } };
}

describe("agreement", () => {
  const list = removals({ steps: [step({ model: "tulip" }), step({ model: "rose", name: "rose-v1" })] }, declared);

  it("is of names, and a name that stands for nothing is told", () => {
    const { asked, unknown } = unagreed(list, ["tulip", "lily"]);
    expect([asked.map(({ name }) => name), unknown]).toEqual([["rose"], ["lily"]]);
  });

  it("covers less than what was agreed to, in any order, and nothing more", () => {
    const [first, second] = list;
    if (!first || !second) throw new Error("two are listed");
    expect(agreementTo([second, first])).toBe(agreementTo(list));
    expect(isAgreedTo(first, agreementTo(list))).toBe(true);
    expect(isAgreedTo(second, agreementTo([first]))).toBe(false);
    expect(isAgreedTo(first, "")).toBe(false);
  });

  it("is of the change, its reason and its resource, and not of a time that the list shows", () => {
    const [moved] = removals(
      { steps: [step({ op: "replace", model: "iris", to: { namespace: "zoo" }, replacedBy: ["metadata"] })] },
      declared,
    );
    if (!moved) throw new Error("one is listed");
    const agreement = agreementTo([moved]);
    expect(isAgreedTo({ ...moved, effect: "another" }, agreement)).toBe(true);
    expect(isAgreedTo({ ...moved, op: "delete" }, agreement)).toBe(false);
    expect(isAgreedTo({ ...moved, replacedBy: ["provider"] }, agreement)).toBe(false);
    expect(isAgreedTo({ ...moved, urn: `${moved.urn}-v2` }, agreement)).toBe(false);
  });

  it("is needed neither for what the command names nor for what stays", () => {
    const schema = { type: "postgresql:index/schema:Schema", name: "release-1" };
    const kept = { ...step(schema), before: { inputs: { name: "release-1" }, outputs: {}, retainOnDelete: true } };
    expect(removals({ steps: [kept] }, declared)).toEqual([]);
    const replaced = step({ op: "replace", model: "iris" });
    expect(removals({ steps: [replaced] }, declared, [replaced.urn]).map(({ asked }) => asked)).toEqual([false]);
  });

  it("is listed and not asked about for states of releases that the config keeps no more", () => {
    const retention = step({
      op: "update",
      type: "pulumi-nodejs:dynamic/menagerie:ReleaseRetention",
      name: "releases",
    });
    const after = { inputs: { retire: ["v1.0.0"] }, outputs: {} };
    expect(removals({ steps: [{ ...retention, after }] }, declared)).toMatchObject([
      { op: "delete", what: "state v1.0.0", asked: false },
    ]);
    expect(removals({ steps: [{ ...retention, op: "same", after }] }, declared)).toEqual([]);
  });

  it("is needed for whatever is protected", () => {
    const role = step({ type: "kubernetes:rbac.v1:Role", name: "reader" });
    const guarded = { ...role, before: { inputs: role.before?.inputs ?? {}, outputs: {}, protect: true } };
    expect(removals({ steps: [guarded] }, declared)).toMatchObject([{ asked: true, effect: "it is protected" }]);
  });
});

describe("a program that declares by its code", () => {
  it("names what its preview keeps; what leaves it is deleted with a yes", () => {
    const type = "menagerie:zoo:ModelZooEntry";
    const steps = [
      { ...step({ op: "same", name: "iris" }), type },
      { ...step({ op: "delete", name: "churn" }), type },
      { ...step({ op: "create", name: "greeter" }), type: "menagerie:development:DevelopmentVersion" },
      { ...step({ op: "update", name: "candidate" }), type: "menagerie:shadow:ShadowDeployment" },
    ];
    expect(keptModels({ steps })).toEqual({ zoo: ["iris"], development: ["greeter"], shadows: ["candidate"] });
  });
});
