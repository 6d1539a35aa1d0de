import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensurePythonLayers } from "../../../../src/adapters/truss/python.ts";
import { readSnapshot } from "../../../../src/adapters/truss/snapshot.ts";
import { silent } from "../../../../src/domain/progress.ts";
import { loadFastDigest } from "../../../../src/domain/truss/digest.ts";
import { hashSnapshot } from "../../../../src/domain/truss/hash.ts";
import { defaultIgnorePatterns } from "../../../../src/domain/truss/ignore.ts";
import { signatureOf } from "../../../../src/domain/truss/signature.ts";
import { menagerieCache } from "../../../../src/local/layout.ts";

const seed = Number(process.env.MENAGERIE_TEST_SEED ?? 20_261_121);
const count = Number(process.env.MENAGERIE_TEST_TREES ?? 300);

const oracle = `import json, pathlib, sys
from truss.truss_handle.patch.hash import directory_content_hash
from truss.truss_handle.patch.signature import calc_truss_signature
from truss.util.path import FIXED_TRUSS_IGNORE_PATH, load_trussignore_patterns
answers = []
for case in json.load(sys.stdin):
    root = pathlib.Path(case["root"])
    signature = calc_truss_signature(root, case["patterns"]).to_dict()
    answers.append({"hash": directory_content_hash(root, case["patterns"]), "signature": signature})
print(json.dumps({"answers": answers, "defaultPatterns": load_trussignore_patterns()}))`;

type Node = { kind: "file"; text: string } | { kind: "dir" } | { kind: "link"; target: string };
interface Tree {
  nodes: [string, Node][];
  patterns: string[];
}

const name = fc.constantFrom(
  ...["a", "b", "A", "a-b", "a.b", "a0", "data", "model", "x.pyc", "x.py", "keep.tmp", "y.tmp", "build", "lib"],
  ...[
    "__pycache__",
    ".git",
    ".env",
    "#x",
    "!x",
    "a b",
    "é",
    "e\u0301",
    "\uff5e",
    "\u{1f600}",
    "[z]",
    "z",
    "-q",
    "a\\b",
  ],
);
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const node: fc.Arbitrary<Node> = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 20 }).map((text): Node => ({ kind: "file", text })) },
  { weight: 2, arbitrary: fc.constant<Node>({ kind: "dir" }) },
  { weight: 1, arbitrary: path.map((target): Node => ({ kind: "link", target })) },
);
const piece = fc.constantFrom(
  "*",
  "**",
  "?",
  "a*",
  "*.py[cod]",
  "*.tmp",
  "[a-c]",
  "[!a]",
  "a",
  "b",
  "data",
  "model",
  "build",
  "lib",
  "z",
  "a b",
  "é",
);
const pattern = fc
  .tuple(
    fc.constantFrom("", "", "/", "!"),
    fc.array(piece, { minLength: 1, maxLength: 3 }),
    fc.constantFrom("", "", "/"),
  )
  .map(([start, pieces, end]) => `${start}${pieces.join("/")}${end}`);
const patternList: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 6, arbitrary: fc.array(pattern, { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constant<string[]>([...defaultIgnorePatterns]) },
);
const tree: fc.Arbitrary<Tree> = fc.record({
  nodes: fc.array(fc.tuple(path, node), { maxLength: 14 }),
  patterns: patternList,
});

let work: string;
let python: string;

beforeAll(async () => {
  await loadFastDigest();
  work = await mkdtemp(join(tmpdir(), "menagerie-truss-hash-"));
  const signal = new AbortController().signal;
  const layers = await ensurePythonLayers({ cache: menagerieCache(), progress: silent, signal });
  python = join(layers.truss, "bin", "python");
}, 600_000);

afterAll(() => rm(work, { recursive: true, force: true }));

/** Writes what fits: a path below a file, or one that is there already, is left out. */
async function write(root: string, { nodes }: Tree): Promise<void> {
  await mkdir(root, { recursive: true });
  await writeFile(join(root, "config.yaml"), "model_name: m\n");
  for (const [relative, item] of nodes) {
    const full = join(root, relative);
    try {
      await mkdir(dirname(full), { recursive: true });
      if (item.kind === "dir") await mkdir(full);
      if (item.kind === "file") await writeFile(full, item.text, { flag: "wx" });
      if (item.kind === "link") await symlink(join(root, item.target), full);
    } catch (error) {
      if (!["EEXIST", "ENOTDIR", "ELOOP", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
}

test(`hash and signature of ${count} random trees under random patterns equal the truss library's (seed ${seed})`, async () => {
  const trees = fc.sample(tree, { seed, numRuns: count });
  const cases = trees.map(({ patterns }, index) => ({ root: join(work, `tree-${index}`), patterns }));
  await Promise.all(trees.map((one, index) => write(cases[index]?.root ?? "", one)));

  const running = promisify(execFile)(python, ["-c", oracle], { maxBuffer: 1 << 28 });
  running.child.stdin?.end(JSON.stringify(cases));
  const { answers, defaultPatterns } = JSON.parse((await running).stdout) as {
    answers: { hash: string; signature: unknown }[];
    defaultPatterns: string[];
  };
  expect(defaultIgnorePatterns).toEqual(defaultPatterns);

  for (const [index, { root, patterns }] of cases.entries()) {
    const whole = await readSnapshot(root);
    const pruned = await readSnapshot(root, patterns);
    const context = `tree ${index}, patterns ${JSON.stringify(patterns)}`;
    const ignoresConfig = !pruned.entries.has("config.yaml");
    expect(signatureOf(whole, patterns), context).toEqual(answers[index]?.signature);
    expect(hashSnapshot(whole, patterns), context).toBe(answers[index]?.hash);
    expect(hashSnapshot(pruned, patterns), `${context}, read without what is left out`).toBe(answers[index]?.hash);
    if (!ignoresConfig) expect(signatureOf(pruned, patterns), context).toEqual(answers[index]?.signature);
  }
});
