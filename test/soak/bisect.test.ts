import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BisectReport } from "../../src/domain/bisect/report.ts";
import { trialsFolder } from "../../src/local/trial/place.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";

/**
 * One history of 64 releases, each a whole `up` of the real engine with an edit of its own, and faults of each kind at places of it. The record is
 * what those `up`s wrote.
 */

const length = 64;
/** The release, counted from 1, with which each fault comes. */
const faults = { factor: 23, noise: 27, rounded: 41, together: 52, crash: 58 } as const;
/** Faulty from the first to before the second, and again from the third on. */
const comesAndGoes = [9, 15, 30] as const;

let shared: SharedEnvironment;
/** Numbers of the deployments, in the order of the `up`s. */
let ids: readonly string[];

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  const before = await deployments();
  await shared.edit("Pulumi.local.yaml", () => stackOf(1));
  for (let release = 1; release <= length; release += 1) {
    await writeModel(release);
    if (release > 1) await shared.edit("Pulumi.local.yaml", () => stackOf(release));
    await shared.up();
  }
  ids = (await deployments()).filter((id) => !before.includes(id));
  expect(ids.length).toBe(length);
  // As long as a test may take: each of the releases is a whole `up`.
}, 3_600_000);

afterAll(() => shared?.close());

async function deployments(): Promise<string[]> {
  const all = await shared.json<{ readonly id: string }[]>("releases", "--json");
  return all.map(({ id }) => id).reverse();
}

/** Each release has a variable of its own, so that none has the content of another. */
function stackOf(release: number): string {
  const [first, second, third] = comesAndGoes;
  const isNegative = (release >= first && release < second) || release >= third;
  const env = {
    RELEASE: String(release),
    FACTOR: release < faults.factor ? "2" : "2.5",
    SIGN: isNegative ? "-1" : "1",
    MODE: release < faults.together ? "a" : "b",
  };
  return [
    "config:",
    "  menagerie:nodeClass: local",
    "  menagerie:serving: { readyTimeoutSeconds: 300, requireApiKey: false }",
    "  menagerie:dynamicSettings: { createNamespace: true }",
    "  menagerie:zoo:",
    "    history:",
    "      truss: models/history",
    "      phase: done",
    "      resources: { cpu: 250m, memory: 256Mi }",
    `      env: ${JSON.stringify(env)}`,
    "",
  ].join("\n");
}

async function writeModel(release: number): Promise<void> {
  const folder = join(shared.home.project, "models", "history");
  await mkdir(join(folder, "model"), { recursive: true });
  await writeFile(join(folder, "config.yaml"), "model_name: history\npython_version: py311\n");
  const noise = release < faults.noise ? "0" : "int(random.random() < 0.4)";
  const together = release < faults.together ? '"a"' : 'os.environ["MODE"]';
  const crash = release < faults.crash ? "pass" : "assert value != 13";
  await writeFile(
    join(folder, "model", "model.py"),
    `import os
import random


class Model:
    def predict(self, model_input):
        value = float(model_input["value"])
        ${crash}
        return {
            "factor": value * float(os.environ["FACTOR"]),
            "sign": int(os.environ["SIGN"]),
            "rounded": round(value / 3, ${release < faults.rounded ? 6 : 2}),
            "together": ${together},
            "noise": ${noise},
        }
`,
  );
}

const fields = ["factor", "sign", "rounded", "together", "noise"] as const;

/** Finds the release with which `field` of the answer to `value` is no longer `expected`. */
async function find(
  field: (typeof fields)[number],
  expected: unknown,
  value = 7,
  ...more: string[]
): Promise<BisectReport> {
  const others = fields.filter((each) => each !== field).flatMap((each) => ["--ignore", each]);
  const asked = ["--model", "history", "--data", JSON.stringify({ value })];
  const wanted = ["--expect", JSON.stringify({ [field]: expected }), ...others];
  const ends = [ids[0] ?? "", ids.at(-1) ?? ""];
  const report = await shared.json<BisectReport>("bisect", ...ends, ...asked, ...wanted, ...more, "--json");
  expect(await readdir(trialsFolder(shared.home.path)).catch(() => [])).toEqual([]);
  return report;
}

function place({ change }: BisectReport): readonly [last: number, ...first: readonly number[]] {
  const at = ({ deployment }: { readonly deployment: string }) => ids.indexOf(deployment) + 1;
  return [at(change.last), ...change.first.map(at)];
}

describe("in a history of 64 real releases", () => {
  test("a key of the config is found in at most 8 restores, besides the split", async () => {
    const report = await find("factor", 14);
    expect(place(report)).toEqual([faults.factor - 1, faults.factor]);
    expect(report.judged.length).toBeLessThanOrEqual(8);
    expect(report.parts).toMatchObject([{ kind: "config", key: "env.FACTOR", from: '"2"', to: '"2.5"', needed: true }]);
  });

  test("a model's content is found, with the commit of its `up` or why it is unknown", async () => {
    const report = await find("rounded", 2.333333);
    expect(place(report)).toEqual([faults.rounded - 1, faults.rounded]);
    expect(report.judged.length).toBeLessThanOrEqual(8);
    expect(report.parts).toMatchObject([{ kind: "model", model: "history", needed: true }]);
  });

  test("a content and a key that do it only together are named together", async () => {
    const report = await find("together", "a");
    expect(place(report)).toEqual([faults.together - 1, faults.together]);
    expect(report.judged.length).toBeLessThanOrEqual(8);
    expect(report.parts).toMatchObject([
      { kind: "model", needed: true },
      { kind: "config", key: "env.MODE", needed: true },
    ]);
  });

  test("a model that answers by chance is found by asking it more often", async () => {
    const report = await find("noise", 0);
    expect(place(report)).toEqual([faults.noise - 1, faults.noise]);
    expect(report.parts).toMatchObject([{ kind: "model", needed: true }]);
  });

  test("a fault on a rare input is found by that input", async () => {
    const report = await find("factor", 32.5, 13, "--ignore", "factor");
    expect(place(report)).toEqual([faults.crash - 1, faults.crash]);
    expect(report.judged.length).toBeLessThanOrEqual(8);
  });

  test("a fault that comes and goes: one transition is named, and others are seen", async () => {
    const report = await find("sign", 1, 7, "--look-further", "6");
    const [first, , third] = comesAndGoes;
    expect([
      [first - 1, first],
      [third - 1, third],
    ]).toContainEqual(place(report));
    expect(report.change.contrary.length).toBeGreaterThan(0);
  });
});
