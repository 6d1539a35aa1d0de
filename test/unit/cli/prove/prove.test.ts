import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prove, requireProven, type WantedProof } from "../../../../src/cli/prove/prove.ts";
import type { Proving } from "../../../../src/cli/prove/proveModel.ts";
import { withRevisions } from "../../../../src/cli/prove/revisions.ts";
import { proofMarkdown } from "../../../../src/domain/proof/report/markdown.ts";
import { proofPage } from "../../../../src/domain/proof/report/page.ts";
import { describeProof } from "../../../../src/domain/proof/report/text.ts";
import type { ProofResult } from "../../../../src/domain/proof/result.ts";
import { type PlayedTrials, playedTrials } from "../../../support/playedTrial.ts";
import { ProofRepository, sampleOf } from "../../../support/proofRepository.ts";
import { provingBy, usualProof } from "../../../support/provenRepository.ts";

/** The command's way from two revisions to a result: a real repository and samples, and models that are servers of the test. */

let repository: ProofRepository;
let trials: PlayedTrials;
const t4 = { gpu: { kind: "t4", perNode: 1 }, replicas: 1 };
const iris = { truss: "models/iris", phase: "done" };

beforeEach(async () => {
  repository = await ProofRepository.create();
  trials = playedTrials();
  await repository.model("iris", { factor: 2 });
  await repository.model("other", { factor: 1 });
  await repository.stack({ zoo: { iris, other: { truss: "models/other", phase: "done" } } });
  await repository.sample("iris", 40);
  await repository.commit();
  await repository.git("checkout", "-q", "-b", "change");
});
afterEach(async () => {
  expect(trials.left()).toBe(0);
  await repository.dispose();
});

function proven(
  wanted: Partial<WantedProof> & { readonly base?: string; readonly head?: string } = {},
  proving: Partial<Proving> = {},
): Promise<ProofResult> {
  const { base, head, ...rest } = wanted;
  return withRevisions(
    { stack: "local", base, head },
    (both) => prove(both, { ...usualProof, ...rest }, provingBy(trials.bringUp, proving)),
    repository.folder,
  );
}

test("nothing is brought up where no model differs", async () => {
  await repository.write("README.md", "more");
  const result = await proven();
  expect(result).toMatchObject({ models: [], notes: [] });
  expect(trials.broughtUp).toEqual([]);
  expect(describeProof(result)).toContain("No model differs between the two revisions.");
});

test("another text of a model that answers alike is equal, with its bound; models that stay are not asked", async () => {
  await repository.model("iris", { factor: 2, unit: "m" });
  const result = await proven();
  expect(result.models).toMatchObject([
    {
      name: "iris",
      changes: ["content"],
      verdict: "equal",
      because: ["40 requests, all equal: at most 7.2 % can differ"],
      old: { startedInMs: 1200, restarts: 0 },
      samples: [{ place: "samples/iris/iris.sample.jsonl", requests: 40 }],
    },
  ]);
  expect(result.models[0]?.old.hash).not.toBe(result.models[0]?.new.hash);
  expect(trials.broughtUp).toEqual([{ models: ["old", "new"], env: [{}, {}], egress: false }]);
  expect(() => requireProven(result)).not.toThrow();
});

test("a wrong unit differs, is shown by the smallest requests in text, comment and page, and ends with 3", async () => {
  await repository.model("iris", { factor: 2000 });
  await repository.commit();
  const result = await proven({ base: "main", head: "HEAD" });
  expect(result.models).toMatchObject([
    { verdict: "differs", answers: { smallest: [{ id: "request-1" }, { bytes: 7 }, {}] } },
  ]);
  expect(() => requireProven(result)).toThrow(
    expect.objectContaining({ exitCode: 3, message: "not proven: iris (differs)" }),
  );
  const text = describeProof(result);
  expect(text).toContain("40 of 40 requests differ");
  expect(text).toContain("by a factor of 1000");
  expect(text).toContain("    y: 2 → 2000");
  expect(proofMarkdown(result)).toContain("### iris: differs");
  expect(proofMarkdown(result)).toContain("  - `y`: `2` → `2000`");
  expect(proofPage(result)).toContain("<code>2000</code>");
});

test("variables and resources that differ are proven too, and told", async () => {
  await repository.stack({ zoo: { iris: { ...iris, env: { FACTOR: "2" }, resources: { memory: "4Gi" } } } });
  const result = await proven();
  expect(result.models).toMatchObject([{ changes: ["environment", "resources"], verdict: "equal" }]);
  expect(trials.broughtUp[0]?.env).toEqual([{}, { FACTOR: "2" }]);
  expect(describeProof(result)).toContain("changed: environment variables, memory 2Gi → 4Gi");
  expect(result.notes).toEqual(["other is removed"]);
});

test("a request that ends the new side's process fails; what comes after it is asked once it is back", async () => {
  await repository.model("iris", { factor: 2, endsAt: 17 });
  const [model] = (await proven()).models;
  expect(model).toMatchObject({ verdict: "fails", answers: { requests: 40, smallest: [{ id: "request-17" }] } });
  expect(model?.because[0]).toBe("the new side fails 1 of 40 requests that the old one answers");
  expect(model?.new.restarts).toBe(5);
});

test("a new side that does not start, or cannot be built, fails; an old side that does not start is not judged", async () => {
  await repository.model("iris", { startFails: "Traceback\nImportError: no torch" });
  expect((await proven()).models).toMatchObject([
    {
      verdict: "fails",
      because: ["the new side does not start: its container ended with exit code 1", "ImportError: no torch"],
      answers: null,
    },
  ]);
  await repository.model("iris", { buildFails: true });
  expect((await proven()).models).toMatchObject([
    { verdict: "fails", because: [expect.stringMatching(/^the new side cannot be brought up: .*no such package/)] },
  ]);
  const broken = await repository.commit();
  await repository.model("iris", { needsBuild: "evil" });
  expect((await proven({ base: "main" })).models).toMatchObject([
    { verdict: "fails", because: [expect.stringContaining("cannot be brought up: requirements: evil has no wheel")] },
  ]);
  const unbuilt = await repository.commit();
  await repository.model("iris", { startFails: "no" });
  const started = await repository.commit();
  await repository.model("iris", { factor: 2 });
  await expect(proven({ base: broken })).rejects.toThrow("no such package");
  expect((await proven({ base: unbuilt })).models).toMatchObject([
    {
      verdict: "not judged",
      because: [expect.stringMatching(/^the old side cannot be built here: requirements: evil has no wheel/)],
    },
  ]);
  const result = await proven({ base: started });
  expect(result.models).toMatchObject([
    { verdict: "not judged", because: ["the old side does not start here: its container ended with exit code 1"] },
  ]);
  expect(() => requireProven(result)).toThrow(expect.objectContaining({ exitCode: 3 }));
});

test("an old side whose package is gone is not judged, and a new one fails", async () => {
  await repository.model("iris", { needsGone: "torch" });
  const gone = await repository.commit();
  expect((await proven({ base: "main" })).models).toMatchObject([{ verdict: "fails" }]);
  await repository.model("iris", { factor: 2 });
  expect((await proven({ base: gone })).models).toMatchObject([
    {
      verdict: "not judged",
      because: ["the old side cannot be built here: requirements cannot be installed: no torch"],
    },
  ]);
});

test.each(["old", "new"] as const)(
  "two sides that want a GPU are not judged where the %s one fails first",
  async (first) => {
    trials = playedTrials(first);
    const resources = { memory: "2Gi", gpus: 1 };
    await repository.stack({ zoo: { iris: { ...iris, pool: "t4", resources } }, pools: { t4 } });
    await repository.model("iris", { startFails: "no CUDA" });
    const base = await repository.commit();
    await repository.model("iris", { startFails: "no CUDA here" });
    const because =
      "the old side does not start here (it asks for 1 GPU, and this machine may have none): its container";
    const result = await proven({ base });
    expect(result.models).toMatchObject([
      { verdict: "not judged", because: [expect.stringContaining(because)], new: { resources: { gpus: 1 } } },
    ]);
    // Where the old one starts all the same, the new one fails for another reason.
    await repository.model("iris", { factor: 2 });
    const starts = await repository.commit();
    await repository.model("iris", { startFails: "a typing error" });
    expect((await proven({ base: starts })).models).toMatchObject([
      { verdict: "fails", because: [expect.stringContaining("the new side does not start"), "a typing error"] },
    ]);
  },
);

test("a GPU that only the new side wants is named, and told old beside new", async () => {
  const resources = { memory: "2Gi", gpus: 1 };
  await repository.stack({ zoo: { iris: { ...iris, pool: "t4", resources } }, pools: { t4 } });
  await repository.model("iris", { startFails: "no CUDA" });
  await repository.commit();
  const result = await proven({ base: "main", head: "HEAD" });
  expect(result.models).toMatchObject([
    {
      verdict: "not judged",
      because: [
        "the new side asks for 1 GPU and the old one for none, and this machine may not have so many",
        "the new side does not start: its container ended with exit code 1",
        "no CUDA",
      ],
    },
  ]);
  await repository.model("iris", { factor: 2 });
  await repository.commit();
  const started = await proven({ base: "main", head: "HEAD" });
  for (const shown of [describeProof, proofMarkdown, proofPage])
    expect(shown(started)).toMatch(/GPUs.*0 (→|&rarr;) 1/s);
});

test("at the deadline every model has a verdict: what was shown by then, else not judged", async () => {
  await repository.model("iris", { factor: 3 });
  await repository.model("other", { factor: 3 });
  await repository.sample("other", 5);
  const base = await repository.commit();
  await repository.model("iris", { factor: 3, unit: "m" });
  await repository.model("other", { factor: 3, unit: "m" });
  const late = await proven({ base }, { deadline: new Date(0) });
  const because = ["the deadline was over before both sides were ready"];
  expect(late.models).toMatchObject([
    { name: "iris", verdict: "not judged", because, answers: null },
    { name: "other", verdict: "not judged", because },
  ]);
  expect(() => requireProven(late)).toThrow(expect.objectContaining({ exitCode: 3 }));
  await repository.model("iris", { factor: 3, hangsAt: 17 });
  const stopped = await proven({ base }, { timeoutMs: 600_000, deadline: new Date(Date.now() + 4_000) });
  expect(stopped.models).toMatchObject([
    { name: "iris", verdict: "not judged", because: [expect.stringMatching(/^the deadline was over/)] },
    { name: "other", verdict: "not judged", because },
  ]);
});

test.each([
  [
    "not judged",
    2,
    /^the trial ended by itself: killed, when \d+ of 40 requests were asked; so far: \d+ requests, all equal/,
  ],
  ["differs", 3, /^\d+ of \d+ requests differ/],
] as const)("of a trial that ends by itself, what was asked is judged: %s", async (verdict, factor, because) => {
  await repository.model("iris", { factor, unit: "m", hangsAt: 12 });
  const proof = proven({}, { timeoutMs: 600_000 });
  await expect.poll(() => trials.hanging()).toBe(1);
  trials.endAll("killed");
  const [model] = (await proof).models;
  expect(model).toMatchObject({
    verdict,
    because: [
      expect.stringMatching(because),
      ...(verdict === "differs"
        ? [expect.anything(), expect.stringMatching(/^the trial ended by itself: killed, when \d+ of 40/)]
        : []),
    ],
  });
});

test("a side that stays away after a request is named by it, and no other request is failed for it", async () => {
  await repository.model("iris", { factor: 2, endsAt: 17, staysAway: true });
  const broken = await repository.commit();
  const [model] = (await proven({ base: "main" }, { startWithinSeconds: 1 })).models;
  expect(model).toMatchObject({
    verdict: "fails",
    because: [expect.stringMatching(/^the new side did not answer again within 1 s after request request-17, when/)],
    answers: null,
  });
  await repository.model("iris", { factor: 2 });
  const [old] = (await proven({ base: broken }, { startWithinSeconds: 1 })).models;
  expect(old).toMatchObject({
    verdict: "not judged",
    because: [expect.stringMatching(/^the old side did not answer/)],
  });
});

test("what cannot be judged is named: no sample, secrets, a release's state, pinned content, a model that is new", async () => {
  await repository.model("secret", { factor: 1 }, "secrets:\n  token: null\n");
  await repository.stack({
    state: { schemas: "sql" },
    models: {},
    zoo: {
      iris: { ...iris, hash: "0".repeat(64) },
      other: { truss: "models/other", phase: "done" },
      secret: { truss: "models/secret", phase: "done" },
    },
  });
  await repository.write("sql/tables.sql", "CREATE TABLE t (id bigint PRIMARY KEY);\n");
  await repository.sample("secret", 5);
  const base = await repository.commit();
  await repository.model("secret", { factor: 1, unit: "m" }, "secrets:\n  token: null\n");
  await repository.model("other", { factor: 1, unit: "m" });
  await repository.model("fresh", { factor: 1 });
  await repository.stack({
    zoo: {
      iris: { ...iris, hash: "0".repeat(64) },
      other: { truss: "models/other", phase: "done" },
      secret: { truss: "models/secret", phase: "done" },
      fresh: { truss: "models/fresh", phase: "done" },
    },
  });
  const { models, notes } = await proven({ base });
  expect(models.map(({ name, verdict, because }) => [name, verdict, because[0]])).toEqual([
    [
      "other",
      "not judged",
      "no sample of other: export one by `menagerie sample export other`, and keep it by `menagerie sample add`",
    ],
    ["secret", "not judged", "it reads 1 secret (token) that is not given by --secrets"],
  ]);
  expect(notes).toEqual([
    "fresh is new: nothing can be compared with it",
    "iris is pinned to a content that its folder does not have, so it was not brought up",
  ]);
  expect(trials.broughtUp).toEqual([]);
});

test("the new revision's sample and rules are not what it is judged by", async () => {
  await repository.model("iris", { factor: 2.001 });
  await repository.sample("iris", 5);
  await repository.stack({
    zoo: { iris: { ...iris, recording: {}, judge: { compare: { tolerance: { relative: 0.5 } } } } },
  });
  await repository.commit();
  const { models, notes } = await proven({ head: "HEAD" });
  expect(models).toMatchObject([{ verdict: "differs", samples: [{ requests: 40 }], rules: { text: "" } }]);
  expect(notes).toContain("the new revision compares answers of iris otherwise; the base's rules were used");
  const allowed = await repository.git("rev-parse", "HEAD");
  await repository.model("iris", { factor: 2 });
  expect((await proven({ base: allowed })).models).toMatchObject([
    { verdict: "within", rules: { text: "numbers within 50 %" } },
  ]);
});

test("a model that answers by chance is not told apart, and asks for rules", async () => {
  await repository.model("iris", { factor: 2, isRandom: true });
  const base = await repository.commit();
  await repository.model("iris", { isRandom: true, factor: 2 });
  expect((await proven({ base })).models).toMatchObject([
    {
      verdict: "undecided",
      because: [
        expect.stringMatching(/does not equal itself in unit: .*by a rule for its text \(json, contains, length, /),
      ],
    },
  ]);
  // By such a rule it is judged.
  const compare = { texts: { unit: { as: "length", tolerance: { relative: 0.5 } } } };
  await repository.stack({ zoo: { iris: { ...iris, proof: { compare } } } });
  await repository.model("iris", { factor: 2, isRandom: true });
  const ruled = await repository.commit();
  await repository.model("iris", { isRandom: true, factor: 2 });
  expect((await proven({ base: ruled })).models).toMatchObject([
    { verdict: "equal", rules: { text: "unit as length within 50 %" } },
  ]);
  await repository.model("iris", { factor: 2, unit: "more than one word ".repeat(5) });
  expect((await proven({ base: ruled })).models).toMatchObject([{ verdict: "differs" }]);
});

test("samples of the command line take the place of those in the repository; a development version may have any", async () => {
  const name = `${repository.folder}/mine.jsonl`;
  await repository.stack({ development: { greeter: { truss: "models/iris" } } });
  await repository.model("iris", { factor: 2 }, "live_reload: true\nuse_control_plane: true\n");
  const base = await repository.commit();
  await repository.model("iris", { factor: 2, unit: "m" }, "live_reload: true\nuse_control_plane: true\n");
  await repository.sample("iris", 7, { file: "mine.jsonl" });
  expect((await proven({ base, samples: [{ model: "greeter", place: name }] })).models).toMatchObject([
    { kind: "development", name: "greeter", verdict: "equal", samples: [{ place: name, requests: 7 }] },
  ]);
});

test("a shadow deployment's sides are proven by its own sample and rules", async () => {
  const sides = { primary: { truss: "models/iris" }, shadows: { candidate: { truss: "models/other" } } };
  await repository.stack({ shadows: { next: { ...sides, compare: { tolerance: { relative: 0.1 } } } } });
  await repository.sample("next", 30);
  const base = await repository.commit();
  await repository.model("iris", { factor: 2.1 });
  await repository.model("other", { factor: 3 });
  expect((await proven({ base })).models).toMatchObject([
    {
      kind: "shadow",
      name: "next/primary",
      verdict: "within",
      samples: [{ place: "samples/next/next.sample.jsonl", requests: 30 }],
      rules: { text: "numbers within 10 %" },
    },
    { kind: "shadow", name: "next/candidate", verdict: "differs" },
  ]);
});

test("so many requests are asked as was said: any of them, and the same ones for the same seed", async () => {
  await repository.model("iris", { factor: 3 });
  const chosen = async (seed: string) => {
    const [model] = (await proven({ requests: 10 }, { seed })).models;
    expect(model).toMatchObject({ answers: { requests: 10, differing: 10 }, samples: [{ requests: 10 }] });
    return model?.answers?.smallest.map(({ id }) => id);
  };
  const first = await chosen("1");
  expect(await chosen("1")).toEqual(first);
  expect(new Set([first, await chosen("2"), await chosen("3")].map(String)).size).toBeGreaterThan(1);
});

test("requests of a path that such a model does not have are not asked, and counted", async () => {
  const own = sampleOf("other", [{ x: 1 }, { x: 2 }], { path: "/somewhere/else", operation: null });
  await repository.write("samples/other/own.sample.jsonl", own);
  const base = await repository.commit();
  await repository.model("other", { factor: 1, unit: "m" });
  expect((await proven({ base })).models).toMatchObject([
    {
      verdict: "not judged",
      because: ["no request was asked", "2 requests were not asked: such a model has no such path"],
    },
  ]);
});

test("a model whose secrets are given is proven", async () => {
  await repository.model("iris", { factor: 2 }, "secrets:\n  token: null\n");
  const base = await repository.commit();
  await repository.model("iris", { factor: 2, unit: "m" }, "secrets:\n  token: null\n");
  expect((await proven({ base }, { secrets: { token: "s3cret" } })).models).toMatchObject([{ verdict: "equal" }]);
  expect((await proven({ base }, { secrets: { other: "x" } })).models).toMatchObject([{ verdict: "not judged" }]);
});

test("bad inputs are refused before anything starts", async () => {
  await repository.model("iris", { factor: 3 });
  const place = (file: string) => `${repository.folder}/${file}`;
  await repository.sample("other", 3, { file: "other.jsonl" });
  await expect(proven({ samples: [{ place: place("other.jsonl") }] })).rejects.toThrow(
    `${place("other.jsonl")} is a sample of other, which does not differ between the two revisions; leave it out; models that differ: iris`,
  );
  await expect(proven({ samples: [{ model: "iris", place: place("other.jsonl") }] })).rejects.toThrow(
    "is a sample of other, not of iris",
  );
  await repository.sample("iris", 3, { file: "old.jsonl", expiresAt: "2026-11-09T00:00:00.000Z" });
  await expect(proven({ samples: [{ place: place("old.jsonl") }] })).rejects.toThrow("expired");
  await repository.write("empty.jsonl", "");
  await expect(proven({ samples: [{ place: place("empty.jsonl") }] })).rejects.toThrow("empty");
  await expect(proven({ base: "no-such" })).rejects.toThrow('--base "no-such": the repository has no such commit');
  await expect(proven({ head: "--output=x" })).rejects.toThrow(
    '--head "--output=x": the repository has no such commit',
  );
  await repository.write("Pulumi.local.yaml", "config:\n  menagerie:zoo: { iris: { trus: models/iris } }\n");
  await expect(proven()).rejects.toThrow(/^the stack at the work tree has mistakes:\n.*trus/);
  await expect(withRevisions({ stack: "local" }, async () => {}, "/")).rejects.toThrow("/ is not in a git repository");
  expect(trials.broughtUp).toEqual([]);
});

test("a sample of another model in a model's folder is refused, and so is a repository without a base", async () => {
  await repository.sample("other", 3, { file: "samples/iris/wrong.sample.jsonl" });
  const base = await repository.commit();
  await repository.model("iris", { factor: 3 });
  await expect(proven({ base })).rejects.toThrow("samples/iris/wrong.sample.jsonl is a sample of other, not of iris");
  await repository.git("branch", "-D", "main");
  await expect(proven()).rejects.toThrow("--base is missing");
});

test("files of proofs that were killed are deleted by the next one, and those of running ones stay", async () => {
  const left = await mkdtemp(join(tmpdir(), "menagerie-prove-999999999-"));
  const running = await mkdtemp(join(tmpdir(), `menagerie-prove-${process.ppid}-`));
  await proven();
  expect([existsSync(left), existsSync(running)]).toEqual([false, true]);
  await rm(running, { recursive: true });
});

test("two proofs at once end with their own results", async () => {
  await repository.model("iris", { factor: 2, unit: "m" });
  const same = await repository.commit();
  await repository.model("iris", { factor: 3 });
  const other = await repository.commit();
  const [first, second] = await Promise.all([
    proven({ base: "main", head: same }),
    proven({ base: "main", head: other }, { seed: "2" }),
  ]);
  expect(first.models).toMatchObject([{ name: "iris", verdict: "equal", answers: { requests: 40, differing: 0 } }]);
  expect(second.models).toMatchObject([{ name: "iris", verdict: "differs", answers: { requests: 40, differing: 40 } }]);
  expect(trials.left()).toBe(0);
});

test("a proof that is interrupted leaves nothing behind", async () => {
  await repository.model("iris", { factor: 3 });
  const controller = new AbortController();
  const proof = proven({}, { signal: controller.signal });
  const interrupted = expect(proof).rejects.toThrow("enough");
  await expect.poll(() => trials.left()).toBe(1);
  controller.abort(new Error("enough"));
  await interrupted;
  expect(trials.left()).toBe(0);
});
