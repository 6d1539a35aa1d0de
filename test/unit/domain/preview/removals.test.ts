import { describe, expect, it } from "vitest";
import type { PreviewStep } from "../../../../src/domain/preview/preview.ts";
import { isWithin, removals, unagreed } from "../../../../src/domain/preview/removals.ts";

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
    ...{ name, namespace: "models" },
    ...(model === undefined ? {} : { labels: { "menagerie.dev/model": model, "menagerie.dev/kind": kind } }),
  };
  const inputs = { metadata, spec: { predictor: { containers: [{ resources: { limits } }] } } };
  return {
    ...{ op, type, name, urn: `urn:pulumi:local::menagerie::${type}::${name}`, replacedBy: change.replacedBy ?? [] },
    before: { inputs, outputs: {} },
    after:
      op === "delete" ? undefined : { inputs: { ...inputs, metadata: { ...metadata, ...change.to } }, outputs: {} },
  };
}

const route = "kubernetes:networking.istio.io/v1:VirtualService";

describe("what a run takes away, and whether a person is asked", () => {
  it.each<[string, Change, boolean | undefined, RegExp]>([
    ["a version of a model that the config still has", { model: "iris" }, false, /predictions that it answers end/],
    ["the copy of such a model", { model: "iris_copy", name: "iris-copy" }, false, /end/],
    ["a model that the config no longer has", { model: "tulip" }, true, /tulip is not in the config any more/],
    ["a route of such a model", { model: "tulip", type: route }, true, /404/],
    ["a route of a copy that is over", { model: "iris_copy", type: route }, false, /404/],
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

  it("says which models a namespace holds", () => {
    const space = step({ type: "kubernetes:core/v1:Namespace", name: "models" });
    const [found] = removals({ steps: [space, step({ op: "same", model: "iris" })] }, declared);
    expect(found?.effect).toBe("everything in it is deleted, iris-v1 among it");
  });
});

describe("agreement", () => {
  const list = removals({ steps: [step({ model: "tulip" }), step({ model: "rose", name: "rose-v1" })] }, declared);

  it("is of names, and a name that stands for nothing is told", () => {
    const { asked, unknown } = unagreed(list, ["tulip", "lily"]);
    expect([asked.map(({ name }) => name), unknown]).toEqual([["rose"], ["lily"]]);
  });

  it("covers less than what was agreed to, and nothing more", () => {
    const [first] = list;
    expect(isWithin(first ? [first] : [], list)).toBe(true);
    expect(isWithin(list, first ? [first] : [])).toBe(false);
  });
});
