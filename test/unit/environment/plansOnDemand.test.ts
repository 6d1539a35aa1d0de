import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevelopmentVersion } from "../../../components/developmentVersion.ts";
import { GpuNodePool } from "../../../components/gpuNodePool.ts";
import { ModelZooEntry, type ModelZooEntryArgs } from "../../../components/modelZooEntry.ts";
import type { ZooRegistry } from "../../../src/domain/zoo/registry.ts";
import type { TakenBack } from "../../../src/domain/zoo/takeBack.ts";
import { environmentOfProgram } from "../../support/componentEnvironment.ts";
import { irisServing } from "../../support/irisServing.ts";
import { partsOf, playEngine } from "../../support/playedEngine.ts";
import { registeredVersion } from "../../support/registeredVersion.ts";

/** A program of components: each is planned when it is declared, from what was read before. */

let project: string;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "menagerie-program-"));
  writeFileSync(join(project, "config.yaml"), "model_name: iris\nuse_control_plane: true\nsecrets:\n  token: null\n");
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

const truss = ".";
const direct = { truss: "models/iris", phase: "done" } as const;
const pool = { gpu: { kind: "t4", perNode: 1 }, replicas: 1 };

/** One version of iris that apps use. */
const served: ZooRegistry = {
  versions: new Map([["iris", [registeredVersion(1, { apps: 3, isCurrent: true, serving: irisServing })]]]),
  rollouts: new Map([
    [
      "iris",
      { model: "iris", phase: "done", from: undefined, hash: "a", since: new Date(0), bakeSecondsLeft: undefined },
    ],
    [
      "churn",
      { model: "churn", phase: "done", from: undefined, hash: "a", since: new Date(0), bakeSecondsLeft: undefined },
    ],
  ]),
  evidence: [],
};

describe("a program's entries", () => {
  it("are planned by their folders and by what the database has, whatever else that has", async () => {
    const smoke = [{ input: { inputs: [[5.1]] }, output: { predictions: [0] } }];
    const made = await partsOf(() => {
      const environment = environmentOfProgram({ registry: served });
      const entry = new ModelZooEntry("iris", { environment, ...direct, phase: "copy", from: "11", smoke });
      expect(entry.predictUrl).toBe("http://gateway/serving/models/iris/v1/models/model:predict");
      return entry;
    });
    expect(made.names).toEqual(expect.arrayContaining(["ServedVersion iris-v1", "ServedVersion iris-copy"]));
    expect(made("TrussImage iris").inputs).toMatchObject({ hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(made("SmokeTest iris").inputs).toMatchObject({ cases: [{ ...smoke[0], tolerance: 0 }] });
    expect(made("ModelZooEntry iris").inputs).toMatchObject({
      phase: "copy",
      from: "11",
      replicas: { min: 1, max: 1 },
    });
  });

  it.each<[string, Partial<ModelZooEntryArgs>, string]>([
    ["an unknown phase", { phase: "copi" as never }, 'menagerie:zoo.iris.phase: "copi" is not allowed'],
    ["a pool that is not declared", { pool: "t4" }, 'menagerie:zoo.iris.pool: no pool is named "t4"'],
    ["no folder", { truss: "models/none" }, 'menagerie:zoo.iris.truss: "models/none" is not a folder of the project'],
    ["a phase that cannot be entered", { phase: "forward", from: "11" }, "menagerie:zoo.iris.phase"],
    ["an argument that there is not", { fase: "done" } as never, "menagerie:zoo.iris.fase"],
    ["apps that nobody counted", { leave: ["6"] }, "menagerie:zoo.iris.leave: only a stack"],
  ])("%s is refused in a sentence that names the argument", async (_, wrong, sentence) => {
    await partsOf(() => {
      const environment = environmentOfProgram({ registry: served });
      expect(() => new ModelZooEntry("iris", { environment, ...direct, ...wrong })).toThrow(sentence);
    });
  });

  it("are refused with a content that a guard took back", async () => {
    const made = await partsOf(() => {
      new ModelZooEntry("iris", { environment: environmentOfProgram({ registry: served }), ...direct });
    });
    const taken: TakenBack = {
      id: "1",
      model: "iris",
      from: "11",
      hash: String(made("TrussImage iris").inputs.hash),
      action: "revert",
      reason: "errors 12 of 180 against 3 of 1,620",
      cause: "7",
      weight: 10,
      at: new Date(0),
      doneAt: new Date(0),
      obstacle: null,
    };
    await partsOf(() => {
      const environment = environmentOfProgram({ registry: { ...served, takenBack: [taken] } });
      expect(() => new ModelZooEntry("iris", { environment, ...direct })).toThrow("taken back at 1970-01-01");
    });
  });

  it("have names of their own", async () => {
    await partsOf(() => {
      const environment = environmentOfProgram();
      new ModelZooEntry("iris", { environment, ...direct });
      expect(() => new ModelZooEntry("iris", { environment, ...direct })).toThrow("two components of zoo");
    });
  });

  it("are those of the stack that the environment was read for", async () => {
    await playEngine("staging");
    const environment = environmentOfProgram();
    await playEngine("prod");
    expect(() => new ModelZooEntry("iris", { environment, ...direct })).toThrow(
      "zoo iris: its environment was read for another stack; call Environment.read in each run of the program",
    );
  });

  it("run on the pools that were declared before them, as long as these have room", async () => {
    const made = await partsOf(() => {
      const environment = environmentOfProgram();
      new GpuNodePool("t4", { environment, ...pool });
      new ModelZooEntry("iris", { environment, ...direct, pool: "t4" });
      expect(() => new ModelZooEntry("churn", { environment, ...direct, pool: "t4" })).toThrow(
        "menagerie:pools.t4.replicas",
      );
    });
    expect(made("component InferenceService iris-v1").inputs).toMatchObject({ pool: "t4" });
    expect(made("ModelZooEntry iris").options.dependsOn).toContain("GpuNodePool t4");
  });

  it("say what they are for the program to export", async () => {
    await partsOf(() => {
      const environment = environmentOfProgram();
      new ModelZooEntry("iris", { environment, ...direct });
      expect(environment.outputs).toMatchObject({
        models: { iris: { kind: "zoo", truss: "models/iris", mode: "Standard" } },
        rollouts: { iris: { phase: "done", version: 1 } },
      });
    });
  });
});

describe("a program's development version", () => {
  it("is planned by its folder", async () => {
    const made = await partsOf(() => {
      const environment = environmentOfProgram({ onPlatform: true });
      return new DevelopmentVersion("greeter", { environment, truss: "models/greeter", idleMinutes: 30 });
    });
    expect(made("PatchSync greeter").inputs).toMatchObject({ folder: "models/greeter", deploys: true });
  });

  it("needs the secrets that its truss names", async () => {
    await partsOf(() => {
      const declare = (keys: readonly string[]) => {
        const environment = environmentOfProgram({ project, keys, onPlatform: true });
        return new DevelopmentVersion("mine", { environment, truss });
      };
      expect(() => declare([])).toThrow('menagerie:development.mine: . names the secret "token", which Secret');
      expect(() => declare([])).toThrow("kubectl -n models patch secret admin-organization-secrets -p");
      expect(declare(["token"]).service).toBe("mine-dev");
    });
  });

  it("needs a truss with a control server, also where a zoo entry reads the same folder", async () => {
    await partsOf(() => {
      const environment = environmentOfProgram({ onPlatform: true });
      new ModelZooEntry("iris", { environment, ...direct });
      expect(() => new DevelopmentVersion("mine", { environment, truss: "models/iris" })).toThrow(
        'menagerie:development.mine.truss: "models/iris" has no control server',
      );
    });
  });

  it("needs the API service, which patches it", async () => {
    await partsOf(() => {
      const environment = environmentOfProgram();
      expect(() => new DevelopmentVersion("greeter", { environment, truss: "models/greeter" })).toThrow(
        "DevelopmentVersion greeter needs the API service, which patches it; declare PlatformServices before it",
      );
    });
  });
});
