import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { deleteFixedNamesFirst } from "../../../src/program/fixedNames.ts";

const route = "kubernetes:networking.istio.io/v1:VirtualService";

it.each<[string, string, object, pulumi.CustomResourceOptions, boolean | undefined]>([
  ["an object with a name", "kubernetes:core/v1:Service", { metadata: { name: "api" } }, {}, true],
  ["one whose metadata is known later", route, { metadata: pulumi.output({ name: "iris" }) }, {}, true],
  [
    "one whose name is made up",
    "kubernetes:serving.kserve.io/v1beta1:InferenceService",
    { metadata: {} },
    {},
    undefined,
  ],
  ["one that says otherwise", route, { metadata: { name: "iris" } }, { deleteBeforeReplace: false }, false],
  ["a role, schema or database of PostgreSQL", "postgresql:index/role:Role", { name: "reader" }, {}, true],
  ["something of another provider", "random:index/randomId:RandomId", { name: "reader" }, {}, undefined],
  ["a provider", "pulumi:providers:kubernetes", {}, {}, undefined],
])("%s", (_what, type, props, opts, first) => {
  const changed = deleteFixedNamesFirst({ type, name: "any", props, opts, resource: undefined as never });
  const after: pulumi.CustomResourceOptions = changed?.opts ?? opts;
  expect(after.deleteBeforeReplace).toBe(first);
  expect(changed?.props ?? props).toBe(props);
});
