import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { StackFile } from "../../../../src/cli/releases/stackFile.ts";
import { proposeStep, pushStep, requireCleanBranch } from "../../../../src/cli/rollout/proposal.ts";
import { ownConfig } from "../../../../src/config/ownConfig.ts";

/** Git itself, with a repository beside it as its remote; GitHub's `gh` is played. */

const text = `config:
  menagerie:zoo:
    iris:
      truss: models/iris # ours
      phase: version
      traffic: 1
`;
const step = {
  model: "iris",
  stack: "prod",
  edits: [{ key: "traffic", from: 1, to: 10 }],
  evidence: ["errors 1 of 900 against 2 of 900"],
} as const;

let folder: string;
let checkout: string;
let other: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "menagerie-proposal-"));
  const identity = {
    GIT_AUTHOR_NAME: "ada",
    GIT_AUTHOR_EMAIL: "ada@example.com",
    GIT_COMMITTER_NAME: "ada",
    GIT_COMMITTER_EMAIL: "ada@example.com",
  };
  for (const [name, value] of Object.entries({ ...identity, GIT_CONFIG_GLOBAL: "/dev/null" })) vi.stubEnv(name, value);
  git(folder, "init", "--quiet", "--bare", "-b", "main", "remote.git");
  [checkout, other] = [join(folder, "checkout"), join(folder, "other")];
  git(folder, "clone", "--quiet", "remote.git", "checkout");
  git(checkout, "checkout", "--quiet", "-b", "main");
  path = join(checkout, "Pulumi.prod.yaml");
  writeFileSync(path, text);
  git(checkout, "add", ".");
  git(checkout, "commit", "--quiet", "-m", "begin");
  git(checkout, "push", "--quiet", "-u", "origin", "main");
  git(folder, "clone", "--quiet", "remote.git", "other");
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(
    join(bin, "gh"),
    `#!/bin/sh\nprintf '%s\\n' "$@" > ${folder}/gh.txt\necho https://example.com/pull/7\n`,
  );
  chmodSync(join(bin, "gh"), 0o755);
  vi.stubEnv("PATH", `${bin}${delimiter}${process.env.PATH}`);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function git(where: string, ...args: string[]): string {
  return execFileSync("git", args, { cwd: where, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
}

function pushedByOther(file: string, content: string): void {
  writeFileSync(join(other, file), content);
  git(other, "add", ".");
  git(other, "commit", "--quiet", "-m", `by another: ${file}`);
  git(other, "push", "--quiet");
}

test("a step is pushed as one commit of the stack's file, with the trailer, whatever others push meanwhile", async () => {
  await requireCleanBranch(checkout);
  writeFileSync(path, text.replace("traffic: 1", "traffic: 10"));
  writeFileSync(join(checkout, "notes.txt"), "mine");
  pushedByOther("README.md", "hello");
  await pushStep(path, step);
  expect(git(folder, "--git-dir=remote.git", "log", "-2", "--format=%s", "main").split("\n")).toEqual([
    "iris on prod: traffic: 1 → 10",
    "by another: README.md",
  ]);
  expect(git(checkout, "show", "--stat", "--format=%b", "HEAD")).toMatch(
    /errors 1 of 900 against 2 of 900\n\nMenagerie-Deployed: prod\n+ Pulumi.prod.yaml/,
  );
  // Run again after it was killed: nothing more is committed.
  await pushStep(path, step);
  expect(git(folder, "--git-dir=remote.git", "rev-list", "--count", "main")).toBe("3");
});

test("a branch with changes, or that is not its upstream's, is refused before anything is edited", async () => {
  writeFileSync(path, `${text}# edited\n`);
  await expect(requireCleanBranch(checkout)).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining("tracked files are changed: M Pulumi.prod.yaml"),
  });
  writeFileSync(path, text);
  pushedByOther("README.md", "hello");
  await expect(requireCleanBranch(checkout)).rejects.toThrow("0 commits ahead of its upstream and 1 behind");
  git(checkout, "pull", "--quiet");
  await requireCleanBranch(checkout);
});

test("a pull request holds the step on top of the upstream, and the checkout stays as it is", async () => {
  pushedByOther("README.md", "hello");
  writeFileSync(path, `${text}# being edited\n`);
  const file = { path, config: ownConfig(text, "Pulumi.prod.yaml") } as unknown as StackFile;
  expect(await proposeStep(file, step)).toBe("https://example.com/pull/7");
  const branch = "advance/prod-iris-traffic-10";
  expect(git(folder, "--git-dir=remote.git", "show", `${branch}:Pulumi.prod.yaml`)).toBe(
    text.replace("traffic: 1", "traffic: 10").trim(),
  );
  expect(git(folder, "--git-dir=remote.git", "diff", "--name-only", `main..${branch}`)).toBe("Pulumi.prod.yaml");
  expect(git(folder, "--git-dir=remote.git", "log", "-1", "--format=%b", branch)).not.toContain("Menagerie-Deployed");
  expect(readFileSync(join(folder, "gh.txt"), "utf8")).toContain(
    `--head\n${branch}\n--title\niris on prod: traffic: 1 → 10`,
  );
  expect(readFileSync(path, "utf8")).toBe(`${text}# being edited\n`);
  expect(git(checkout, "worktree", "list").split("\n")).toHaveLength(1);
  // A second time, the one that is open is named.
  rmSync(join(folder, "gh.txt"));
  expect(await proposeStep(file, step)).toBe(branch);
  expect(existsSync(join(folder, "gh.txt"))).toBe(false);
});
