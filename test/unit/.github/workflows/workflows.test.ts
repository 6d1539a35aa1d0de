import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commands as known } from "../../../../src/cli/commandTable.ts";
import { workflow } from "../../../support/workflow.ts";

const project = join(import.meta.dirname, "../../../..");
const files = [
  "preview.yml",
  "drift.yml",
  "deploy.yml",
  "rollout.yml",
  "take-back.yml",
  "ci.yml",
  "prove.yml",
  "record-proof.yml",
];
const workflows = new Map(await Promise.all(files.map(async (file) => [file, await workflow(file)] as const)));

describe.each([...workflows])("workflow %s", (file, { permissions, jobs, defaults, on }) => {
  const steps = Object.values(jobs).flatMap((job) => job.steps);
  const scripts = steps.flatMap(({ run }) => run ?? []);

  it("may only read, but for what writes a comment, which runs no code of a pull request, or proposes a change", () => {
    expect(permissions).toEqual({ contents: "read" });
    for (const { permissions: own, steps: ofJob } of Object.values(jobs)) {
      if (!own) continue;
      if (file === "take-back.yml") {
        expect(on.pull_request).toBeUndefined();
        expect(own).toEqual({ contents: "write", "pull-requests": "write" });
        continue;
      }
      if (file === "record-proof.yml") {
        // Started by the default branch's own workflow, whatever a pull request says of it.
        expect(Object.keys(on)).toEqual(["workflow_run"]);
        expect(Object.values(own).every((may) => may === "read")).toBe(true);
        continue;
      }
      expect(own).toEqual({ "pull-requests": "write" });
      expect(ofJob.some(({ uses }) => uses?.startsWith("actions/checkout"))).toBe(false);
    }
  });

  it("names a version of every action, and leaves no credentials in the checkout", () => {
    for (const { uses, with: inputs } of steps) {
      if (uses) expect(uses).toMatch(/@(v\d+|[0-9a-f]{40})$/);
      if (uses?.startsWith("actions/checkout")) expect(inputs?.["persist-credentials"]).toBe(false);
    }
  });

  it("restores nothing that another run wrote, where a pull request's run may have; but for its own tests", () => {
    const caching = steps.filter(({ uses, with: inputs }) => {
      const isCache = uses?.startsWith("actions/cache") === true;
      return isCache || (uses?.startsWith("actions/setup-") && (inputs?.cache ?? false) !== false);
    });
    if (file !== "ci.yml") expect(caching).toEqual([]);
    else expect(on.pull_request).toEqual({});
  });

  it("puts no expression into a script, where what an author writes would run", () => {
    expect(scripts.filter((script) => script.includes("${{"))).toEqual([]);
    expect(defaults.run.shell).toBe("bash");
  });

  it("runs scripts that are bash, with the engine that is pinned and commands that exist", () => {
    for (const script of scripts) {
      const { status, stderr } = spawnSync("bash", ["-n"], { input: script });
      expect(status, String(stderr)).toBe(0);
    }
    const { devDependencies } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as {
      devDependencies: Record<string, string>;
    };
    const versions = steps.flatMap(({ with: inputs }) => inputs?.["pulumi-version"] ?? []);
    // What a contributor's pull request is checked with is no other engine than the one that the tests build.
    const hasNone = ["ci.yml", "take-back.yml", "prove.yml", "record-proof.yml"].includes(file);
    expect(new Set(versions)).toEqual(new Set(hasNone ? [] : [devDependencies["@pulumi/pulumi"]]));
    const commands = scripts.flatMap((script) =>
      [...script.matchAll(/bin\/menagerie\.mjs ([\w-]+)/g)].map(([, name = ""]) => name),
    );
    expect(commands.length).toBeGreaterThan(0);
    const names = known.map(({ name }) => name);
    expect(commands.filter((name) => !names.includes(name))).toEqual([]);
    expect(existsSync(join(project, "policy/PulumiPolicy.yaml"))).toBe(true);
  });
});

describe("what a pull request must pass", async () => {
  const { jobs, on } = await workflow("ci.yml");
  const steps = Object.values(jobs).flatMap((job) => job.steps);

  it("runs for every pull request, without secrets", () => {
    expect(on).toHaveProperty("pull_request", {});
    expect(JSON.stringify(jobs)).not.toContain("secrets.");
  });

  it("is the project's own scripts, after packages that the lock vouches for", () => {
    const { scripts } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as { scripts: object };
    for (const job of Object.values(jobs)) {
      const runs = job.steps.flatMap(({ run }) => run ?? []);
      const called = runs.flatMap((run) => /^npm (?:run )?(\S+)/.exec(run)?.[1] ?? []);
      expect(called[0]).toBe("ci");
      expect(called.length).toBeGreaterThan(1);
      expect(called.slice(1).filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
    }
    const runs = steps.map(({ run }) => run);
    expect(runs).toEqual(expect.arrayContaining(["npm run check", "npm test"]));
  });

  it("keeps the tools by a hash of all that decides what they are", () => {
    const keys = steps.flatMap(({ uses, with: inputs }) => (uses?.startsWith("actions/cache") ? `${inputs?.key}` : []));
    expect(keys).toHaveLength(2);
    const patterns = [...(keys[0] ?? "").matchAll(/'([^']+)'/g)].map(([, pattern = ""]) => pattern);
    const hashed = new Set(patterns.flatMap((pattern) => globSync(pattern, { cwd: project })));
    for (const file of ["tools/kubernetes/go.sum", "src/local/toolchain/tools.ts"]) expect(hashed).toContain(file);
    for (const pattern of patterns) expect(globSync(pattern, { cwd: project }).length, pattern).toBeGreaterThan(0);
    // Saved under the very key that was looked for.
    expect(keys[1]).toMatch(/^\$\{\{ steps\.tools\.outputs\.cache-primary-key \}\}$/);
  });
});

describe("proofs of pull requests", async () => {
  const [prove, record] = [await workflow("prove.yml"), await workflow("record-proof.yml")];

  it("are made without secrets, by the tool of the base", () => {
    expect(JSON.stringify(prove.jobs)).not.toContain("secrets.");
    const names = (prove.jobs.prove?.steps ?? []).map(({ name, run }) => name ?? run);
    expect(names.indexOf("base")).toBeGreaterThan(-1);
    expect(names.indexOf("base")).toBeLessThan(names.indexOf("npm ci"));
  });

  it("start wherever a preview does", async () => {
    const { on } = await workflow("preview.yml");
    expect(prove.on.pull_request).toEqual(on.pull_request);
  });

  it("are recorded where no code of a pull request runs, and not for an edited workflow", () => {
    const steps = record.jobs.record?.steps ?? [];
    expect(steps.some(({ with: inputs }) => inputs?.ref !== undefined)).toBe(false);
    const names = steps.map(({ name, run }) => name ?? run);
    expect(names.indexOf("workflow")).toBeLessThan(names.indexOf("record"));
    expect(record.jobs.stacks?.if).toContain("workflow_run.path == '.github/workflows/prove.yml'");
  });
});
