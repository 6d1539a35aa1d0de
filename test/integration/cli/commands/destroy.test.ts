import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { silent } from "../../../../src/domain/progress.ts";
import { menagerieCache } from "../../../../src/local/layout.ts";
import { ensureToolchain, preparePulumiHome } from "../../../../src/local/toolchain/index.ts";

/** `menagerie destroy` with the real engine, over a state of components: those need neither a cluster nor a plugin. */

const project = join(import.meta.dirname, "../../../..");
const stack = "destroyed";
const stackFile = join(project, `Pulumi.${stack}.yaml`);
const within = 120_000;

let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-destroy-"));
  const toolchain = await ensureToolchain({
    ...{ cache: menagerieCache(), progress: silent, signal: new AbortController().signal },
  });
  const home = await preparePulumiHome(join(folder, "home"), toolchain);
  await mkdir(join(folder, "backend"));
  env = {
    ...process.env,
    ...home.env,
    PATH: [dirname(home.pulumi), process.env.PATH].join(delimiter),
    PULUMI_BACKEND_URL: `file://${folder}/backend`,
    PULUMI_CONFIG_PASSPHRASE: "passphrase",
    PULUMI_OPTION_CONFIG_FILE: undefined,
    PULUMI_STACK: undefined,
    KUBECONFIG: join(folder, "none"),
    NO_COLOR: "1",
  };
  await writeFile(join(folder, "Pulumi.yaml"), "name: menagerie\nruntime: nodejs\n");
  await pulumi(["stack", "init", stack], folder);
  await writeFile(stackFile, await readFile(join(folder, `Pulumi.${stack}.yaml`)));
  const { deployment, version } = JSON.parse((await pulumi(["stack", "export", "-s", stack])).said) as {
    version: number;
    deployment: { manifest: object; secrets_providers?: object };
  };
  const component = (type: string, name: string, rest: object) => ({
    ...{ urn: `urn:pulumi:${stack}::menagerie::${type}::${name}`, custom: false, type },
    ...rest,
  });
  const resources = [
    component("menagerie:zoo:ModelZooEntry", "iris", {}),
    component("menagerie:platform:PlatformDatabase", "platform", { protect: true }),
  ];
  await writeFile(join(folder, "state.json"), JSON.stringify({ version, deployment: { ...deployment, resources } }));
  await pulumi(["stack", "import", "-s", stack, "--file", join(folder, "state.json")]);
}, 1_800_000);

afterAll(async () => {
  await rm(stackFile, { force: true });
  await rm(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number;
  readonly said: string;
}

function run(command: string, args: readonly string[], cwd = project): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, said: `${stdout}${stderr}` }),
    );
  });
}

const destroy = (...args: string[]) =>
  run(process.execPath, [join(project, "src/cli/main.ts"), "destroy", "-s", stack, ...args]);

async function pulumi(args: readonly string[], cwd = project): Promise<Ended> {
  const ended = await run("pulumi", args, cwd);
  if (ended.code !== 0) throw new Error(ended.said);
  return ended;
}

async function resources(): Promise<string[]> {
  const { deployment } = JSON.parse((await pulumi(["stack", "export", "-s", stack])).said) as {
    deployment: { resources?: { type: string; urn: string }[] };
  };
  const own = (deployment.resources ?? []).filter(({ type }) => type !== "pulumi:pulumi:Stack");
  return own.map(({ urn }) => urn.split("::").at(-1) ?? "");
}

it("refuses before the first deletion while something is protected, also where it is agreed to", {
  timeout: within,
}, async () => {
  const { code, said } = await destroy("--yes", stack);
  expect(said).toContain("nothing was deleted");
  expect(said).toContain("1 resource is protected (PlatformDatabase platform)");
  expect(said).toContain(`pulumi state unprotect --all -s ${stack}`);
  expect(code).toBe(3);
  expect(await resources()).toEqual(["iris", "platform"]);
});

it("deletes all of it once nothing is held and the stack's name is repeated, and nothing before", {
  timeout: within,
}, async () => {
  await pulumi(["state", "unprotect", "--all", "--yes", "-s", stack]);
  const unasked = await destroy();
  expect(unasked.said).toContain(`add --yes ${stack}`);
  expect(unasked.code).toBe(3);
  expect((await destroy("--yes", "staging")).code).toBe(2);
  expect(await resources()).toEqual(["iris", "platform"]);
  const destroyed = await destroy("--yes", stack);
  expect(destroyed.code, destroyed.said).toBe(0);
  expect(await resources()).toEqual([]);
  expect((await destroy("--yes", stack)).said).toContain(`stack "${stack}" has no resources`);
});
