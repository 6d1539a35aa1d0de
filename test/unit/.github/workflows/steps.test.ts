import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commitAll, gitIn, writeFiles } from "../../../support/gitRepository.ts";
import { type Job, type JobResult, runJob, workflow } from "../../../support/workflow.ts";

/**
 * The steps of the workflows, run as they are written on a real repository. `pulumi` prints what the engine once printed, `gh` keeps
 * comments in a file; test/soak/workflows.test.ts has the real engine.
 */

const project = join(import.meta.dirname, "../../../..");
const jobs = { preview: (await workflow("preview.yml")).jobs, drift: (await workflow("drift.yml")).jobs };

function jobOf(file: keyof typeof jobs, name: string): Job {
  const found = jobs[file][name];
  if (!found) throw new Error(`${file}.yml has no job ${name}`);
  return found;
}
const [stacks, preview, comment] = ["stacks", "preview", "comment"].map((name) => jobOf("preview", name)) as [
  Job,
  Job,
  Job,
];
const [driftStacks, drift] = [jobOf("drift", "stacks"), jobOf("drift", "drift")];

let folder: string;
let repository: string;
let base: string;

const git = (...args: string[]): Promise<string> => gitIn(repository, ...args);

const write = (files: Readonly<Record<string, string>>): Promise<void> => writeFiles(repository, files);

async function commit(files: Readonly<Record<string, string>>): Promise<string> {
  await write(files);
  return commitAll(repository);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-workflow-"));
  repository = join(folder, "repository");
  await mkdir(join(folder, "artifacts"));
  await mkdir(join(folder, "bin"));
  await copyFile(join(project, "test/support/fakeGh.mjs"), join(folder, "bin/gh"));
  await chmod(join(folder, "bin/gh"), 0o755);
  await writeFile(join(folder, "comments.json"), "[]");
  await mkdir(repository);
  await git("init", "-q");
  base = await commit({
    "Pulumi.local.yaml": "a",
    "Pulumi.staging.yaml": "a",
    "Pulumi.prod.yaml": "a",
    "Pulumi.prod-vision.yaml": "a",
    "src/index.ts": "a",
    "models/iris/config.yaml": "a",
    "docs/scale.md": "a",
  });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const contexts = {
  "matrix.stack": "staging",
  "secrets.PULUMI_BACKEND_URL": "file:///backend",
  "secrets.PULUMI_CONFIG_PASSPHRASE": "pass",
  "secrets.KUBECONFIG": "apiVersion: v1\nkind: Config",
  "github.token": "t",
  "github.repository": "acme/models",
  "github.server_url": "https://github.com",
  "github.run_id": "4711",
  "github.event.pull_request.number": "7",
};

function start(job: Job, more: Readonly<Record<string, string>> = {}): Promise<JobResult> {
  const env = {
    PATH: [join(folder, "bin"), dirname(process.execPath), process.env.PATH].join(":"),
    HOME: folder,
    FAKE_COMMENTS: join(folder, "comments.json"),
  };
  return runJob(job, {
    workspace: repository,
    artifacts: join(folder, "artifacts"),
    contexts: { ...contexts, ...more },
    env,
  });
}

async function touched(): Promise<string[]> {
  const { failed, outputs, log } = await start(stacks, { "github.event.pull_request.base.sha": base });
  expect(failed, JSON.stringify(log)).toBe(false);
  return (JSON.parse(outputs.names ?? "") as string[]).sort();
}

const all = ["prod", "prod-vision", "staging"];

describe("the stacks that a pull request touches", () => {
  it.each<[string, Record<string, string>, string[]]>([
    [
      "those whose file changes",
      { "Pulumi.staging.yaml": "b", "Pulumi.prod-vision.yaml": "b" },
      ["prod-vision", "staging"],
    ],
    [
      "that one, where documentation changes too",
      { "Pulumi.prod.yaml": "b", "docs/scale.md": "b", "README.md": "b" },
      ["prod"],
    ],
    ["all, where the program does", { "src/index.ts": "b", "Pulumi.prod.yaml": "b" }, all],
    ["all, where a model does", { "models/iris/config.yaml": "b" }, all],
    ["all, where packages do", { "package-lock.json": "b" }, all],
    ["all, where the project file does", { "Pulumi.yaml": "b" }, all],
    ["all, where a folder of the team's own does", { "state/state.sql": "b" }, all],
    ["all, where a text of a model does, which its content hash counts", { "models/iris/README.md": "b" }, all],
    ["one that is new", { "Pulumi.dev.yaml": "a" }, ["dev"]],
    ["none, where only the embedded environment's does", { "Pulumi.local.yaml": "b" }, []],
    ["none, where only documentation does", { "docs/scale.md": "b" }, []],
  ])("are %s", async (_, files, names) => {
    await commit(files);
    expect(await touched()).toEqual(names);
  });

  it("are all where so many files change that their names fill a pipe", async () => {
    const long = "long-name-".repeat(20);
    const files = Array.from({ length: 400 }, (_, index) => [`src/${long}/${long}${index}.ts`, "a"]);
    await commit(Object.fromEntries(files));
    expect(await touched()).toEqual(all);
  });

  it("are none whose file is taken away, and none of the base's own changes", async () => {
    await git("rm", "-q", "Pulumi.staging.yaml");
    await git("commit", "-qm", "gone");
    expect(await touched()).toEqual([]);
    await git("checkout", "-q", "-b", "branch", base);
    await commit({ "Pulumi.prod.yaml": "b" });
    await git("checkout", "-q", "-b", "moved", base);
    base = await commit({ "src/index.ts": "b" });
    await git("checkout", "-q", "branch");
    expect(await touched()).toEqual(["prod"]);
  });

  it("are looked for wherever the workflow starts", async () => {
    const ignored = (await workflow("preview.yml")).on.pull_request?.["paths-ignore"] ?? [];
    const script = stacks.steps.find(({ id }) => id === "changed")?.run ?? "";
    const leftOut = [...script.matchAll(/':(?:!|\(exclude,glob\))([^']+)'/g)].map(([, path]) => path);
    expect(ignored.map((path) => path.replace(/\/\*\*$/, ""))).toEqual(leftOut);
  });
});

/** A `pulumi` that prints this and ends so. */
async function engine(prints: string, code: number): Promise<void> {
  await writeFile(join(folder, "printed"), prints);
  const script = ["#!/bin/sh", `printf '%s\\n' "$*" >> ${folder}/asked`, `cat ${folder}/printed`, `exit ${code}`, ""];
  await writeFile(join(folder, "bin/pulumi"), script.join("\n"), { mode: 0o755 });
}

const recorded = (file: string) => readFile(join(import.meta.dirname, "../../../support/preview", file), "utf8");
const comments = async (): Promise<{ id: number; body: string }[]> =>
  JSON.parse(await readFile(join(folder, "comments.json"), "utf8"));

/** What the jobs use of the checkout: the command that they run, without the others, whose packages take seconds to load. */
async function withProject(): Promise<void> {
  await write({
    "bin/menagerie.mjs": `import { Command } from ${JSON.stringify(join(project, "node_modules/commander/esm.mjs"))};
import { previewSummaryCommand } from ${JSON.stringify(join(project, "src/cli/commands/previewSummary.ts"))};
await new Command().version("0").addCommand(previewSummaryCommand()).parseAsync();
`,
  });
  await cp(join(project, "policy/bin"), join(repository, "policy/bin"), { recursive: true });
}

const post = (names: readonly string[]) => start(comment, { "needs.stacks.outputs.names": JSON.stringify(names) });

describe("a pull request's preview", () => {
  beforeEach(withProject);

  it("is a summary of the run and one comment, which the next push replaces", async () => {
    await engine(await recorded("events.jsonl"), 0);
    const previewed = await start(preview);
    expect(previewed.failed, JSON.stringify(previewed.log)).toBe(false);
    expect(await readFile(join(folder, "asked"), "utf8")).toBe(
      "preview --json --refresh --show-sames --ignore-protect --stack staging --policy-pack policy\n",
    );
    expect(previewed.summary).toContain("❌ **no-forward**");
    expect((await post(["staging"])).failed).toBe(false);
    const [first] = await comments();
    expect(first?.body).toMatch(/^<!-- menagerie-preview -->\n## `local`: /);
    expect(first?.body).toContain(previewed.summary);

    await writeFile(
      join(folder, "comments.json"),
      JSON.stringify([
        { id: 1, user: { type: "User" }, body: "<!-- menagerie-preview -->\nof somebody else" },
        { id: 2, user: { type: "Bot" }, body: "of another workflow" },
        ...(await comments()),
      ]),
    );
    await engine(await recorded("digest.json"), 0);
    await start(preview);
    await post(["staging"]);
    const after = await comments();
    expect(after).toHaveLength(3);
    expect(after.map(({ body }) => body.includes("version → **forward**"))).toEqual([false, false, true]);
    expect(after[2]?.id).toBe(first?.id);
  });

  it("leaves the part of the one comment that a proof wrote", async () => {
    const proof = "<!-- menagerie-prove -->\n## `staging`: not proven\n\niris: differs\n";
    const body = `<!-- menagerie-preview -->\n## of before\n${proof}`;
    await writeFile(join(folder, "comments.json"), JSON.stringify([{ id: 7, user: { type: "Bot" }, body }]));
    await engine(await recorded("digest.json"), 0);
    await start(preview);
    await post(["staging"]);
    const [only, ...others] = await comments();
    expect([only?.id, others]).toEqual([7, []]);
    expect(only?.body).not.toContain("## of before");
    expect(only?.body).toContain("version → **forward**");
    expect(only?.body.endsWith(proof)).toBe(true);
  });

  it("that fails is told all the same, and the job fails", async () => {
    const diagnostic = { severity: "error", message: "menagerie:zoo.iris.pool: t5 is not a pool" };
    await engine(`${JSON.stringify({ sequence: 1, diagnosticEvent: diagnostic })}\n`, 255);
    expect((await start(preview)).failed).toBe(true);
    expect((await post(["staging"])).failed).toBe(false);
    expect((await comments())[0]?.body).toMatch(
      /## `staging`: failed\n\n### The preview failed\n\n`+text\nmenagerie:zoo\.iris\.pool: t5 is not a pool\n/,
    );
  });

  it("that did not even begin is told by the address of its run", async () => {
    await engine("", 1);
    expect((await start(preview)).failed).toBe(true);
    await engine(await recorded("digest.json"), 0);
    expect((await start(preview, { "matrix.stack": "prod" })).failed).toBe(false);
    await post(["staging", "prod"]);
    const [{ body = "" } = {}] = await comments();
    expect(body).toContain(
      "## `staging`: no preview\n\nIt failed before the program ran. [The run](https://github.com/acme/models/actions/runs/4711) tells why.\n",
    );
    expect(body).toContain("version → **forward**");
  });

  it("hands the kubeconfig on, readable by nobody else, and the pack's runtime", async () => {
    const looks = [
      "#!/bin/sh",
      `stat -c %a "$KUBECONFIG" >&2`,
      `cat "$KUBECONFIG" >&2`,
      `command -v pulumi-analyzer-policy-menagerie >&2`,
    ];
    await writeFile(join(folder, "bin/pulumi"), looks.join("\n"), { mode: 0o755 });
    const { log } = await start(preview);
    expect(log.preview).toBe(
      `600\napiVersion: v1\nkind: Config\n${repository}/policy/bin/pulumi-analyzer-policy-menagerie\n`,
    );
  });
});

describe("the comment", () => {
  const summaries = async (files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, "artifacts", name), text);
  };

  it("is cut where GitHub takes no more, and says where the rest is", async () => {
    await summaries({ "staging.md": "## `staging`: 1 to create\n\n- ä\n".repeat(4_000), "prod.md": "## `prod`\n" });
    const { failed, log } = await post(["staging", "prod"]);
    expect(failed, JSON.stringify(log)).toBe(false);
    const [{ body = "" } = {}] = await comments();
    expect(body.length).toBeGreaterThan(40_000);
    expect(body).toMatch(
      /Cut here; \[the run\]\(https:\/\/github\.com\/acme\/models\/actions\/runs\/4711\) has all of it\.\n$/,
    );
  });

  it("of a pull request that no longer touches a stack says so, and none is made for one that never did", async () => {
    await post([]);
    expect(await comments()).toEqual([]);
    await summaries({ "prod.md": "## `prod`: 1 to create\n" });
    await post(["prod"]);
    await rm(join(folder, "artifacts/prod.md"));
    await rm(join(repository, "prod.md"));
    await post([]);
    expect((await comments()).map(({ body }) => body)).toEqual([
      "<!-- menagerie-preview -->\nNo stack is touched any more.\n",
    ]);
  });
});

describe("drift", () => {
  it("is looked for in every committed stack but the embedded environment's", async () => {
    const { outputs } = await start(driftStacks);
    expect((JSON.parse(outputs.names ?? "") as string[]).sort()).toEqual(all);
  });

  it("fails its job, with what others edited in the summary", async () => {
    await withProject();
    await engine(await recorded("refreshed.json"), 255);
    const { failed, summary } = await start(drift);
    expect(failed).toBe(true);
    expect(summary).toContain("### Drift\n\n- `Paint` `paint`: `color` edited by others");
    expect(await readFile(join(folder, "asked"), "utf8")).toBe(
      "preview --json --refresh --ignore-protect --expect-no-changes --stack staging\n",
    );
  });
});
