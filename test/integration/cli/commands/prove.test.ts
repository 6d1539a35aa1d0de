import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ProofResult } from "../../../../src/domain/proof/result.ts";
import { copyOfCheckout } from "../../../local/support/menagerie.ts";
import { commitAll, gitIn, writeFiles } from "../../../support/gitRepository.ts";
import { sampleOf } from "../../../support/proofRepository.ts";

/** `menagerie prove` as a process, in a repository of its own that has the project. No model is brought up. */

let project: string;
let folder: string;

beforeAll(async () => {
  project = await copyOfCheckout();
  folder = await mkdtemp(join(tmpdir(), "menagerie-prove-command-"));
  await gitIn(project, "init", "-q", "-b", "main");
  await writeFile(join(project, ".git/info/exclude"), "node_modules\n");
  await commitAll(project);
  await gitIn(project, "checkout", "-q", "-b", "change");
});
afterAll(async () => {
  for (const each of [project, folder]) await rm(each, { recursive: true, force: true });
});

async function prove(...args: string[]) {
  const child = spawn(process.execPath, [join(project, "src/cli/main.ts"), "prove", ...args], {
    cwd: folder,
    env: { ...process.env, MENAGERIE_HOME: join(folder, "home"), NO_COLOR: "1" },
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null) await once(child, "exit");
  return { code: child.exitCode, stdout, stderr };
}

it("ends with 0 where no model differs, and with 2 for a base that is none", async () => {
  const { code, stdout } = await prove();
  expect([code, stdout]).toEqual([0, expect.stringContaining("No model differs between the two revisions.")]);
  const none = await prove("--base", "no-such");
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("the repository has no such commit")]);
});

it("a sample of the base that has expired is refused, and the comment has why", async () => {
  const expired = sampleOf("iris", [{ x: 1 }], { expiresAt: "2026-11-09T00:00:00.000Z" });
  await writeFiles(project, { "samples/iris/iris.sample.jsonl": expired });
  const base = await commitAll(project);
  await appendFile(join(project, "models/iris/model/model.py"), "\n# Nothing else.\n");
  const { code, stderr } = await prove("--base", base, "--markdown", "refused", "--result", "none");
  expect([code, stderr]).toEqual([2, expect.stringContaining("expired")]);
  const comment = await readFile(join(folder, "refused"), "utf8");
  expect(comment).toMatch(/^## `local`: no proof\n\n- samples\/iris\/iris\.sample\.jsonl.*expired/);
  await expect(readFile(join(folder, "none"))).rejects.toThrow("ENOENT");
  await gitIn(project, "reset", "-q", "--hard", "main");
});

it("ends with 3 where a model cannot be judged, and writes all that it was asked for", async () => {
  await appendFile(join(project, "models/multiplier/model/model.py"), "\n# Nothing else.\n");
  const files = ["result", "markdown", "report"].flatMap((each) => [`--${each}`, each]);
  const { code, stdout, stderr } = await prove(...files, "--json");
  expect([code, stderr]).toEqual([3, expect.stringContaining("not proven: multiplier (not judged)")]);
  const result = JSON.parse(stdout) as ProofResult;
  expect(result).toMatchObject({ head: { revision: null }, models: [{ name: "multiplier", verdict: "not judged" }] });
  expect(result.models[0]?.because[0]).toContain("no sample of multiplier");
  const read = (name: string) => readFile(join(folder, name), "utf8");
  expect(JSON.parse(await read("result"))).toEqual(result);
  expect(await read("markdown")).toContain("### multiplier: not judged");
  expect(await read("report")).toContain("<h1");
});
