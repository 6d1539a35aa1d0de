import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { workflow } from "../../../support/workflow.ts";

const project = join(import.meta.dirname, "../../../..");
const files = ["preview.yml", "drift.yml"];
const workflows = new Map(await Promise.all(files.map(async (file) => [file, await workflow(file)] as const)));

describe.each([...workflows])("workflow %s", (_file, { permissions, jobs, defaults }) => {
  const steps = Object.values(jobs).flatMap((job) => job.steps);
  const scripts = steps.flatMap(({ run }) => run ?? []);

  it("may only read, but for the job that writes the comment, which runs no code of the pull request", () => {
    expect(permissions).toEqual({ contents: "read" });
    for (const { permissions: own, steps: ofJob } of Object.values(jobs)) {
      if (!own) continue;
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

  it("puts no expression into a script, where what an author writes would run", () => {
    expect(scripts.filter((script) => script.includes("${{"))).toEqual([]);
    expect(defaults.run.shell).toBe("bash");
  });

  it("runs scripts that are bash, with the engine that is pinned and commands that exist", () => {
    for (const script of scripts) {
      const { status, stderr } = spawnSync("bash", ["-n"], { input: script });
      expect(status, String(stderr)).toBe(0);
    }
    const { dependencies } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    const versions = steps.flatMap(({ with: inputs }) => inputs?.["pulumi-version"] ?? []);
    expect(new Set(versions)).toEqual(new Set([dependencies["@pulumi/pulumi"]]));
    const commands = scripts.flatMap((script) =>
      [...script.matchAll(/bin\/menagerie\.mjs ([\w-]+)/g)].map(([, name]) => name),
    );
    expect(commands.length).toBeGreaterThan(0);
    const program = readFileSync(join(project, "src/cli/commands/previewSummary.ts"), "utf8");
    for (const command of commands) if (command !== "--version") expect(program).toContain(`new Command("${command}")`);
    expect(existsSync(join(project, "policy/PulumiPolicy.yaml"))).toBe(true);
  });
});
