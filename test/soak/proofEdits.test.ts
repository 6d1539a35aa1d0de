import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { dump } from "js-yaml";
import { afterAll, beforeAll, expect, test } from "vitest";
import { proofResult } from "../../src/domain/proof/result.ts";
import { copyOfCheckout, hostProcesses, TestHome } from "../local/support/menagerie.ts";
import { commitAll, gitIn } from "../support/gitRepository.ts";
import { editedModels, editedRequests, type ProofEdit, proofEdits, type Replacement } from "../support/proofEdits.ts";
import { sampleOf } from "../support/proofRepository.ts";

/**
 * Forty edits of three models in one pull request, proven by one command: how many changes it misses, and how often it says that
 * something differs where nothing does.
 */

/** `PROOF_EDITS=3,17` proves those alone, counted from 1. */
const chosen = process.env.PROOF_EDITS?.split(",").map(Number);
const edits = proofEdits
  .map((edit, index) => ({ ...edit, name: `${edit.model}-${index + 1}`, number: index + 1 }))
  .filter(({ number }) => !chosen || chosen.includes(number));
type NamedEdit = (typeof edits)[number];

let home: TestHome;
let project: string;
const reports = join(tmpdir(), `menagerie-proof-edits-${process.pid}`);

beforeAll(async () => {
  home = await TestHome.create(await copyOfCheckout());
  project = home.project;
  await mkdir(reports);
  await writeFile(join(project, ".gitignore"), "node_modules\n.menagerie-installed\n");
  for (const edit of edits) await beforeEdit(edit);
  await declare((edit) => ({ ...editedModels[edit.model].declared, ...edit.declared }));
  await gitIn(project, "init", "-q", "-b", "main");
  await commitAll(project);
  for (const { name, edit = [] } of edits) await replaced(name, edit);
  await declare((edit) => ({ ...editedModels[edit.model].declared, ...edit.declared, ...edit.declaredNew }));
  await gitIn(project, "checkout", "-q", "-b", "change");
  await commitAll(project);
});

afterAll(async () => {
  await home?.dispose();
  await rm(project, { recursive: true, force: true });
  await rm(reports, { recursive: true, force: true });
});

async function beforeEdit({ name, model, before = [], sample }: NamedEdit): Promise<void> {
  await cp(join(project, "models", model), join(project, "models", name), { recursive: true });
  await replaced(name, before);
  const { operation, path } = editedModels[model];
  const file = join(project, "samples", name, "requests.sample.jsonl");
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, sampleOf(name, editedRequests(model, sample), { operation, path }));
}

async function replaced(name: string, replacements: readonly Replacement[]): Promise<void> {
  for (const [file, what, by] of replacements) {
    const path = join(project, "models", name, file);
    const text = what === "" ? "" : await readFile(path, "utf8");
    if (!text.includes(what)) throw new Error(`${name}/${file} has no ${JSON.stringify(what)}`);
    await writeFile(path, what === "" ? by : text.replace(what, by));
  }
}

async function declare(keysOf: (edit: ProofEdit) => object): Promise<void> {
  const zoo = Object.fromEntries(
    edits.map((edit) => [edit.name, { truss: `models/${edit.name}`, phase: "done", ...keysOf(edit) }]),
  );
  await writeFile(
    join(project, "Pulumi.local.yaml"),
    dump({ config: { "menagerie:nodeClass": "local", "menagerie:zoo": zoo } }),
  );
}

/** Processes of trials of this test's home. */
function ofTrials(): string[] {
  return hostProcesses()
    .map(({ command }) => command)
    .filter((command) => command.includes(join(home.path, "trials")));
}

const trialFolders = () => readdir(join(home.path, "trials")).catch(() => []);

test("two proofs at once do not know of each other; one that is interrupted or killed leaves no process and no folder", async () => {
  const proof = ["prove", "--base", "main", "--head", "change"];
  const started = (): { readonly child: ChildProcess; readonly asking: Promise<void> } => {
    const main = join(project, "src/cli/main.ts");
    const env = { ...process.env, MENAGERIE_HOME: home.path };
    const child = spawn(process.execPath, [main, ...proof], { env, stdio: ["ignore", "ignore", "pipe"] });
    const asking = new Promise<void>((resolve, reject) => {
      let said = "";
      child.stderr.on("data", (piece) => {
        said += piece;
        if (/ready after[\s\S]*ready after/.test(said)) resolve();
      });
      child.once("exit", () => reject(new Error(said.slice(-2_000))));
    });
    return { child, asking };
  };
  const [killed, interrupted] = [started(), started()];
  await Promise.all([killed.asking, interrupted.asking]);
  expect(await trialFolders()).toHaveLength(2);
  const ended = [killed, interrupted].map(({ child }) => once(child, "exit"));
  killed.child.kill("SIGKILL");
  interrupted.child.kill("SIGINT");
  expect((await Promise.all(ended))[1]).toEqual([130, null]);
  await expect.poll(ofTrials).toEqual([]);
  // What the killed one has left, the next one removes.
  const { code } = await home.menagerie([...proof, "--requests", "5"], { interruptAt: /ready after/ });
  expect(code).toBe(130);
  expect([await trialFolders(), ofTrials()]).toEqual([[], []]);
});

test("of forty edits none is missed, and none is told to differ that answers alike", async () => {
  const result = join(reports, "proof.json");
  const markdown = join(reports, "proof.md");
  const started = performance.now();
  const { code, stderr } = await home.menagerie([
    ...["prove", "--base", "main", "--head", "change"],
    ...["--result", result, "--markdown", markdown, "--report", join(reports, "proof.html")],
  ]);
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  expect([code, stderr], stderr.slice(-3_000)).toEqual([3, expect.stringContaining("not proven: ")]);
  const { models } = proofResult.parse(JSON.parse(await readFile(result, "utf8")));
  const said = new Map(models.map(({ name, verdict, because }) => [name, { verdict, because }]));
  const changes = ["differs", "fails"];
  const missed = edits.filter(
    ({ name, verdict }) => changes.includes(verdict) && !changes.includes(said.get(name)?.verdict ?? ""),
  );
  const falseAlarms = edits.filter(
    ({ name, verdict }) => !changes.includes(verdict) && changes.includes(said.get(name)?.verdict ?? ""),
  );
  console.log(
    `${edits.length} edits in ${minutes} min: ${missed.length} missed, ${falseAlarms.length} false alarms`,
    models.map(({ name, verdict, because, old, new: fresh }) => [
      name,
      verdict,
      because[0],
      `${old.startedInMs} ms, ${fresh.startedInMs} ms`,
    ]),
  );
  expect(edits.map(({ name, what }) => [what, said.get(name)?.verdict])).toEqual(
    edits.map(({ what, verdict }) => [what, verdict]),
  );
  const slow = models.find(({ name }) => edits.find((each) => each.name === name)?.what === "a slow loop");
  if (slow) expect(slow.new.latency.p50).toBeGreaterThan((slow.old.latency.p50 ?? 0) + 15);
  const comment = await readFile(markdown, "utf8");
  for (const { name, verdict } of models)
    if (changes.includes(verdict)) expect(comment).toContain(`### ${name}: ${verdict}`);
});
