import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { load } from "js-yaml";

/**
 * GitHub Actions, as far as the project's workflows use it: the `run` steps of a job, as they are written, by the shell that a
 * runner starts, with the variables and files that it gives them. What `uses` names is played; so is `npm ci`, which would empty
 * the packages that checkouts of tests share.
 */

export interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, string | number | boolean>>;
}

export interface Job {
  readonly if?: string;
  readonly needs?: string | readonly string[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

export interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly on: { readonly pull_request?: { readonly "paths-ignore"?: readonly string[] } };
  readonly defaults: { readonly run: { readonly shell: string } };
  readonly jobs: Readonly<Record<string, Job>>;
}

const project = join(import.meta.dirname, "../..");

/** A workflow of the project, by its file's name. */
export async function workflow(file: string): Promise<Workflow> {
  return load(await readFile(join(project, ".github/workflows", file), "utf8")) as Workflow;
}

/** How a job went. */
export interface JobResult {
  readonly failed: boolean;
  readonly outputs: Readonly<Record<string, string>>;
  /** What its steps wrote for people to read. */
  readonly summary: string;
  /** Output of all its steps, failed ones included, by name or id. */
  readonly log: Readonly<Record<string, string>>;
}

export interface Runner {
  /** The checkout, where steps run. */
  readonly workspace: string;
  /** Files that jobs hand to each other. */
  readonly artifacts: string;
  /** What a runner finds under each expression, such as `github.repository`. */
  readonly contexts: Readonly<Record<string, string>>;
  /** Of the machine. */
  readonly env: NodeJS.ProcessEnv;
}

/** Runs the steps of a job. A step that fails ends it, but for those that say they run all the same. */
export async function runJob(job: Job, { workspace, artifacts, contexts, env }: Runner): Promise<JobResult> {
  const files = await mkdtemp(join(artifacts, "..", "runner-"));
  const file = (name: string) => join(files, name);
  for (const name of ["env", "path", "output", "summary"]) await writeFile(file(name), "");
  const known: Record<string, string> = { ...contexts };
  const log: Record<string, string> = {};
  let failed = false;
  for (const step of job.steps) {
    if (failed && !step.if?.includes("!cancelled()")) continue;
    const inputs = evaluated(step.with ?? {}, known);
    if (step.uses?.startsWith("actions/upload-artifact@")) {
      // As the real one does by default, it passes over a file that is missing.
      const path = inputs.path ?? "";
      await copyFile(join(workspace, path), join(artifacts, path)).catch(() => {});
    } else if (step.uses?.startsWith("actions/download-artifact@")) {
      await mkdir(artifacts, { recursive: true });
      for (const name of await readdir(artifacts)) await copyFile(join(artifacts, name), join(workspace, name));
    }
    if (step.run === undefined || step.run.trim() === "npm ci") continue;
    const path = (await readFile(file("path"), "utf8")).split("\n").filter(Boolean).reverse();
    const { code, output } = await shell(step.run, workspace, {
      ...env,
      ...evaluated(job.env ?? {}, known),
      ...assignments(await readFile(file("env"), "utf8")),
      ...evaluated(step.env ?? {}, known),
      PATH: [...path, env.PATH].join(delimiter),
      GITHUB_ENV: file("env"),
      GITHUB_PATH: file("path"),
      GITHUB_OUTPUT: file("output"),
      GITHUB_STEP_SUMMARY: file("summary"),
      RUNNER_TEMP: files,
    });
    log[step.name ?? step.id ?? ""] = output;
    if (code !== 0) failed = true;
    for (const [name, value] of Object.entries(assignments(await readFile(file("output"), "utf8")))) {
      known[`steps.${step.id}.outputs.${name}`] = value;
    }
    await writeFile(file("output"), "");
  }
  const outputs = failed ? {} : evaluated(job.outputs ?? {}, known);
  return { failed, outputs, summary: await readFile(file("summary"), "utf8"), log };
}

/** `shell: bash` of a runner. */
function shell(script: string, cwd: string, env: NodeJS.ProcessEnv): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script], { cwd, env });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
    child.stdin.end();
  });
}

/** Values with their expressions filled in: names of contexts are all that these workflows use. */
function evaluated(
  values: Readonly<Record<string, string | number | boolean>>,
  known: Readonly<Record<string, string>>,
) {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      String(value).replaceAll(/\$\{\{\s*([^}]*?)\s*\}\}/g, (_, name: string) => {
        // The key of a cache, which is played.
        const found = name.startsWith("hashFiles(") ? "0" : known[name];
        if (found === undefined) throw new Error(`no context has ${name}`);
        return found;
      }),
    ]),
  );
}

function assignments(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^([A-Za-z_]\w*)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
}
