import { rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { evidenceOfFile } from "../../../../src/cli/prove/recordProof.ts";
import type { ModelProof, ProofResult } from "../../../../src/domain/proof/result.ts";
import { contentVersion } from "../../../../src/domain/shadow/evidence.ts";
import { proofGate } from "../../../../src/domain/zoo/proofGate.ts";
import { sampleHashes } from "../../../../src/plan/proofSamples.ts";
import type { ProofRepository } from "../../../support/proofRepository.ts";
import { changedRepository, provenHead } from "../../../support/provenRepository.ts";

/** What of a result's file is believed: the numbers alone, and they have to come to the verdict. */

let repository: ProofRepository;

beforeEach(async () => {
  repository = await changedRepository();
});
afterEach(() => repository.dispose());

const proven = () => provenHead(repository);

async function evidence(result: object, stack = "local") {
  const file = join(repository.folder, "..", `result-${process.pid}.json`);
  await writeFile(file, JSON.stringify(result));
  return evidenceOfFile(file, stack, repository.folder);
}

/** The result with one model's part changed. */
function forged(result: ProofResult, change: (iris: ModelProof) => object): object {
  return {
    ...result,
    models: result.models.map((each) => (each.name === "iris" ? { ...each, ...change(each) } : each)),
  };
}

test("a result is evidence for exactly its contents, variables, samples and rules, without any part of an answer", async () => {
  const result = await proven();
  const [ofIris, ofMine] = await evidence(result);
  const { old, new: fresh } = result.models[0] ?? {};
  const env = { A: "1" };
  expect(ofIris).toMatchObject({
    evidence: {
      model: "iris",
      hash: fresh?.hash,
      kind: "proof",
      passed: true,
      suite: proofGate({
        old: contentVersion(old?.hash ?? "", env),
        new: contentVersion(fresh?.hash ?? "", env),
        samples: sampleHashes(repository.folder, "iris"),
        bounds: { rules: {} },
      }).suite,
    },
  });
  expect(JSON.stringify(ofIris)).not.toContain("smallest");
  expect(ofMine).toEqual({ model: "mine", because: "only rollouts of zoo models ask for evidence" });
});

test("a result that does not prove is stored as evidence that did not pass", async () => {
  await repository.model("iris", { factor: 3 });
  await repository.commit();
  const result = await proven();
  const [ofIris] = await evidence(result);
  expect(ofIris).toMatchObject({ evidence: { passed: false } });
  // JSON has no value for a place that only one side's answer has.
  const absent = forged(result, ({ answers }) => ({
    answers: answers && {
      ...answers,
      smallest: answers.smallest.map((request) => ({
        ...request,
        differences: [{ at: "y", how: "absent", old: 1, new: undefined }],
      })),
    },
  }));
  expect(await evidence(absent)).toEqual(await evidence(result));
});

test("a file that says otherwise than the commits, or than its own numbers, is refused", async () => {
  const result = await proven();
  const zeros = "0".repeat(64);
  const cases: readonly (readonly [(model: ModelProof) => object, string])[] = [
    [({ new: fresh }) => ({ new: { ...fresh, hash: zeros } }), "its new content is"],
    [({ old }) => ({ old: { ...old, version: "0".repeat(12) } }), "its old environment is another"],
    [({ rules }) => ({ rules: { ...rules, hash: zeros } }), "the base declares other rules"],
    [
      ({ samples }) => ({ samples: samples.map((each) => ({ ...each, file: zeros })) }),
      "a sample is not one that the base keeps",
    ],
    [() => ({ verdict: "within" }), "its numbers say equal"],
    [({ answers }) => ({ answers: answers && { ...answers, withinRules: true } }), "its numbers say within"],
  ];
  for (const [change, says] of cases) {
    await expect(evidence(forged(result, change))).rejects.toThrow(`iris was not proven as it says: ${says}`);
  }
  await expect(evidence({ ...result, models: [{ ...result.models[0], name: "other" }] })).rejects.toThrow(
    "other was not proven as it says: it does not differ between the two commits",
  );
});

test("numbers that no answers can have come to are refused too", async () => {
  const result = await proven();
  const lying = forged(result, ({ answers }) => ({
    answers: answers && { ...answers, requests: 40_000, bound: 0.0001 },
  }));
  await expect(evidence(lying)).rejects.toThrow("its bound is not that of its counts");
  const field = {
    field: "y",
    p: 1e-9,
    least: 1e-9,
    differs: false,
    across: 40,
    within: 0,
    factor: null,
    maxMagnitude: 1,
  };
  const hidden = forged(result, ({ answers }) => ({ answers: answers && { ...answers, fields: [field] } }));
  await expect(evidence(hidden)).rejects.toThrow("y differs by its p");
});

test("samples that the base does not keep are no evidence, and neither is what was not asked", async () => {
  const result = await proven();
  const elsewhere = forged(result, ({ samples }) => ({ samples: samples.map((each) => ({ ...each, file: null })) }));
  expect((await evidence(elsewhere))[0]).toMatchObject({ because: "it was asked samples that the base does not keep" });
  const unasked = forged(result, () => ({ answers: null, verdict: "not judged" }));
  expect((await evidence(unasked))[0]).toMatchObject({ because: "it was not asked" });
});

test("files that are not such a result are refused: another stack's, of a work tree, with keys that nobody knows, not JSON", async () => {
  const result = await proven();
  await expect(evidence(result, "staging")).rejects.toThrow("it is the proof of stack local, not of staging");
  await expect(evidence({ ...result, more: 1 })).rejects.toThrow("is not the result of a proof");
  await expect(evidence({ ...result, head: { revision: null, commit: result.head.commit } })).rejects.toThrow(
    "is the proof of a work tree",
  );
  await expect(evidence({ ...result, head: { revision: "x", commit: "0".repeat(40) } })).rejects.toThrow(
    "the repository has no such commit",
  );
  await expect(evidenceOfFile("/nowhere/result.json", "local", repository.folder)).rejects.toThrow("cannot be read");
});

test("a commit whose links lead to files of this machine is not read: neither its stack nor a truss", async () => {
  const result = await proven();
  const [kept] = result.models;
  const linked = async (path: string, target: string): Promise<object> => {
    await repository.git("checkout", "-q", "-B", "linked", "change");
    await rm(join(repository.folder, path), { recursive: true, force: true });
    await symlink(target, join(repository.folder, path));
    return { ...result, head: { revision: "linked", commit: await repository.commit() } };
  };
  for (const [path, target] of [
    ["Pulumi.local.yaml", "/proc/self/environ"],
    ["models/iris/config.yaml", "../../../../../../../../proc/self/environ"],
    ["models/iris", "/etc"],
  ] as const) {
    const refusal = await evidence(await linked(path, target)).catch((error: Error) => error.message);
    expect(refusal).toMatch(new RegExp(`symbolic links lead out of the project: ${path}; replace them`));
  }
  await repository.git("checkout", "-q", "-B", "linked", "change");
  await symlink("config.yaml", join(repository.folder, "models/iris/settings.yaml"));
  await repository.commit();
  const [inside] = (await provenHead(repository)).models;
  expect(inside?.new.hash).not.toBe(kept?.new.hash);
});
