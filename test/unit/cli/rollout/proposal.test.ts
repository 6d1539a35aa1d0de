import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { StackFile } from "../../../../src/cli/releases/stackFile.ts";
import { proposeStep, pushStep, requireCleanBranch } from "../../../../src/cli/rollout/proposal.ts";
import { proposeReverts } from "../../../../src/cli/rollout/proposedReverts.ts";
import { ownConfig } from "../../../../src/config/ownConfig.ts";
import type { TakenBack } from "../../../../src/domain/zoo/takeBack.ts";
import { type FakeGithub, startGithub } from "../../../support/fakeGithub.ts";

/** Git itself, with a repository beside it as its remote; GitHub's interface is played by a server. */

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
let github: FakeGithub;

beforeEach(async () => {
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
  github = await startGithub();
  for (const [name, value] of Object.entries(github.env)) vi.stubEnv(name, value);
});

afterEach(() => {
  github.close();
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
  expect(await proposeStep(file, step)).toBe("https://github.example/acme/models/pull/1");
  const branch = "advance/prod-iris-traffic-10";
  expect(git(folder, "--git-dir=remote.git", "show", `${branch}:Pulumi.prod.yaml`)).toBe(
    text.replace("traffic: 1", "traffic: 10").trim(),
  );
  expect(git(folder, "--git-dir=remote.git", "diff", "--name-only", `main..${branch}`)).toBe("Pulumi.prod.yaml");
  expect(git(folder, "--git-dir=remote.git", "log", "-1", "--format=%b", branch)).not.toContain("Menagerie-Deployed");
  expect(github.pulls).toEqual([
    {
      head: branch,
      base: "main",
      title: "iris on prod: traffic: 1 → 10",
      body: expect.stringContaining("errors 1 of 900 against 2 of 900"),
      state: "open",
    },
  ]);
  expect(readFileSync(path, "utf8")).toBe(`${text}# being edited\n`);
  expect(git(checkout, "worktree", "list").split("\n")).toHaveLength(1);
  // A second time, the one that is open is named.
  expect(await proposeStep(file, step)).toBe("https://github.example/acme/models/pull/1");
  // The same step of the model's next rollout has one of its own.
  for (const pull of github.pulls) pull.state = "closed";
  expect(await proposeStep(file, step)).toBe("https://github.example/acme/models/pull/2");
});

test("what GitHub refuses is said, without the token", async () => {
  const file = { path, config: ownConfig(text, "Pulumi.prod.yaml") } as unknown as StackFile;
  github.broken = { status: 403, message: "Resource not accessible by integration" };
  const proposed = proposeStep(file, step);
  await expect(proposed).rejects.toThrow("GitHub answered 403: Resource not accessible by integration");
  await expect(proposed).rejects.not.toThrow("gh-token");
  expect(git(checkout, "worktree", "list").split("\n")).toHaveLength(1);
});

describe("a take-back", () => {
  const taken = (change: Partial<TakenBack> = {}): TakenBack => ({
    id: "7",
    model: "iris",
    from: "3",
    hash: "b",
    action: "revert",
    reason: "errors 12 of 180 against 3 of 1,620, at least 2.1 points more, 1.0 points are allowed",
    cause: "41",
    at: new Date("2026-11-30T14:02:11Z"),
    weight: 10,
    doneAt: new Date("2026-11-30T14:02:13Z"),
    obstacle: null,
    ...change,
  });
  const underWay = text.replace("phase: version", 'from: "3"\n      phase: forward');
  const propose = (all: readonly TakenBack[]) => proposeReverts(path, "prod", all);
  const onBranch = (branch: string) => git(folder, "--git-dir=remote.git", "show", `${branch}:Pulumi.prod.yaml`);

  beforeEach(() => {
    pushedByOther("Pulumi.prod.yaml", underWay);
  });

  test("is proposed as `phase: reverted`, once, on top of what is there by then", async () => {
    expect(await propose([taken()])).toMatchObject([{ kind: "opened", model: "iris", takeBack: "7" }]);
    expect(onBranch("take-back/prod-iris-7")).toBe(underWay.replace("phase: forward", "phase: reverted").trim());
    expect(github.pulls).toMatchObject([
      { head: "take-back/prod-iris-7", base: "main", title: "iris on prod: phase: reverted, for it was taken back" },
    ]);
    expect(github.pulls[0]?.body).toContain(
      "iris was taken back at 2026-11-30 14:02 (errors 12 of 180 against 3 of 1,620) UTC, by verdict 41.",
    );
    expect(await propose([taken()])).toMatchObject([{ kind: "known" }]);
    // Somebody has another idea; the next take-back is another matter.
    for (const pull of github.pulls) pull.state = "closed";
    expect(await propose([taken()])).toMatchObject([{ kind: "known", pullRequest: { state: "closed" } }]);
    expect(await propose([taken({ id: "8" })])).toMatchObject([{ kind: "opened" }]);
    expect(github.pulls).toHaveLength(2);
    expect(git(checkout, "status", "--porcelain")).toBe("");
  });

  test("of which the run before pushed a branch, and was killed, gets its pull request", async () => {
    github.broken = { status: 502, message: "Bad Gateway" };
    await expect(propose([taken()])).rejects.toThrow("GitHub answered 502");
    github.broken = undefined;
    git(other, "push", "--quiet", "origin", "HEAD:refs/heads/take-back/prod-iris-7");
    expect(await propose([taken()])).toMatchObject([{ kind: "opened" }]);
    expect(onBranch("take-back/prod-iris-7")).toContain("phase: reverted");
  });

  test.each<[string, Partial<TakenBack>, string]>([
    ["is held and not reverted", { action: "hold" }, underWay],
    ["is of another rollout", { from: "2" }, underWay],
    ["is of a model that another stack has", { model: "multiplier" }, underWay],
    ["is in the file already", {}, underWay.replace("phase: forward", "phase: reverted")],
    ["is over, for a new content began", {}, underWay.replace("phase: forward", "phase: copy")],
  ])("that %s is not proposed", async (_, change, content) => {
    if (content !== underWay) pushedByOther("Pulumi.prod.yaml", content);
    const proposed = await propose([taken(change)]);
    expect(proposed.every(({ kind }) => kind === "not needed")).toBe(true);
    expect(github.pulls).toEqual([]);
  });
});
