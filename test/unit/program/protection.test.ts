import type * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { removals } from "../../../src/domain/preview/removals.ts";
import { protectWhatServesOrStores } from "../../../src/program/protection.ts";

const route = "kubernetes:networking.istio.io/v1:VirtualService";
const httpRoute = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute";
const schema = "postgresql:index/schema:Schema";

function protectionOf(type: string, props: object, opts: pulumi.CustomResourceOptions = {}): boolean | undefined {
  const changed = protectWhatServesOrStores({ type, name: "any", props, opts, resource: undefined as never });
  return (changed?.opts ?? opts).protect;
}

const labels = (model: string) => ({ metadata: { labels: { "menagerie.dev/model": model } } });

it.each<[string, string, object, pulumi.CustomResourceOptions, boolean | undefined]>([
  ["a model's route", route, labels("iris"), {}, true],
  ["a model's route of Gateway API", httpRoute, labels("iris"), {}, true],
  ["the route of a rollout's copy, which goes by its phase", route, labels("iris_copy"), {}, undefined],
  ["a schema that stays when it is deleted", schema, {}, { retainOnDelete: true }, undefined],
  [
    "a database that its component leaves unprotected where nodes are local",
    "postgresql:index/database:Database",
    {},
    { protect: false },
    true,
  ],
  [
    "a model's service, which an edit of its content replaces",
    "kubernetes:serving.kserve.io/v1beta1:InferenceService",
    labels("iris"),
    {},
    undefined,
  ],
  ["a role", "kubernetes:rbac.authorization.k8s.io/v1:Role", {}, {}, undefined],
])("%s", (_what, type, props, opts, protect) => {
  expect(protectionOf(type, props, opts)).toBe(protect);
});

describe("what `menagerie up` asks before it deletes", () => {
  it.each([
    "kubernetes:core/v1:Namespace",
    "kubernetes:core/v1:Service",
    "kubernetes:core/v1:PersistentVolumeClaim",
    "kubernetes:core/v1:ConfigMap",
    "kubernetes:core/v1:ServiceAccount",
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:karpenter.sh/v1:NodePool",
    "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass",
    "kubernetes:postgres-operator.crunchydata.com/v1beta1:PostgresCluster",
    "postgresql:index/database:Database",
    "postgresql:index/schema:Schema",
    "postgresql:index/grant:Grant",
    "pulumi-nodejs:dynamic/menagerie:ModelVersion",
    ...[route, httpRoute],
  ])("is what the engine refuses to delete without it: %s", (type) => {
    const urn = `urn:pulumi:staging::menagerie::${type}::any`;
    const before = { inputs: { metadata: { name: "any" } }, outputs: {} };
    const step = { op: "delete", urn, type, name: "any", before, after: undefined, replacedBy: [] };
    const [asked] = removals({ steps: [step] }, { zoo: [], development: [], shadows: [] });
    expect(protectionOf(type, { metadata: { name: "any" } }) ?? false).toBe(asked?.asked ?? false);
  });
});
