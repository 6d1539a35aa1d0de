import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { commitAll, gitIn, writeFiles } from "../../../support/gitRepository.ts";
import { type Job, type JobResult, runJob, workflow } from "../../../support/workflow.ts";

/**
 * The steps of proofs, run as they are written on a real repository. `menagerie` is a script of the repository that says which commit it is
 * of; test/soak has the real one.
 */

const project = join(import.meta.dirname, "../../../..");
const jobs = { prove: (await workflow("prove.yml")).jobs, record: (await workflow("record-proof.yml")).jobs };
let folder: string;
let repository: string;
let base: string;

const git = (...args: string[]): Promise<string> => gitIn(repository, ...args);

async function commit(files: Readonly<Record<string, string>>): Promise<string> {
  await writeFiles(repository, files);
  return commitAll(repository);
}

/** A `menagerie` that writes what its options ask for, and which side's it is. */
const tool = (side: string): string => `
import { writeFileSync } from "node:fs";
const args = process.argv.slice(2);
const after = (flag) => args[args.indexOf(flag) + 1];
if (args.includes("--record")) console.log("${side} records " + after("--record") + " of " + after("--stack"));
else {
  const { SAYS = "proven", CODE = "0" } = process.env;
  writeFileSync(after("--result"), JSON.stringify({ head: { commit: after("--head") }, base: after("--base") }));
  writeFileSync(after("--markdown"), "## \`" + after("--stack") + "\`: " + SAYS + "\\n\\nby the ${side}'s tool\\n");
  writeFileSync(after("--report"), "<html>");
  process.exitCode = Number(CODE);
}
`;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-prove-workflow-"));
  repository = join(folder, "repository");
  for (const name of ["artifacts", "bin", "repository"]) await mkdir(join(folder, name));
  await copyFile(join(project, "test/support/fakeGh.mjs"), join(folder, "bin/gh"));
  await chmod(join(folder, "bin/gh"), 0o755);
  // A runner's own; nothing is installed here.
  await writeFile(join(folder, "bin/sudo"), "#!/bin/sh\n", { mode: 0o755 });
  await writeFile(join(folder, "comments.json"), "[]");
  await writeFile(join(folder, "pulls.json"), "[]");
  await git("init", "-q");
  base = await commit({
    "Pulumi.local.yaml": "a",
    "Pulumi.staging.yaml": "a",
    "bin/menagerie.mjs": tool("base"),
    ".github/workflows/prove.yml": "a",
  });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function start(file: keyof typeof jobs, name: string, contexts: Readonly<Record<string, string>> = {}, env = {}) {
  const result: JobResult = await runJob(jobs[file][name] as Job, {
    workspace: repository,
    artifacts: join(folder, "artifacts"),
    contexts: {
      "matrix.stack": "staging",
      "runner.arch": "X64",
      "github.event.workflow_run.id": "4712",
      "github.token": "t",
      "github.repository": "acme/models",
      "github.repository_owner": "acme",
      "github.event.repository.default_branch": "main",
      "github.event.workflow_run.head_branch": "change",
      "github.server_url": "https://github.com",
      "github.run_id": "4711",
      "github.event.pull_request.number": "7",
      "github.event.pull_request.base.sha": base,
      "secrets.MENAGERIE_DATABASE_URL": "postgres://",
      ...contexts,
    },
    env: {
      PATH: [join(folder, "bin"), dirname(process.execPath), process.env.PATH].join(":"),
      HOME: folder,
      FAKE_COMMENTS: join(folder, "comments.json"),
      FAKE_PULLS: join(folder, "pulls.json"),
      ...env,
    },
  });
  return result;
}

async function comments(): Promise<string[]> {
  const list = JSON.parse(await readFile(join(folder, "comments.json"), "utf8")) as { body: string }[];
  return list.map(({ body }) => body);
}

/** The jobs of one push, with what the tool says and ends with. */
async function push(head: string, says: string, code = 0) {
  const proof = await start(
    "prove",
    "prove",
    { "github.event.pull_request.head.sha": head },
    { SAYS: says, CODE: `${code}` },
  );
  const comment = await start("prove", "comment", { "needs.stacks.outputs.names": '["staging"]' });
  expect(comment.failed, JSON.stringify(comment.log)).toBe(false);
  return proof;
}

it("proves every stack but local", async () => {
  const { outputs } = await start("prove", "stacks");
  expect(outputs.names).toBe('["staging"]');
});

it("the base's tool proves a pull request that edits the tool, from where its branch left", async () => {
  const head = await commit({ "bin/menagerie.mjs": tool("head"), "models/m/config.yaml": "b" });
  const { failed, summary } = await push(head, "proven");
  expect(failed).toBe(false);
  expect(summary).toContain("by the base's tool");
  expect(await comments()).toEqual([
    "<!-- menagerie-preview -->\n<!-- menagerie-prove -->\n## `staging`: proven\n\nby the base's tool\n",
  ]);
  expect(JSON.parse(await readFile(join(folder, "artifacts/staging.json"), "utf8"))).toEqual({
    head: { commit: head },
    base,
  });
});

it("its part stands behind the preview's in one comment, is replaced, and goes where nothing is left to prove", async () => {
  const body = "<!-- menagerie-preview -->\n## `staging`: 1 to create\n";
  await writeFile(join(folder, "comments.json"), JSON.stringify([{ id: 100, user: { type: "Bot" }, body }]));
  const head = await commit({ "models/m/config.yaml": "b" });
  expect((await push(head, "not proven", 3)).failed).toBe(true);
  const proof = "<!-- menagerie-prove -->\n## `staging`: not proven\n\nby the base's tool\n";
  expect(await comments()).toEqual([`${body}${proof}`]);
  await push(head, "proven");
  expect(await comments()).toEqual([`${body}${proof.replace("not proven", "proven")}`]);
  await push(head, "nothing to prove");
  expect(await comments()).toEqual([body]);
});

it("says so where a proof had no result", async () => {
  const head = await commit({ "models/m/config.yaml": "b" });
  await git("rm", "-q", "bin/menagerie.mjs");
  await git("commit", "-qm", "gone");
  base = await git("rev-parse", "HEAD");
  expect((await push(head, "")).failed).toBe(true);
  expect((await comments())[0]).toContain(
    "## `staging`: no proof\n\nIt failed before it had a result. [The run](https://github.com/acme/models/actions/runs/4711) tells why.",
  );
});

it("a result is recorded by the default branch's tool; not of an edited workflow, and not of another commit", async () => {
  await git("checkout", "-q", "-b", "change");
  const head = await commit({ "bin/menagerie.mjs": tool("head") });
  await push(head, "proven");
  await git("checkout", "-q", "--detach", base);
  const recorded = (sha: string) => start("record", "record", { "github.event.workflow_run.head_sha": sha });
  expect((await recorded(head)).summary).toBe("base records staging.json of staging\n");
  const other = await commit({ "README.md": "c" });
  await git("checkout", "-q", "--detach", base);
  expect((await recorded(other)).log.record).toContain("the result is of another commit than the run");
  await git("checkout", "-q", "change");
  const edited = await commit({ ".github/workflows/prove.yml": "b" });
  await git("checkout", "-q", "--detach", base);
  const refused = await recorded(edited);
  expect([refused.failed, refused.log.record]).toEqual([true, undefined]);
  expect(refused.log.workflow).toContain("edits .github/workflows/prove.yml, so its result is not evidence");
});

it("a result is recorded of a branch whose pull requests were all against the default branch, all the time", async () => {
  const of = async (...pulls: { readonly base: string; readonly events?: readonly string[] }[]) => {
    const list = pulls.map(({ base: ref, events = [] }, at) => ({
      number: 7 + at,
      base: { ref },
      events: events.map((event) => ({ event })),
    }));
    await writeFile(join(folder, "pulls.json"), JSON.stringify(list));
    const { failed, log, outputs } = await start("record", "stacks");
    expect(outputs.names).toBe(failed ? undefined : '["staging"]');
    return failed ? log.base : "recorded";
  };
  expect(await of({ base: "main", events: ["labeled"] })).toBe("recorded");
  expect(await of({ base: "evil" })).toContain("pull request 7 of change is or was against another branch than main");
  expect(await of({ base: "main", events: ["labeled", "base_ref_changed"] })).toContain(
    "pull request 7 of change is or",
  );
  // One that was closed while its run went on.
  expect(await of({ base: "main" }, { base: "evil" })).toContain("pull request 8 of change is or was");
  expect(await of()).toContain("no pull request of change is known");
});
