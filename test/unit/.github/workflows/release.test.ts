import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { workflow } from "../../../support/workflow.ts";

const project = join(import.meta.dirname, "../../../..");
const { permissions, jobs, defaults } = await workflow("release.yml");
const steps = Object.values(jobs).flatMap((job) => job.steps);
const scripts = steps.flatMap(({ run }) => run ?? []);

it("only the job that publishes may prove who it is, and it runs no code of the checkout", () => {
  expect(permissions).toEqual({ contents: "read" });
  for (const { permissions: own, steps: ofJob } of Object.values(jobs)) {
    if (!own) continue;
    expect(own).toEqual({ "id-token": "write" });
    expect(ofJob.some(({ uses }) => uses?.startsWith("actions/checkout"))).toBe(false);
  }
});

it("names a version of every action, and leaves no credentials in the checkout", () => {
  for (const { uses, with: inputs } of steps) {
    if (uses) expect(uses).toMatch(/@(v\d+|[0-9a-f]{40})$/);
    if (uses?.startsWith("actions/checkout")) expect(inputs?.["persist-credentials"]).toBe(false);
  }
});

it("its scripts are bash without expressions, and the npm scripts that they run exist", () => {
  expect(defaults.run.shell).toBe("bash");
  const { scripts: known } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const called = scripts.flatMap((script) => [...script.matchAll(/npm run ([\w:-]+)/g)].map(([, name = ""]) => name));
  expect(called).toEqual(["tools:pack"]);
  for (const name of called) expect(known).toHaveProperty([name]);
  for (const script of scripts) {
    expect(script).not.toContain("${{");
    expect(spawnSync("bash", ["-n"], { input: script }).status).toBe(0);
  }
});
