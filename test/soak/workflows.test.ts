import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { KubeConfig } from "@kubernetes/client-node";
import { dump, load } from "js-yaml";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { request } from "../../src/adapters/kubernetes/request.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { preparePulumiHome } from "../../src/local/toolchain/index.ts";
import { ToolchainFile } from "../../src/local/toolchainFile.ts";
import { applyManifest } from "../local/support/manifests.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { postgresClusterDefinition } from "../local/support/postgresClusterDefinition.ts";
import { gitIn } from "../support/gitRepository.ts";
import { type JobResult, runJob, workflow } from "../support/workflow.ts";

/**
 * The workflows as they are written, on a copy of the checkout with a changed stack: real repository, engine, policies, API server;
 * GitHub's comments alone are kept in a file.
 */

const run = promisify(execFile);
let home: TestHome;
let folder: string;
let env: NodeJS.ProcessEnv;
let kubeconfig: string;
let cluster: KubeConfig;

const passphrase = "correct horse battery staple";

beforeAll(async () => {
  home = await TestHome.create(await copyOfCheckout());
  folder = await mkdtemp(join(tmpdir(), "menagerie-workflows-"));
  for (const name of ["artifacts", "bin", "backend"]) await mkdir(join(folder, name));
  await writeFile(join(folder, "comments.json"), "[]");
  await copyFile(join(import.meta.dirname, "../support/fakeGh.mjs"), join(folder, "bin/gh"));
  await chmod(join(folder, "bin/gh"), 0o755);
  const { code, stderr } = await home.menagerie(["up", "--no-program"]);
  if (code !== 0) throw new Error(stderr);
  const layout = environmentLayout("local", home.path);
  cluster = kubeConfigOf(layout.kubeconfig);
  await applyManifest(cluster, postgresClusterDefinition());
  const { contexts, ...rest } = load(await readFile(layout.kubeconfig, "utf8")) as { contexts: { context: object }[] };
  const known = ["menagerie-staging", "menagerie-prod"].map((name) => ({ name, context: contexts[0]?.context }));
  kubeconfig = dump({ ...rest, contexts: known, "current-context": "" });
  const toolchain = await new ToolchainFile(layout).readComplete();
  if (!toolchain) throw new Error("the environment's tools have not all arrived");
  const prepared = await preparePulumiHome(join(folder, "home"), toolchain);
  env = {
    ...prepared.env,
    PATH: [join(folder, "bin"), dirname(prepared.pulumi), dirname(process.execPath), process.env.PATH].join(":"),
    HOME: process.env.HOME,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    FAKE_COMMENTS: join(folder, "comments.json"),
  };
  await writeFile(join(home.project, ".gitignore"), "node_modules\n.menagerie-installed\n");
  await git("init", "-q");
  // Each writes its encryption salt into the stack's file, which the team commits.
  for (const stack of ["staging", "prod"]) await pulumi("stack", "init", stack);
  await git("add", "-A");
  await commit();
});

afterAll(async () => {
  await home.dispose();
  await rm(home.project, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
});

const git = (...args: string[]): Promise<string> => gitIn(home.project, ...args);

/** Commits what changed of the files that it knows; steps leave others behind. */
async function commit(): Promise<void> {
  await git("commit", "-qam", "change");
}

/** What the team runs itself, with credentials that may write. */
async function pulumi(...args: string[]): Promise<void> {
  await writeFile(join(folder, "kubeconfig"), kubeconfig);
  const secrets = { PULUMI_BACKEND_URL: `file://${join(folder, "backend")}`, PULUMI_CONFIG_PASSPHRASE: passphrase };
  try {
    await run("pulumi", args, {
      cwd: home.project,
      env: { ...env, ...secrets, KUBECONFIG: join(folder, "kubeconfig") },
      maxBuffer: 2 ** 26,
    });
  } catch (error) {
    // The engine says on standard output what is wrong.
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${stdout}${stderr}`, { cause: error });
  } finally {
    // No other machine has the files of the one that deployed.
    await rm(join(folder, "kubeconfig"));
  }
}

async function start(file: string, name: string, contexts: Readonly<Record<string, string>>): Promise<JobResult> {
  const job = (await workflow(file)).jobs[name];
  if (!job) throw new Error(`${file} has no job ${name}`);
  return runJob(job, {
    workspace: home.project,
    artifacts: join(folder, "artifacts"),
    env,
    contexts: {
      "secrets.PULUMI_BACKEND_URL": `file://${join(folder, "backend")}`,
      "secrets.PULUMI_CONFIG_PASSPHRASE": passphrase,
      "secrets.KUBECONFIG": kubeconfig,
      "github.token": "t",
      "github.repository": "acme/models",
      "github.server_url": "https://github.com",
      "github.run_id": "4711",
      "github.event.pull_request.number": "7",
      ...contexts,
    },
  });
}

/** A push to the pull request: its stacks, whether all of their previews passed, and the comments that it has then. */
async function push(base: string): Promise<{ names: string[]; passed: boolean; comments: string[] }> {
  const touched = await start("preview.yml", "stacks", { "github.event.pull_request.base.sha": base });
  const json = touched.outputs.names ?? "[]";
  const names = JSON.parse(json) as string[];
  let passed = !touched.failed;
  for (const stack of names) {
    const { failed } = await start("preview.yml", "preview", { "matrix.stack": stack });
    passed &&= !failed;
  }
  const posted = await start("preview.yml", "comment", { "needs.stacks.outputs.names": json });
  expect(posted.failed, JSON.stringify(posted.log)).toBe(false);
  const comments = JSON.parse(await readFile(join(folder, "comments.json"), "utf8")) as { body: string }[];
  return { names, passed, comments: comments.map(({ body }) => body) };
}

const edit = async (file: string, change: (text: string) => string): Promise<void> => {
  const path = join(home.project, file);
  await writeFile(path, change(await readFile(path, "utf8")));
};

test("a pull request gets one comment, by a preview with policies; the next push replaces it, also where its preview fails", async () => {
  const base = await git("rev-parse", "HEAD");
  await edit("Pulumi.staging.yaml", (text) => text.replace('FACTOR: "3"\n  # A tenth', 'FACTOR: "5"\n  # A tenth'));
  await commit();
  const first = await push(base);
  expect(first).toMatchObject({ names: ["staging"], passed: true });
  expect(first.comments).toHaveLength(1);
  expect(first.comments[0]).toMatch(/^<!-- menagerie-preview -->\n## `staging`: \d+ to create\n/);
  expect(first.comments[0]).toContain("All of `menagerie` passed.");
  expect(first.comments[0]).toMatch(
    /### Builds\n\n(.*\n)*- \*\*multiplier\S* from models\/multiplier: new image of content/,
  );
  expect(first.comments[0]).toMatch(/\| t4 \| 0 \| \d \|/);
  expect(first.comments[0]).toContain("- menagerie:mesh.keyCheck.gatewayPods: {istio: ingress} are labels of no pod");

  await edit("Pulumi.staging.yaml", (text) => text.replace("pool: t4", "pool: t5"));
  await commit();
  const second = await push(base);
  expect(second).toMatchObject({ names: ["staging"], passed: false });
  expect(second.comments).toHaveLength(1);
  expect(second.comments[0]).toMatch(
    /## `staging`: failed.*\n\n### The preview failed\n\n`+text\nPulumi\.staging\.yaml:\d+:\d+: menagerie:zoo\.multiplier\.pool: no pool is named "t5"/,
  );

  await git("checkout", "-q", base, "--", "Pulumi.staging.yaml");
  await commit();
  const third = await push(base);
  expect(third).toEqual({
    names: [],
    passed: true,
    comments: ["<!-- menagerie-preview -->\nNo stack is touched any more.\n"],
  });
});

test("drift fails the morning's job and is told in its summary, and nothing is said where all is as declared", async () => {
  await writeFile(
    join(home.project, "Pulumi.prod.yaml"),
    `config:
  menagerie:kubeContext: menagerie-prod
  menagerie:nodeClass: local
  menagerie:namespace: zoo
  menagerie:gateway: { url: "https://models.example.com" }
  menagerie:dynamicSettings: { createNamespace: true }
`,
  );
  await git("rm", "-q", "Pulumi.staging.yaml");
  await commit();
  const { outputs } = await start("drift.yml", "stacks", {});
  expect(outputs.names).toBe('["prod"]');
  await pulumi("up", "-s", "prod", "--yes", "--skip-preview");

  const clean = await start("drift.yml", "drift", { "matrix.stack": "prod" });
  expect(clean.failed, JSON.stringify(clean)).toBe(false);
  expect(clean.summary).not.toContain("### Drift");
  expect(clean.summary).toMatch(
    /^## `prod`: no changes\n[\s\S]*### Objects\n\n```\n\d+ objects? (is|are) as declared\n/,
  );

  const settings = "/api/v1/namespaces/baseten/configmaps/baseten-django-dynamic-settings";
  await request(cluster, "PATCH", settings, {
    contentType: "application/merge-patch+json",
    query: { fieldManager: "kubectl-edit" },
    body: { data: { ratelimitEnabled: "false" } },
  });
  const drifted = await start("drift.yml", "drift", { "matrix.stack": "prod" });
  expect(drifted.failed).toBe(true);
  expect(drifted.summary).toMatch(
    /### Drift\n\n- `core\/v1:ConfigMapPatch` `dynamic-settings`: `data`(, `\w+`)* edited by others/,
  );
  expect(drifted.summary).toMatch(/^ {2}data\.ratelimitEnabled: true → false \(kubectl-edit, /m);
});

test("a deployment deletes what serves or stores once the pull request's list is agreed to, and no more than that", async () => {
  const declare = (namespace: string, settings: object) =>
    writeFile(
      join(home.project, "Pulumi.prod.yaml"),
      dump({
        config: {
          "menagerie:kubeContext": "menagerie-prod",
          "menagerie:namespace": namespace,
          "menagerie:gateway": { url: "https://models.example.com" },
          "menagerie:dynamicSettings": settings,
        },
      }),
    );
  const deploy = (agreed: string) => start("deploy.yml", "deploy", { "inputs.stack": "prod", "inputs.agreed": agreed });
  const isThere = (namespace: string) =>
    request(cluster, "GET", `/api/v1/namespaces/${namespace}`).then(
      async (response) => ((await response.json()) as { status: { phase: string } }).status.phase === "Active",
      () => false,
    );
  await declare("zoo", { createNamespace: true });
  const first = await deploy("");
  expect(first.failed, JSON.stringify(first.log)).toBe(false);

  await declare("zoo", {});
  const { summary } = await start("preview.yml", "preview", { "matrix.stack": "prod" });
  expect(summary).toMatch(/### To agree to\n\n- delete Namespace baseten: everything in it is deleted/);
  const agreed = /`--agreed (\S+)`/.exec(summary)?.[1] ?? "";
  await expect(pulumi("up", "-s", "prod", "--yes", "--skip-preview")).rejects.toThrow(/protected/);

  const unasked = await deploy("");
  expect(unasked.failed).toBe(true);
  expect(unasked.log.up).toContain(`nothing was done; add --yes-delete baseten, or --agreed ${agreed}`);

  // Merged meanwhile.
  await declare("garden", {});
  const more = await deploy(agreed);
  expect(more.failed).toBe(true);
  expect(more.log.up).toMatch(/replace Namespace zoo.*\n(.*\n)*.*the list above has more than what was agreed to/);
  expect([await isThere("baseten"), await isThere("zoo")]).toEqual([true, true]);

  await declare("zoo", {});
  const last = await deploy(agreed);
  expect(last.failed, JSON.stringify(last.log)).toBe(false);
  await expect.poll(() => isThere("baseten"), { timeout: 60_000 }).toBe(false);
  expect(await isThere("zoo")).toBe(true);
});
