import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silent } from "../../src/domain/progress.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { projectFolder } from "../../src/local/localStack.ts";
import { ensureToolchain, preparePulumiHome } from "../../src/local/toolchain/index.ts";

/** The policy pack, run by the pinned engine on previews of small programs, which need no cluster. */

let folder: string;
let pulumi: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-policy-"));
  const { signal } = new AbortController();
  const toolchain = await ensureToolchain({ cache: menagerieCache(), progress: silent, signal });
  const prepared = await preparePulumiHome(join(folder, "home"), toolchain);
  pulumi = prepared.pulumi;
  env = {
    ...process.env,
    ...prepared.env,
    PATH: [dirname(process.execPath), join(projectFolder, "policy/bin"), process.env.PATH].join(":"),
    PULUMI_BACKEND_URL: `file://${join(folder, "backend")}`,
    PULUMI_CONFIG_PASSPHRASE: "correct horse battery staple",
  };
  await mkdir(join(folder, "backend"));
  await symlink(join(projectFolder, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), '{ "name": "small", "type": "module", "main": "index.ts" }\n');
  await writeFile(
    join(folder, "Pulumi.yaml"),
    "name: small\nruntime: { name: nodejs, options: { typescript: false } }\n",
  );
  expect((await run("stack", "init", "small")).code).toBe(0);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function run(...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(pulumi, args, { cwd: folder, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr });
    });
  });
}

/**
 * A preview of a program with one ConfigMap and one Job, with the pack.
 * @param image undefined: one that a preview does not know yet
 */
async function preview(
  image: string | undefined,
  data: Readonly<Record<string, string>>,
  resources: object = { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "64Mi" } },
) {
  const container = JSON.stringify({ name: "job", resources, ...(image === undefined ? {} : { image }) });
  await writeFile(
    join(folder, "index.ts"),
    `import * as kubernetes from "@pulumi/kubernetes";
const provider = new kubernetes.Provider("files", { renderYamlToDirectory: ${JSON.stringify(join(folder, "rendered"))} });
const settings = new kubernetes.core.v1.ConfigMap("settings", { data: ${JSON.stringify(data)} }, { provider });
new kubernetes.batch.v1.Job("job", {
  spec: { template: { spec: { restartPolicy: "Never", containers: [${
    image === undefined ? `{ ...${container}, image: settings.metadata.uid }` : container
  }] } } },
}, { provider });
`,
  );
  return run("preview", "-s", "small", "--policy-pack", join(projectFolder, "policy"));
}

test("a program that breaks rules fails its preview, with each rule, the resource and what to do", async () => {
  const { code, output } = await preview("registry.example.com/job:latest", { DATABASE_PASSWORD: "hunter2" });
  expect(code, output).not.toBe(0);
  expect(output).toMatch(/\[mandatory\]\s+images-by-digest.*job/);
  expect(output).toMatch(/\[mandatory\]\s+no-plain-secrets.*settings/);
  expect(output).toContain("registry.example.com/job:latest");
  expect(output).not.toMatch(/\[mandatory\]\s+resources-set/);
});

test("one that keeps to them passes", async () => {
  const { code, output } = await preview(`registry.example.com/job@sha256:${"0".repeat(64)}`, { LOG_LEVEL: "info" });
  expect(code, output).toBe(0);
  expect(output).not.toContain("[mandatory]");
});

test("what a preview does not know yet is no fault, and hides none", async () => {
  const known = await preview(undefined, { LOG_LEVEL: "info" });
  expect(known.code, known.output).toBe(0);
  expect(known.output).not.toMatch(/can't run policy|\[(mandatory|advisory)\]/);
  const { code, output } = await preview(undefined, { LOG_LEVEL: "info" }, {});
  expect(code, output).not.toBe(0);
  expect(output).toMatch(/\[mandatory\]\s+resources-set.*job/);
});
