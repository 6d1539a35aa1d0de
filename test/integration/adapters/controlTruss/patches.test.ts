import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensurePythonLayers } from "../../../../src/adapters/truss/python.ts";
import { readSnapshot } from "../../../../src/adapters/truss/snapshot.ts";
import { computePatch } from "../../../../src/domain/patch/compute.ts";
import { isSame } from "../../../../src/domain/patch/same.ts";
import { silent } from "../../../../src/domain/progress.ts";
import { signatureOf } from "../../../../src/domain/truss/signature.ts";
import { menagerieCache } from "../../../../src/local/layout.ts";
import { wholeMatrix } from "../../../support/wholeMatrix.ts";

const seed = Number(process.env.MENAGERIE_TEST_SEED ?? 20_261_121);
const count = Number(process.env.MENAGERIE_TEST_TREES ?? (wholeMatrix ? 300 : 50));

const oracle = `import json, pathlib, sys
from truss.truss_handle.patch.calc_patch import calc_truss_patch
from truss.truss_handle.patch.hash import directory_content_hash
from truss.truss_handle.patch.signature import calc_truss_signature
answers = []
for case in json.load(sys.stdin):
    previous, following = pathlib.Path(case["previous"]), pathlib.Path(case["next"])
    signature = calc_truss_signature(previous, case["patterns"])
    try:
        patches = calc_truss_patch(following, signature, case["patterns"])
    except ValueError as error:
        if "System package changes" not in str(error):
            raise
        patches = None
    answers.append({
        "hash": directory_content_hash(following, case["patterns"]),
        "patches": None if patches is None else [patch.to_dict() for patch in patches],
    })
print(json.dumps(answers))`;

type Files = Readonly<Record<string, Buffer | null>>;
interface Case {
  readonly before: Files;
  readonly after: Files;
  readonly patterns: readonly string[];
}

const name = fc.constantFrom("a", "b", "a-b", "a.py", "x", "é", "\u{1f600}", "__pycache__", "c.pyc");
const below = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const path = fc
  .tuple(fc.constantFrom("model/", "model/", "model/", "packages/", "packages/", "data/", ""), below)
  .map(([folder, rest]) => folder + rest);
const content = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("", "A = 1\n", "A = 2\n", "é\u{1f600}").map((text) => Buffer.from(text)) },
  { weight: 2, arbitrary: fc.constantFrom("a\r\nb\r\n", "a\rb").map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)) },
  // An empty folder.
  { weight: 1, arbitrary: fc.constant(null) },
);
const requirement = fc.constantFrom(
  ...["six", "six==1.16.0", "Six", "requests>=2,<3", "requests[socks]", "git+https://example.com/org/repo.git@v1"],
  ...["git+https://example.com/org/repo.git@v2#egg=repo", "https://example.com/a-1.0-py3-none-any.whl"],
);
const datum = fc
  .constantFrom("d1", "d2")
  .map((local_data_path) => ({ url: `https://example.com/${local_data_path}`, local_data_path }));
const config = fc
  .record(
    {
      model_name: fc.constantFrom("m", "n"),
      description: fc.constantFrom("one", "two"),
      requirements: fc.uniqueArray(requirement, { maxLength: 3 }),
      environment_variables: fc.dictionary(fc.constantFrom("A", "B"), fc.constantFrom("1", "", "x y"), { maxKeys: 2 }),
      secrets: fc.constantFrom({}, { token: null }),
      external_data: fc.uniqueArray(datum, { maxLength: 2, selector: ({ url }) => url }),
      system_packages: fc.constantFrom([], [], [], [], ["jq"]),
      python_version: fc.constantFrom("py311", "py311", "py311", "py311", "py312"),
      resources: fc.constantFrom(undefined, undefined, undefined, { memory: "4Gi" }),
    },
    { requiredKeys: ["model_name", "python_version"] },
  )
  .map((value) => Buffer.from(JSON.stringify(value)));
const edits = fc.array(fc.tuple(path, fc.option(content, { nil: undefined })), { maxLength: 5 });
const cases: fc.Arbitrary<Case> = fc
  .tuple(
    fc.dictionary(path, content, { maxKeys: 10 }),
    config,
    edits,
    fc.option(config, { nil: undefined, freq: 2 }),
    fc.constantFrom([], ["__pycache__/", "*.pyc"], ["**/__pycache__/**/*", "**/__pycache__/**"]),
  )
  .map(([files, oldConfig, changes, newConfig, patterns]) => {
    const before: Record<string, Buffer | null> = {
      "model/model.py": Buffer.from("v1"),
      ...files,
      "config.yaml": oldConfig,
    };
    const after: Record<string, Buffer | null> = { ...before, "config.yaml": newConfig ?? oldConfig };
    for (const [changed, bytes] of changes) {
      if (bytes === undefined) delete after[changed];
      else after[changed] = bytes;
    }
    return { before, after, patterns };
  });

let work: string;
let python: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "menagerie-truss-patches-"));
  const signal = new AbortController().signal;
  const layers = await ensurePythonLayers({ cache: menagerieCache(), progress: silent, signal });
  python = join(layers.truss, "bin", "python");
}, 600_000);

afterAll(() => rm(work, { recursive: true, force: true }));

/** Writes what fits, the deeper paths first where a file and a folder would share a name. */
async function write(root: string, files: Files): Promise<void> {
  await mkdir(join(root, "model"), { recursive: true });
  for (const [relative, bytes] of Object.entries(files)) {
    const full = join(root, relative);
    try {
      await mkdir(bytes === null ? full : dirname(full), { recursive: true });
      if (bytes !== null) await writeFile(full, bytes);
    } catch (error) {
      if (!["EEXIST", "ENOTDIR", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
}

type WirePatch = { type: string; body: { action?: string; path?: string; content?: string | null } };

/** What the library does wrong and we do not, as the library would have it. */
function asLibrary(patch: WirePatch): WirePatch {
  const { content } = patch.body;
  if (typeof content !== "string" || patch.type === "config") return patch;
  return { ...patch, body: { ...patch.body, content: content.replaceAll(/\r\n?/g, "\n") } };
}

/** Where the library patches, or only warns, although the container would not become its truss. */
const onlyHere = [/: (python_version|resources) changed$/, /was a folder that holds empty folders/];

test(`patches of ${count} random edits of random trees equal the truss library's (seed ${seed})`, async () => {
  const all = fc.sample(cases, { seed, numRuns: count });
  const roots = all.map((_, index) => ({ previous: join(work, `${index}-a`), next: join(work, `${index}-b`) }));
  for (const [index, { before, after }] of all.entries()) {
    await write(roots[index]?.previous ?? "", before);
    await write(roots[index]?.next ?? "", after);
  }
  const running = promisify(execFile)(python, ["-c", oracle], { maxBuffer: 1 << 28 });
  running.child.stdin?.end(JSON.stringify(all.map(({ patterns }, index) => ({ ...roots[index], patterns }))));
  const answers = JSON.parse((await running).stdout) as { hash: string; patches: WirePatch[] | null }[];

  const seen = { none: 0, patches: 0, full: 0, ours: 0 };
  for (const [index, { patterns }] of all.entries()) {
    const { previous, next } = roots[index] ?? { previous: "", next: "" };
    const [before, after] = [await readSnapshot(previous), await readSnapshot(next)];
    const plan = computePatch(signatureOf(before, patterns), after, patterns);
    const answer = answers[index];
    const context = `case ${index}, patterns ${JSON.stringify(patterns)}: ${JSON.stringify(plan)} for ${JSON.stringify(answer)}`;
    expect(plan.nextHash, context).toBe(answer?.hash);
    if ("fullDeployment" in plan) {
      const ours = plan.fullDeployment.filter((reason) => onlyHere.some((pattern) => pattern.test(reason)));
      if (answer?.patches) expect(ours, context).toEqual(plan.fullDeployment);
      seen[answer?.patches ? "ours" : "full"] += 1;
      continue;
    }
    expect(answer?.patches, context).not.toBeNull();
    const becameFolder = (patch: WirePatch): boolean => {
      const folder = patch.type === "package" ? "packages" : "model";
      const full = `${folder}/${patch.body.path}`;
      return patch.body.action === "REMOVE" && before.entries.get(full)?.kind === "file" && after.entries.has(full);
    };
    const found = plan.patches
      .filter((patch) => !becameFolder(patch as WirePatch))
      .map((patch) => asLibrary(patch as WirePatch));
    const wanted = (answer?.patches ?? []).map(asLibrary);
    const left = [...found];
    for (const patch of wanted) {
      const at = left.findIndex((one) => isSame(one, patch));
      expect(at, `${context}\nlacks ${JSON.stringify(patch)}`).toBeGreaterThanOrEqual(0);
      left.splice(at, 1);
    }
    expect(left, context).toEqual([]);
    seen[found.length > 0 ? "patches" : "none"] += 1;
  }
  // Every kind of answer must have come up, or the edits were too tame.
  for (const [kind, times] of Object.entries(seen)) expect(times, kind).toBeGreaterThan(0);
}, 600_000);
