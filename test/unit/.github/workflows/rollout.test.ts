import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Job, runJob, workflow } from "../../../support/workflow.ts";

/** Which stacks a push deploys, by the step of `rollout.yml` as it is written, on a real repository. */

const run = promisify(execFile);
const stacks = (await workflow("rollout.yml")).jobs.stacks as Job;
let folder: string;
let repository: string;

const git = async (...args: string[]): Promise<string> => {
  const identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"];
  return (await run("git", [...identity, ...args], { cwd: repository })).stdout.trim();
};

async function commit(files: Readonly<Record<string, string>>, trailer?: string): Promise<string> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(repository, name), text);
  await git("add", "-A");
  await git("commit", "-qm", "change", ...(trailer ? ["-m", `Menagerie-Deployed: ${trailer}`] : []));
  return git("rev-parse", "HEAD");
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-rollout-"));
  repository = join(folder, "repository");
  await mkdir(join(folder, "artifacts"));
  await mkdir(repository);
  await git("init", "-q");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = (stack: string) => `Pulumi.${stack}.yaml`;

/** What is to be deployed after a push that began at `before`. */
async function pushed(before: string): Promise<unknown> {
  const { PATH, HOME } = process.env;
  const { failed, outputs, log } = await runJob(stacks, {
    workspace: repository,
    artifacts: join(folder, "artifacts"),
    env: { PATH, HOME },
    contexts: { "github.event.before": before },
  });
  expect(failed, JSON.stringify(log)).toBe(false);
  return JSON.parse(outputs.merged ?? "");
}

it("deploys each stack whose file a push changes, from what was deployed before", async () => {
  const before = await commit({ [file("local")]: "1", [file("prod")]: "1", [file("staging")]: "1", "README.md": "1" });
  await commit({ [file("prod")]: "2", [file("local")]: "2", "README.md": "2" });
  expect(await pushed(before)).toEqual([{ stack: "prod", since: before }]);
  await commit({ [file("prod")]: "3", [file("staging")]: "3" });
  expect(await pushed(before)).toEqual([
    { stack: "prod", since: before },
    { stack: "staging", since: before },
  ]);
});

it("leaves alone what an advance has deployed, and goes on from there", async () => {
  const before = await commit({ [file("prod")]: "1", [file("staging")]: "1" });
  const deployed = await commit({ [file("prod")]: "2" }, "prod");
  expect(await pushed(before)).toEqual([]);
  await commit({ [file("prod")]: "3" });
  expect(await pushed(before)).toEqual([{ stack: "prod", since: deployed }]);
  // Of another stack, the trailer says nothing.
  await commit({ [file("staging")]: "2" }, "prod");
  expect(await pushed(before)).toContainEqual({ stack: "staging", since: before });
});

it("has nothing to do for a stack that is removed, or put back", async () => {
  const before = await commit({ [file("prod")]: "1", [file("staging")]: "1" });
  await commit({ [file("prod")]: "2" });
  await git("rm", "-q", file("staging"));
  await commit({ [file("prod")]: "1" });
  expect(await pushed(before)).toEqual([]);
});
