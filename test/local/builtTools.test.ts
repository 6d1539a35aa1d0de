import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silent } from "../../src/domain/progress.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { ensureToolchain, preparePulumiHome, type Toolchain, versions } from "../../src/local/toolchain/index.ts";

const run = promisify(execFile);
let folder: string;
let bin: Toolchain["bin"];
let pulumi: (...args: readonly string[]) => Promise<{ readonly code: number; readonly said: string }>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trimmed-engine-"));
  const signal = new AbortController().signal;
  const toolchain = await ensureToolchain({ cache: menagerieCache(), progress: silent, signal });
  bin = toolchain.bin;
  const home = await preparePulumiHome(join(folder, "home"), toolchain);
  await writeFile(join(folder, "Pulumi.yaml"), "name: project\nruntime: nodejs\n");
  const env = {
    ...process.env,
    ...home.env,
    PULUMI_BACKEND_URL: `file://${folder}`,
    PULUMI_CONFIG_PASSPHRASE: "secret",
  };
  pulumi = async (...args) => {
    const { stdout, stderr, code } = await run(home.pulumi, args, { cwd: folder, env }).then(
      (done) => ({ ...done, code: 0 }),
      (failed: { stdout: string; stderr: string; code: number }) => failed,
    );
    return { code, said: stdout + stderr };
  };
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("executables say that they are what is pinned", () => {
  it.each([
    ["etcd", `etcd Version: ${versions.etcd}`],
    ["kube-apiserver", `Kubernetes v${versions.kubernetes}`],
    ["kube-controller-manager", `Kubernetes v${versions.kubernetes}`],
    ["kube-scheduler", `Kubernetes v${versions.kubernetes}`],
  ] as const)("%s: %s", async (name, version) => {
    expect((await run(bin[name], ["--version"])).stdout.split("\n")[0]).toBe(version);
  });

  it("pulumi, its language host and its provider", async () => {
    expect(await pulumi("version")).toEqual({ code: 0, said: `v${versions.pulumi}\n` });
    expect((await pulumi("plugin", "ls")).said).toMatch(
      new RegExp(`kubernetes +resource +${versions.kubernetesProvider}`),
    );
  });
});

describe("the engine that this machine built", () => {
  it.each(["s3://bucket", "gs://bucket", "azblob://container"])("says that %s needs the released CLI", async (url) => {
    const { code, said } = await pulumi("login", url);
    expect(said.split("\n").filter((line) => line.includes("released CLI"))).toEqual([
      expect.stringContaining(
        `${url.split(":")[0]}:// backends need Pulumi's released CLI: this one is Menagerie's build`,
      ),
    ]);
    expect(code).not.toBe(0);
  });

  it.each([
    "awskms://alias/key?region=eu-west-1",
    "azurekeyvault://vault.vault.azure.net/keys/key",
    "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k",
    "hashivault://key",
  ])("says that secrets provider %s needs the released CLI", async (url) => {
    const { code, said } = await pulumi("stack", "init", "cloud", "--secrets-provider", url);
    expect(said).toContain(
      `secrets provider ${url.split(":")[0]}:// needs Pulumi's released CLI: this one is Menagerie's build`,
    );
    expect(code).not.toBe(0);
  });

  it("keeps stacks in files, with secrets by passphrase", async () => {
    expect(await pulumi("stack", "init", "plain")).toMatchObject({ code: 0 });
    expect(await pulumi("config", "set", "--secret", "password", "correct horse")).toMatchObject({ code: 0 });
    expect(await pulumi("config", "get", "password")).toEqual({ code: 0, said: "correct horse\n" });
    expect((await pulumi("stack", "ls")).said).toContain("plain");
    expect(await pulumi("stack", "rm", "plain", "--yes")).toMatchObject({ code: 0 });
  });
});
