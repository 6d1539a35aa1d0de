import { expect, it } from "vitest";
import { destruction } from "../../../../src/domain/preview/destruction.ts";

const urn = (type: string, name: string) => `urn:pulumi:staging::menagerie::${type}::${name}`;
const resource = (type: string, name: string, rest: object = {}) => ({ urn: urn(type, name), type, ...rest });

const service = resource("kubernetes:serving.kserve.io/v1beta1:InferenceService", "iris-v1", {
  inputs: {
    metadata: { name: "iris-v1", labels: { "menagerie.dev/model": "iris", "menagerie.dev/kind": "zoo" } },
  },
});

it("lists what serves and stores, and what is protected, by name", () => {
  const found = destruction([
    service,
    resource("postgresql:index/database:Database", "menagerie", { protect: true, inputs: { name: "menagerie" } }),
    resource("kubernetes:core/v1:ConfigMap", "switches"),
    resource("kubernetes:core/v1:ConfigMap", "kept", { protect: true }),
  ]);
  expect(found.count).toBe(4);
  expect(found.removals.map(({ what, effect }) => `${what}: ${effect}`)).toEqual([
    "InferenceService iris-v1: predictions that it answers end",
    "Database menagerie: its data is deleted",
    "ConfigMap kept: it is protected",
  ]);
});

it("counts what the engine leaves behind, and does not list it", () => {
  const kept = resource("postgresql:index/schema:Schema", "state_1", { retainOnDelete: true });
  expect(destruction([kept])).toEqual({ count: 1, removals: [] });
});

it("finds a resource whose metadata is a secret by its name", () => {
  const hidden = resource("kubernetes:serving.kserve.io/v1beta1:InferenceService", "wine", {
    inputs: { metadata: { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:" } },
  });
  expect(destruction([hidden]).removals.map(({ what }) => what)).toEqual(["InferenceService wine"]);
});
