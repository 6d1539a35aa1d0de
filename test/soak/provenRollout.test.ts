import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { commitAll, gitIn, writeFiles } from "../support/gitRepository.ts";
import { sampleOf } from "../support/proofRepository.ts";

/** A rollout that waits for a proof, as docs/prove.md has it: `forward` is refused until the proof of these two contents is recorded. */

const model = "quadrupler";
let shared: SharedEnvironment;
let project: string;

interface Standing {
  readonly name: string;
  readonly versions: readonly { readonly id: string }[];
}

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  ({ project } = shared.home);
  await cp(join(project, "models/multiplier"), join(project, "models", model), { recursive: true });
  const requests = Array.from({ length: 20 }, (_, index) => ({ values: [`${index}.5`] }));
  await writeFiles(project, {
    [`samples/${model}/requests.sample.jsonl`]: sampleOf(model, requests),
    ".gitignore": "node_modules\n.menagerie-installed\n",
  });
  const entry = `    ${model}:\n      truss: models/${model}\n      resources: { cpu: 200m, memory: 256Mi }\n      proof: {}\n      phase: done\n`;
  await shared.editStack((text) => text.replace("  menagerie:zoo:\n", (key) => key + entry));
  await gitIn(project, "init", "-q", "-b", "main");
  await commitAll(project);
  await shared.up();
});

afterAll(async () => {
  await shared?.close();
  await rm(join(project, ".git"), { recursive: true, force: true });
});

const result = (): string => join(shared.home.path, "proof.json");

async function setPhase(phase: string): Promise<void> {
  await shared.editStack((text) =>
    text.replace(new RegExp(`(    ${model}:\\n(?:      .*\\n)*?      phase: ).*`), `$1${phase}`),
  );
}

test("copy: a rollout begins without a proof", async () => {
  const standings = await shared.json<Standing[]>("rollout", "--json");
  const from = standings.find(({ name }) => name === model)?.versions[0]?.id ?? "";
  await shared.edit(`models/${model}/model/model.py`, (text) => `${text}\n# Answers as before.\n`);
  await shared.editStack((text) => text.replace(/( {4}quadrupler:\n)/, `$1      from: "${from}"\n`));
  await setPhase("copy");
  await gitIn(project, "checkout", "-q", "-b", "change");
  await commitAll(project);
  await shared.up();
});

test("version: so does the new version", async () => {
  await setPhase("version");
  await shared.up();
});

test("forward is refused until a proof is recorded", async () => {
  await setPhase("forward");
  const early = await shared.home.menagerie(["up"]);
  expect(early.code, early.stderr).toBe(1);
  expect(early.stderr).toMatch(new RegExp(`${model}.*proof`));
});

test("the proof of these contents is equal, and is recorded", async () => {
  const proof = await shared.succeed("prove", "--base", "main", "--head", "change", "--result", result());
  expect(proof.stdout).toContain(`${model}: equal`);
  const recorded = await shared.succeed("prove", "--record", result());
  expect(recorded.stdout).toMatch(new RegExp(`^${model}: evidence for content [0-9a-f]{12}\n$`));
});

test("forward goes", async () => {
  await shared.up();
  expect((await shared.succeed("rollout")).stdout).toMatch(new RegExp(`${model}.*forward`));
});
