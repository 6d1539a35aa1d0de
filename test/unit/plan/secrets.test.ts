import { describe, expect, it } from "vitest";
import { containerSecrets, podSecrets } from "../../../src/domain/serving/secrets.ts";
import { planSecrets } from "../../../src/plan/secrets.ts";

const spec = { namespace: "models", adminSecrets: "admin", secrets: ["own_key"] };
const names = new Map([
  ["models/plain", []],
  ["models/own", ["own_key"]],
  ["models/both", ["theirs", "own_key"]],
  ["models/odd", ["a b"]],
]);
const served = (model: string, truss: string) => ({
  model,
  service: `${model}-v1`,
  serving: { truss, secrets: names.get(truss) ?? [] },
});
const unasked = () => Promise.reject(new Error("the cluster was asked"));

describe("a model's secrets", () => {
  it("come from the stack's config without a question to the cluster", async () => {
    const plan = await planSecrets(spec, [served("a", "models/plain"), served("b", "models/own")], unasked);
    expect([...plan]).toEqual([["b-v1", [{ secret: "menagerie-secrets", keys: ["own_key"] }]]]);
  });

  it("else from the admin organization's Secret", async () => {
    const plan = await planSecrets(spec, [served("a", "models/both")], async () => ["theirs", "own_key", "unused"]);
    expect(plan.get("a-v1")).toEqual([
      { secret: "menagerie-secrets", keys: ["own_key"] },
      { secret: "admin", keys: ["theirs"] },
    ]);
  });

  it("that are nowhere are told, all of them, each with its command", async () => {
    const both = [served("a", "models/both"), served("odd", "models/odd")];
    await expect(planSecrets(spec, both, async () => [])).rejects.toThrow(
      [
        'menagerie:zoo.a: models/both names the secret "theirs", which Secret "admin" in namespace "models" does not hold; set it with `pulumi config set --secret --path \'menagerie:secrets.theirs\'`',
        'menagerie:zoo.odd: models/odd names the secret "a b", which is not a name of a Secret\'s key; use letters, digits, - _ and . in its config.yaml',
      ].join("\n"),
    );
  });

  it("cannot be checked without the cluster, which is told", async () => {
    await expect(planSecrets(spec, [served("a", "models/both")], unasked)).rejects.toThrow(
      'menagerie:adminSecrets: whether Secret "admin" in namespace "models" holds what the trusses name cannot be checked: the cluster was asked',
    );
  });
});

describe("the manifest", () => {
  it("mounts each named key, and no other, where the truss server reads it", () => {
    const sources = [
      { secret: "one", keys: ["b", "a"] },
      { secret: "two", keys: ["c"] },
    ];
    expect(containerSecrets(sources)).toEqual({
      volumeMounts: [{ name: "secrets", mountPath: "/secrets", readOnly: true }],
    });
    expect(podSecrets(sources).volumes?.[0]?.projected.sources).toEqual([
      {
        secret: {
          name: "one",
          items: [
            { key: "a", path: "a" },
            { key: "b", path: "b" },
          ],
        },
      },
      { secret: { name: "two", items: [{ key: "c", path: "c" }] } },
    ]);
  });

  it("of a model without secrets has no volume", () => {
    expect([podSecrets(), containerSecrets([])]).toEqual([{}, {}]);
  });
});
