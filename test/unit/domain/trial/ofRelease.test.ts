import { expect, it } from "vitest";
import type { DeployedModel } from "../../../../src/domain/release/observed.ts";
import { combinationOfRelease, type RecordedVersion } from "../../../../src/domain/trial/ofRelease.ts";

const digest = `sha256:${"b".repeat(64)}`;
const deployed = (name: string, version: number, more: Partial<DeployedModel> = {}): DeployedModel => ({
  name,
  version,
  service: `${name}-v${version}`,
  source: "zoo",
  hash: "c".repeat(64),
  digest,
  ...more,
});
const version = (model: string, number: number, env: Record<string, string> = {}): RecordedVersion => ({
  model,
  number,
  imageUrl: `registry.example.com/${model}`,
  serving: {
    truss: `models/${model}`,
    env,
    resources: { cpu: "4", memory: "8Gi", gpus: 1 },
    secrets: ["token"],
    state: true,
  },
});

it("has each model with its image, and what the config of that time said of it", () => {
  const config = {
    zoo: { iris: { phase: "done", truss: "models/iris", env: { FACTOR: 2 }, resources: { memory: "1Gi" } } },
  };
  const models = [deployed("iris", 3)];
  const found = combinationOfRelease({ tag: "release-7", models, config, project: "/p" }, [version("iris", 3)], null);
  expect(found).toEqual({
    name: "release-7",
    state: null,
    models: [
      {
        name: "iris",
        identifier: "iris-v3",
        content: {
          image: `registry.example.com/iris@${digest}`,
          builtFrom: { folder: "/p/models/iris", hash: "c".repeat(64) },
        },
        resources: { cpu: "1", memory: "1Gi", gpus: 0 },
        env: { FACTOR: "2" },
        secrets: ["token"],
      },
    ],
  });
});

it("has the old version as it was served where the rollout had not come further", () => {
  const config = { zoo: { iris: { phase: "copy", from: "12", env: { FACTOR: "3" } } }, pools: { t4: {} } };
  const [before] = combinationOfRelease(
    { tag: "r", models: [deployed("iris", 2)], config },
    [version("iris", 2, { FACTOR: "1" })],
    null,
  ).models;
  expect(before).toMatchObject({ env: { FACTOR: "1" }, resources: { cpu: "4", gpus: 1 }, state: true });
  const forward = { ...config, zoo: { iris: { ...config.zoo.iris, phase: "forward", pool: "t4" } } };
  const [after] = combinationOfRelease(
    { tag: "r", models: [deployed("iris", 3)], config: forward },
    [version("iris", 3)],
    null,
  ).models;
  expect(after).toMatchObject({ env: { FACTOR: "3" }, resources: { cpu: "1", memory: "2Gi", gpus: 1 } });
});

it("leaves out what is only named, and finds images of this machine without a row", () => {
  const models = [
    deployed("embedder", 4, { service: null, digest: null, source: "models:/embedder/4" }),
    deployed("iris", 1),
  ];
  const found = combinationOfRelease({ tag: "r", models, config: {} }, [], null);
  expect(found.models.map(({ name, content }) => [name, content])).toEqual([
    ["iris", { image: `menagerie.local/truss/iris@${digest}` }],
  ]);
});
