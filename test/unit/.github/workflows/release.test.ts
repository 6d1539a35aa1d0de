import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type JobResult, runJob, workflow } from "../../../support/workflow.ts";

const project = join(import.meta.dirname, "../../../..");
const { jobs, permissions } = await workflow("release.yml");
const steps = Object.values(jobs).flatMap((job) => job.steps);

let folder: string;
let workspace: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "menagerie-release-"));
  workspace = join(folder, "checkout");
  mkdirSync(workspace);
  for (const file of ["package.json", "package-lock.json", "CHANGELOG.md"])
    copyFileSync(join(project, file), join(workspace, file));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Runs these steps of the job `package`, as on a push of the tag. */
function run(names: readonly string[], tag: string): Promise<JobResult> {
  const job = jobs.package;
  if (!job) throw new Error("release.yml has no job package");
  const chosen = { ...job, steps: job.steps.filter(({ name = "" }) => names.includes(name)) };
  const contexts = { "github.ref_type": "tag", "github.ref_name": tag };
  return runJob(chosen, { workspace, artifacts: join(folder, "artifacts"), contexts, env: process.env });
}

const { version } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as { version: string };

describe("the version of a release", () => {
  it("is that of the tag, the package and the changelog", async () => {
    expect(await run(["version"], `v${version}`)).toMatchObject({ failed: false });
    const other = await run(["version"], "v9.9.9");
    expect(other.failed).toBe(true);
    expect(other.log.version).toContain(`tag the commit v${version}`);
  });

  it("has a heading of its own in the changelog", async () => {
    writeFileSync(join(workspace, "CHANGELOG.md"), `# Changelog\n\n## [Unreleased]\n\n## ${version}0\n`);
    const result = await run(["version"], `v${version}`);
    expect(result.failed).toBe(true);
    expect(result.log.version).toContain(`no heading for ${version}`);
  });
});

it("the bill of materials names what runs, and not what only tests need; checksums are of all files", async () => {
  expect(await run(["sbom", "checksums"], `v${version}`)).toMatchObject({ failed: false });
  const file = join(workspace, "release/menagerie.cdx.json");
  const { components } = JSON.parse(readFileSync(file, "utf8")) as { components: { name: string }[] };
  const names = components.map(({ name }) => name);
  const { dependencies } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as { dependencies: object };
  expect(names).toEqual(expect.arrayContaining(Object.keys(dependencies)));
  expect(names).not.toContain("vitest");
  const { status } = spawnSync("sha256sum", ["--check", "SHA256SUMS"], { cwd: join(workspace, "release") });
  expect(status).toBe(0);
});

it("a job writes only what its result is, and none that builds the code may write the repository", () => {
  expect(permissions).toEqual({ contents: "read" });
  const writing = Object.entries(jobs).flatMap(([name, { permissions: own = {} }]) =>
    Object.entries(own).flatMap(([what, may]) => (may === "write" ? [`${name}: ${what}`] : [])),
  );
  expect(writing.sort()).toEqual([
    "announce: contents",
    "package: attestations",
    "package: id-token",
    "publish: id-token",
  ]);
  expect(jobs.announce?.steps.some(({ uses }) => uses?.startsWith("actions/checkout"))).toBe(false);
});

it("names a version of every action, and puts no expression into a script", () => {
  for (const { uses, run: script, with: inputs } of steps) {
    if (uses) expect(uses).toMatch(/@(v\d+|[0-9a-f]{40})$/);
    if (uses?.startsWith("actions/checkout")) expect(inputs?.["persist-credentials"]).toBe(false);
    if (script === undefined) continue;
    expect(script).not.toContain("${{");
    const { status, stderr } = spawnSync("bash", ["-n"], { input: script });
    expect(status, String(stderr)).toBe(0);
  }
});

it("the image has a bill of materials and its provenance", () => {
  const script = jobs.image?.steps.find(({ name }) => name === "image")?.run ?? "";
  expect(script).toContain("--sbom=true --provenance=mode=max --push");
});
