import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { contentVersion } from "../../../src/domain/shadow/evidence.ts";
import { proofGate } from "../../../src/domain/zoo/proofGate.ts";
import { emptyRegistry, type StoredEvidence } from "../../../src/domain/zoo/registry.ts";
import { digestOf } from "../../../src/domain/zoo/smoke.ts";
import type { PlatformPlan } from "../../../src/plan/platform.ts";
import { proofSamples } from "../../../src/plan/proofSamples.ts";
import { planZoo } from "../../../src/plan/zoo.ts";
import { contentOf, registeredVersion } from "../../support/registeredVersion.ts";

/** A rollout that asks for a proof goes forward with that of exactly its contents, samples and bounds. */

let project: string;
beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), "proof-samples-"));
  await mkdir(join(project, "samples/m"), { recursive: true });
  await writeFile(join(project, "samples/m/a.sample.jsonl"), "a");
});
afterEach(() => rm(project, { recursive: true, force: true }));

const samples = () => proofSamples({ m: { proof: {}, from: "11" } }, project).get("m") ?? [];
const bounds = { rules: { ignore: ["took_ms"] } };
const suite = (change: Partial<Parameters<typeof proofGate>[0]> = {}): string =>
  proofGate({
    old: contentVersion(contentOf(1), {}),
    new: contentVersion(contentOf(2), { FACTOR: "2" }),
    samples: samples(),
    bounds,
    ...change,
  }).suite;

const serving = {
  truss: "models/m",
  mode: "Standard",
  pool: "cpu",
  env: {},
  secrets: [] as string[],
  replicas: { min: 1, max: 1 },
  resources: { cpu: "1", memory: "1Gi", gpus: 0 },
} as const;

/** What `forward` is refused for, where the database has a proof of this suite. */
function forward(proven: string, passed = true, proof: object = { compare: bounds.rules }): string {
  const evidence: StoredEvidence = {
    id: "1",
    model: "m",
    hash: contentOf(2),
    kind: "proof",
    suite: proven,
    passed,
    evidence: {},
    evidenceHash: digestOf({}),
    at: new Date(0),
  };
  const zoo = { m: { truss: "models/m", phase: "forward", from: "11", env: { FACTOR: "2" }, proof } };
  const spec = parseEnvironment({ zoo }, { gatewayUrl: "http://gateway" });
  const recorded = { model: "m", phase: "version", from: "11", hash: contentOf(2), since: new Date(0) } as const;
  const registry = {
    ...emptyRegistry,
    versions: new Map([["m", [registeredVersion(1, { apps: 1, serving }), registeredVersion(2, { isCurrent: true })]]]),
    rollouts: new Map([["m", { ...recorded, bakeSecondsLeft: undefined }]]),
    evidence: [evidence],
  };
  try {
    planZoo(spec, {
      platform: { basis: "read", registry } as unknown as PlatformPlan,
      hashes: new Map([["models/m", contentOf(2)]]),
      secretsOf: () => [],
      smoke: new Map(),
      proofSamples: proofSamples(spec.zoo, project),
    });
    return "";
  } catch (error) {
    return String(error);
  }
}

it("a rollout goes forward with the proof of its contents, variables, samples and rules", async () => {
  expect(forward(suite())).toBe("");
  const open = `"forward" needs evidence that proof passed for content ${contentOf(2).slice(0, 12)}, and there is none; run \`menagerie prove --record RESULT\``;
  expect(forward(suite(), false)).toContain(open);
  expect(forward(suite({ old: contentVersion(contentOf(3), {}) }))).toContain(open);
  expect(forward(suite({ new: contentVersion(contentOf(2), {}) }))).toContain(open);
  expect(forward(suite({ bounds: { rules: {} } }))).toContain(open);
  expect(forward(suite(), true, { compare: bounds.rules, maxMismatch: 0.5 })).toContain(open);
  const before = suite();
  await writeFile(join(project, "samples/m/b.sample.jsonl"), "b");
  expect(forward(before)).toContain(open);
  expect(forward(suite())).toBe("");
});

it("a rollout that asks for a proof without a sample is refused, before anything starts", async () => {
  await rm(join(project, "samples"), { recursive: true });
  expect(() => proofSamples({ m: { proof: {}, from: "11" } }, project)).toThrow(
    "menagerie:zoo.m.proof: there is no sample in samples/m/; export one by `menagerie sample export m`, and keep it by `menagerie sample add`",
  );
  expect(proofSamples({ m: { proof: {}, from: undefined } }, project)).toEqual(new Map());
});
