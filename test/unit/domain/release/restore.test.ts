import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { editStackText } from "../../../../src/config/editStackFile.ts";
import { environmentSchema } from "../../../../src/config/environment.ts";
import { ownConfig } from "../../../../src/config/ownConfig.ts";
import type { DeployedModel } from "../../../../src/domain/release/observed.ts";
import {
  configEdits,
  keptKeys,
  promotedConfig,
  restoredConfig,
  type StackConfig,
} from "../../../../src/domain/release/restore.ts";

const hash = (digit: string): string => digit.repeat(64);
const served = (name: string, version: number, change: Partial<DeployedModel> = {}): DeployedModel => ({
  name,
  version,
  hash: hash(String(version)),
  digest: null,
  source: "zoo",
  service: `${name}-v${version}`,
  ...change,
});

const text = `# The head.
config:
  menagerie:database: { host: new.example.com } # where it is now
  # All models.
  menagerie:zoo:
    # The flower.
    iris:
      truss: models/iris
      phase: forward # one line at a time
      from: "12"
      env: { LEVEL: "2" }
    added: { truss: models/added, phase: done }
  menagerie:pools: {}
`;

const recorded: StackConfig = {
  database: { host: "old.example.com" },
  pools: {},
  zoo: {
    gone: { truss: "models/gone", phase: "done" },
    iris: { truss: "models/iris", phase: "copy", from: "3", env: { LEVEL: "1" } },
    sleeper: { truss: "models/sleeper", phase: "off" },
  },
};
const release = { tag: "release-1", code: "1.0.0", models: [served("gone", 4), served("iris", 1)], config: recorded };

describe("a restored config", () => {
  const current = ownConfig(text, "Pulumi.test.yaml");
  const restored = restoredConfig(current, release);
  const after = editStackText(text, configEdits(current, restored));

  it("serves the recorded contents by their hashes, without a rollout", () => {
    expect(restored.zoo).toEqual({
      gone: { truss: "models/gone", phase: "done", hash: hash("4") },
      iris: { truss: "models/iris", phase: "done", env: { LEVEL: "1" }, hash: hash("1") },
      sleeper: { truss: "models/sleeper", phase: "off" },
    });
    expect(restored.versioning).toEqual({ code: "1.0.0" });
  });

  it("is of today where it says where the environment is", () => {
    expect(restored.database).toEqual({ host: "new.example.com" });
  });

  it("is written with the comments and the order of the file", () => {
    expect(after).toBe(`# The head.
config:
  menagerie:database: { host: new.example.com } # where it is now
  # All models.
  menagerie:zoo:
    # The flower.
    iris:
      truss: models/iris
      phase: done # one line at a time
      env: { LEVEL: "1" }
      hash: "${hash("1")}"
    gone:
      truss: models/gone
      phase: done
      hash: "${hash("4")}"
    sleeper:
      truss: models/sleeper
      phase: off
  menagerie:pools: {}
  menagerie:versioning:
    code: 1.0.0
`);
  });

  it("changes nothing when it is restored again", () => {
    const again = ownConfig(after, "Pulumi.test.yaml");
    expect(configEdits(again, restoredConfig(again, release))).toEqual([]);
  });

  it("names models of MLflow by their number, not by an alias that may have moved", () => {
    const models = [served("ranker", 42, { hash: null, service: null, source: "models:/Ranker of ours/42" })];
    const config = { models: { ranker: { mlflow: { model: "Ranker of ours", alias: "champion" } } } };
    expect(restoredConfig({}, { ...release, models, config }).models).toEqual({
      ranker: { mlflow: { model: "Ranker of ours", version: 42 } },
    });
  });

  it("is refused where the record holds no config, because that held a secret", () => {
    expect(() => restoredConfig(current, { ...release, config: {} })).toThrow(
      /release "release-1" was recorded without menagerie:zoo, because that held a secret/,
    );
  });
});

describe("a promoted config", () => {
  const current = {
    zoo: { iris: { truss: "models/iris", phase: "done", pool: "big" }, old: { truss: "x", phase: "done" } },
  };
  const config = {
    zoo: { iris: { truss: "models/iris", phase: "done" }, young: { truss: "models/young", phase: "version" } },
  };
  const { config: promoted, notes } = promotedConfig(
    { ...current, versioning: { scheme: "tags", candidate: true } },
    {
      tag: "v1.3.0-irisv2-youngv1-rc.2",
      code: "1.3.0",
      models: [served("iris", 2), served("young", 1)],
      config,
      environment: "staging",
    },
  );

  it("has what was verified, pinned, on the environment's own pools, and says where it comes from", () => {
    expect(promoted).toEqual({
      zoo: {
        iris: { truss: "models/iris", phase: "done", pool: "big", hash: hash("2") },
        old: { truss: "x", phase: "done" },
        young: { truss: "models/young", phase: "done", hash: hash("1") },
      },
      versioning: { scheme: "tags", code: "1.3.0", promotedFrom: "staging/v1.3.0-irisv2-youngv1-rc.2" },
    });
  });

  it("tells what is new, and what was not verified", () => {
    expect(notes).toEqual([
      "young: is new here, on pool cpu with the default resources; set what it needs",
      "old: is not in v1.3.0-irisv2-youngv1-rc.2, so nobody verified it with it",
    ]);
  });
});

describe("edits of a stack file", () => {
  it.each(["local", "staging", "prod"])("that change nothing keep %s byte for byte", (stack) => {
    const file = readFileSync(join(import.meta.dirname, `../../../../Pulumi.${stack}.yaml`), "utf8");
    expect(editStackText(file, [])).toBe(file);
  });

  const key = fc.stringMatching(/^[a-z]{1,3}$/);
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string(), { maxLength: 2 }));
  const tree = fc.letrec((tie) => ({
    node: fc.oneof({ depthSize: "small" }, leaf, fc.dictionary(key, tie("node"), { maxKeys: 3 })),
  })).node;
  const config = fc.dictionary(key, tree, { maxKeys: 4 }) as fc.Arbitrary<Record<string, unknown>>;

  it("make any config say any other", () => {
    fc.assert(
      fc.property(config, config, (before, after) => {
        const entries = Object.entries(before).map(([name, value]) => [`menagerie:${name}`, value]);
        const file = JSON.stringify({ config: Object.fromEntries(entries) });
        const edited = editStackText(file, configEdits(before, after));
        const read = (load(edited) as { config: Record<string, unknown> }).config ?? {};
        const asText = (value: unknown): unknown =>
          typeof value === "object" && value !== null ? value : String(value);
        const found = Object.fromEntries(Object.entries(read).map(([name, value]) => [name, asText(value)]));
        const wanted = Object.fromEntries(
          Object.entries(after).map(([name, value]) => [`menagerie:${name}`, asText(value)]),
        );
        expect(found).toEqual(wanted);
      }),
    );
  });
});

describe("what a restore keeps as it is today", () => {
  it("is decided for every key of the config, so that no switch and no database goes back with a release", () => {
    const restored = ["zoo", "shadows", "pools", "serving", "versioning", "models", "state"];
    expect(Object.keys(environmentSchema.shape).sort()).toEqual([...keptKeys, ...restored].sort());
  });

  it("holds the switches that an operator set since", () => {
    const now = {
      modelZooDeploymentAutomationEnabled: "false",
      ratelimitEnabled: "false",
      postgresCluster: { storage: "1Gi" },
    };
    const config = { ratelimitEnabled: "true", modelZooDeploymentAutomationEnabled: "true", zoo: {} };
    expect(restoredConfig(now, { tag: "v1", code: "1.0.0", models: [], config })).toMatchObject(now);
  });

  it("names the state of the release, which is used whatever the SQL files say", () => {
    const config = { zoo: {}, state: { schemas: "state" } };
    expect(restoredConfig({}, { tag: "v1", code: "1.0.0", models: [], config })).toMatchObject({
      state: { schemas: "state", release: "v1" },
    });
  });
});
