import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensurePythonLayers } from "../../../../src/adapters/truss/python.ts";
import { readSnapshot } from "../../../../src/adapters/truss/snapshot.ts";
import { OperatorError } from "../../../../src/domain/errors.ts";
import { computePatch } from "../../../../src/domain/patch/compute.ts";
import { isSame } from "../../../../src/domain/patch/same.ts";
import { silent } from "../../../../src/domain/progress.ts";
import { signatureOf } from "../../../../src/domain/truss/signature.ts";
import { menagerieCache } from "../../../../src/local/layout.ts";
import { wholeMatrix } from "../../../support/wholeMatrix.ts";

/**
 * The installed truss library is the judge: seeded edits of trusses, whose signature and patches must be the library's, and what
 * the library refuses must be refused. MENAGERIE_TRUSS_EXAMPLES names a folder of further trusses to edit, such as a checkout of
 * basetenlabs/truss-examples.
 */

const seed = Number(process.env.MENAGERIE_TEST_SEED ?? 20_261_129);
const count = Number(process.env.MENAGERIE_TEST_EDITS ?? (wholeMatrix ? 300 : 50));
const patterns = ["**/__pycache__/**/*", "**/__pycache__/**"];

const oracle = `import json, pathlib, sys, warnings, logging
warnings.simplefilter("ignore"); logging.disable(logging.CRITICAL)
from truss.truss_handle.patch.calc_patch import calc_truss_patch
from truss.truss_handle.patch.signature import calc_truss_signature
answers = []
for case in json.load(sys.stdin):
    before, after = pathlib.Path(case["before"]), pathlib.Path(case["after"])
    answer = {}
    try:
        answer["signature"] = calc_truss_signature(after, case["patterns"]).to_dict()
        signature = calc_truss_signature(before, case["patterns"])
        patches = calc_truss_patch(after, signature, case["patterns"])
        answer["patches"] = None if patches is None else [one.to_dict() for one in patches]
        json.dumps(answer["patches"], allow_nan=False)
    except Exception as error:
        answer = {"signature": answer.get("signature"), "refused": type(error).__name__ + ": " + str(error)[:300]}
    answers.append(answer)
print(json.dumps(answers))`;

const scalar = fc.constantFrom(
  ...[
    "12e4567",
    "y",
    "n",
    "yes",
    "No",
    "on",
    "OFF",
    "true",
    "True",
    "08",
    "010",
    "0o7",
    "0x1F",
    "0b11",
    "1_000",
    "1e3",
    "1.5e3",
  ],
  ...[
    "1.5e+3",
    ".5",
    "5.",
    "+3",
    "-0",
    "-0.0",
    "1:30",
    "190:20:30.15",
    "~",
    "null",
    "",
    ".inf",
    "-.INF",
    ".nan",
    "2024-01-01",
  ],
  ...["2024-1-2 3:04:05", "2024-01-01T10:00:00.25Z", "2001-12-14 21:59:43.10 -5", "2024-13-01", "!!str 3", '!!int "3"'],
  ...[
    "!!float 3",
    "!!binary aGk=",
    "'quoted'",
    '"12"',
    "3",
    "3.0",
    "1e16",
    "100000000000000000.0",
    "0.00001",
    "1.0e-7",
  ],
  ...[
    "99999999999999999999",
    "a: b",
    "[1, x]",
    "{k: 1}",
    "!x 1",
    "=",
    "<<",
    "text",
    "héllo",
    "'y'",
    "T",
    "f",
    "0.0",
    "1.0",
    "2",
  ],
);
const keyed = fc.constantFrom("y", "n", "on", "1", "1.5", "~", "a", "2024-01-01", "true", "'1'", "KEY");
const field = fc.constantFrom(
  ...[
    "model_name",
    "description",
    "examples_filename",
    "spec_version",
    "input_type",
    "model_class_name",
    "live_reload",
  ],
  ...[
    "use_local_src",
    "apply_library_patches",
    "requirements_file",
    "external_data",
    "secrets",
    "runtime",
    "requirements",
  ],
  ...["unknown_key", "training_checkpoints", "bis_llm", "cache_internal", "environment_variables", "build"],
);
const runtimeField = fc.constantFrom(
  ...[
    "predict_concurrency",
    "streaming_read_timeout",
    "enable_tracing_data",
    "enable_debug_logs",
    "is_websocket_endpoint",
  ],
  ...[
    "truss_server_version_override",
    "num_workers",
    "extra",
    "oidc",
    "health_checks",
    "remote_ssh",
    "egress_restrictions",
  ],
);
const requirement = fc.constantFrom(
  ...[
    "six",
    "six>=",
    "six>=1",
    "Six==1.16",
    "\ufeffsix",
    "six ; python_version < '3'",
    "six[extra] ~=1.0,<2",
    "# six",
    "six # c",
  ],
  ...[
    "git+https://github.com/a/b.git@main",
    "git+https://u:t@github.com/a/b@v1#egg=b",
    "-r other.txt",
    "--pre",
    "\u0085six",
  ],
  ...["pkg @ https://h/x.whl", "./local", "a_b", "a-b", "six (>=1)", "https://h/x.whl", "\u001csix"],
);

type Edit = (config: string) => Record<string, string>;
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(field, scalar).map(
    ([key, value]) =>
      (config: string) =>
        withKey(config, key, value),
  ),
  fc.tuple(keyed, scalar).map(
    ([key, value]) =>
      (config: string) =>
        withKey(config, "environment_variables", `{${key}: ${value}}`),
  ),
  fc.tuple(keyed, scalar).map(
    ([key, value]) =>
      (config: string) =>
        withKey(config, "model_metadata", `{a: 1, ${key}: ${value}}`),
  ),
  fc.tuple(runtimeField, scalar).map(
    ([key, value]) =>
      (config: string) =>
        withKey(config, "runtime", `{${key}: ${value}}`),
  ),
  fc
    .constantFrom(
      "{transport: {kind: websocket}}",
      "{transport: {}}",
      "{transport: {kind: x}}",
      "{health_checks: {startup_threshold_seconds: 9}}",
    )
    .map((value) => (config: string) => withKey(config, "runtime", value)),
  fc.tuple(scalar, scalar).map(
    ([one, two]) =>
      (config: string) =>
        withKey(config, "build", `{arguments: {a: ${one}, b: {c: ${two}}}}`),
  ),
  fc
    .constantFrom(
      "[{url: u, local_data_path: p}]",
      "[{url: '', local_data_path: p}]",
      "[{url: u}]",
      "[]",
      "[{url: u, local_data_path: p, x: 1}]",
    )
    .map((value) => (config: string) => withKey(config, "external_data", value)),
  fc.tuple(scalar, scalar).map(([one, two]) => (config: string) => ({
    "config.yaml": `${config}\ndescription: ${one}\ndescription: ${two}\n`,
  })),
  fc.array(requirement, { maxLength: 4 }).map((lines) => (config: string) => ({
    ...withKey(withoutKey(config, "requirements"), "requirements_file", "r.txt"),
    "r.txt": lines.join("\n"),
  })),
  fc
    .array(requirement, { maxLength: 4 })
    .map(
      (lines) => (config: string) =>
        withKey(
          withoutKey(config, "requirements_file"),
          "requirements",
          JSON.stringify(lines).replaceAll("\u0085", "\\u0085"),
        ),
    ),
  fc.constantFrom("x", "\r\n", "\ufeffx", "").map((text) => () => ({ "model/model.py": text })),
  fc
    .constantFrom("\ufeff*.tmp\nx.tmp\n", "\u001cdata\n")
    .map((text) => (config: string) => ({ ".truss_ignore": text, "config.yaml": config })),
);

function withoutKey(config: string, key: string): string {
  return config.replace(new RegExp(`^${key}:.*\n(?:[ \\t#-].*\n|\n)*`, "m"), "");
}

function withKey(config: string, key: string, value: string): Record<string, string> {
  return { "config.yaml": `${withoutKey(`${config}\n`, key)}\n${key}: ${value}\n` };
}

let work: string;
let python: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "menagerie-truss-patch-"));
  const layers = await ensurePythonLayers({
    cache: menagerieCache(),
    progress: silent,
    signal: new AbortController().signal,
  });
  python = join(layers.truss, "bin", "python");
}, 600_000);

afterAll(() => rm(work, { recursive: true, force: true }));

async function writeFiles(root: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

/** Folders of trusses below `root` that are small enough to copy hundreds of times. */
async function trussesBelow(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of await readdir(root, { recursive: true })) {
    const folder = dirname(join(root, path));
    if (!path.endsWith("config.yaml") || !(await stat(join(folder, "model/model.py")).catch(() => undefined))) continue;
    if (/^\s*trt_llm:/m.test(await readFile(join(root, path), "utf8"))) continue;
    if ((await readdir(folder, { recursive: true })).length < 60) found.push(folder);
  }
  return found.sort();
}

interface Answer {
  readonly signature: unknown;
  readonly patches?: readonly unknown[] | null;
  readonly refused?: string;
}

test(`signature and patches of ${count} seeded edits equal the truss library's (seed ${seed})`, async () => {
  const own = join(work, "own");
  await writeFiles(own, {
    "config.yaml": "model_name: m\nrequirements: [six]\nenvironment_variables: {A: b}\n",
    "model/model.py": "class Model: ...\n",
    "shared/p.py": "",
  });
  await symlink("shared", join(own, "packages"));
  const examples = process.env.MENAGERIE_TRUSS_EXAMPLES;
  const sources = [own, ...(examples === undefined ? [] : await trussesBelow(examples))];
  const cases: { before: string; after: string; patterns: string[]; edited: Record<string, string> }[] = [];
  for (const [index, change] of fc.sample(edit, { seed, numRuns: count }).entries()) {
    const before = sources[index % sources.length] ?? own;
    const after = join(work, `after-${index}`);
    await cp(before, after, { recursive: true, verbatimSymlinks: true });
    const edited = change(await readFile(join(before, "config.yaml"), "utf8"));
    await writeFiles(after, edited);
    cases.push({ before, after, patterns, edited });
  }

  const running = promisify(execFile)(python, ["-c", oracle], { maxBuffer: 1 << 29 });
  running.child.stdin?.end(JSON.stringify(cases));
  const answers = JSON.parse((await running).stdout) as Answer[];

  const wrong: string[] = [];
  for (const [index, { before, after, edited }] of cases.entries()) {
    const answer = answers[index] as Answer;
    const about = `${before} ${JSON.stringify(edited).slice(-300)}`;
    const problem = await compared(before, after, answer).catch((error: unknown) => `threw ${String(error)}`);
    if (problem !== undefined) wrong.push(`${about}\n    ${problem}`);
  }
  expect(wrong).toEqual([]);
}, 600_000);

/** How our answer differs from the library's; undefined where it does not. */
async function compared(before: string, after: string, answer: Answer): Promise<string | undefined> {
  const next = await readSnapshot(after);
  const read = await readSnapshot(before);
  let plan: ReturnType<typeof computePatch>;
  try {
    const previous = signatureOf(read, patterns);
    const signature = signatureOf(next, patterns);
    plan = computePatch(previous, next, patterns);
    if (answer.signature && !isSame(signature, answer.signature))
      return `the signature is ${JSON.stringify(signature).slice(0, 300)}`;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    // A mapping or list as an environment variable, and a folder outside the truss, are refused by us alone.
    const isOurs = /environment_variables\..*must be a text|must be a relative path|no such file in the truss/.test(
      error.message,
    );
    return answer.refused !== undefined || isOurs ? undefined : `refused with ${error.message}`;
  }
  if (answer.refused !== undefined) {
    const isUnfit = /JSON compliant|utf-8/.test(answer.refused);
    if (isUnfit && "fullDeployment" in plan) return undefined;
    return `accepted, but the library says ${answer.refused}`;
  }
  const wanted = answer.patches ?? null;
  if ("fullDeployment" in plan) {
    // The library warns of these, and patches all the same.
    const isOurs = plan.fullDeployment.every((reason) => / changed|JSON/.test(reason));
    return wanted === null || isOurs ? undefined : `needs a full deployment: ${plan.fullDeployment.join("; ")}`;
  }
  if (wanted === null) return "patched, where the library needs a full deployment";
  const missing = wanted.filter((one) => !isSameFile(one) && !plan.patches.some((ours) => isSame(ours, one)));
  const isShort = plan.patches.length !== wanted.length;
  if (missing.length === 0 && !isShort) return undefined;
  const surplus = plan.patches.filter((ours) => !wanted.some((one) => isSame(ours, one)));
  return `patches ${JSON.stringify(surplus).slice(0, 900)} instead of ${JSON.stringify(missing).slice(0, 900)}`;
}

/** The library turns CRLF into LF in a patch, against its own hash. */
function isSameFile(patch: unknown): boolean {
  const { type, body } = patch as { type: string; body: { content?: string | null } };
  return type === "model_code" && body.content === "\n";
}
