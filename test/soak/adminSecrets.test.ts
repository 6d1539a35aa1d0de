import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { environmentLayout } from "../../src/local/layout.ts";
import { applyManifest, type Manifest } from "../local/support/manifests.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";

const secretValue = "s3cr3t-Value-4711";

let shared: SharedEnvironment;
let cluster: KubeConfig;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  cluster = shared.kubeConfig();
});

afterAll(() => shared.close());

/** Runs the environment's own engine; what it prints, both streams. */
async function pulumi(...args: string[]): Promise<{ code: number | null; text: string }> {
  const { code, stdout, stderr } = await shared.home.menagerie(["pulumi", "--", ...args]);
  return { code, text: stdout + stderr };
}

describe("a truss that names a secret", () => {
  const keeper = [
    "import hashlib",
    "class Model:",
    "    def __init__(self, **kwargs):",
    '        self._secrets = kwargs["secrets"]',
    "    def predict(self, request):",
    '        return {"sha256": hashlib.sha256(self._secrets["hf_token"].encode()).hexdigest()}',
  ].join("\n");
  const said: string[] = [];

  beforeAll(async () => {
    await mkdir(join(shared.home.project, "models/keeper/model"), { recursive: true });
    await writeFile(
      join(shared.home.project, "models/keeper/config.yaml"),
      "model_name: keeper\nsecrets:\n  hf_token: null\n",
    );
    await writeFile(join(shared.home.project, "models/keeper/model/__init__.py"), "");
    await writeFile(join(shared.home.project, "models/keeper/model/model.py"), keeper);
    const entry = "    keeper: { truss: models/keeper, phase: done, resources: { cpu: 500m, memory: 512Mi } }\n";
    await shared.editStack((text) => text.replace("menagerie:zoo:\n", `menagerie:zoo:\n${entry}`));
  });

  test("that is nowhere fails the preview with its name and the command that sets it", async () => {
    const { code, text } = await pulumi("preview");
    expect(code).not.toBe(0);
    expect(text).toContain(
      'menagerie:zoo.keeper: models/keeper names the secret "hf_token", which Secret "admin-organization-secrets" in namespace "models" does not hold, for it does not exist; set it with `pulumi config set --secret --path \'menagerie:secrets.hf_token\'`',
    );
    expect(text).not.toMatch(/\n\s+at /);
  });

  test("reads the value that was set by that command", async () => {
    const set = await pulumi("config", "set", "--secret", "--path", "menagerie:secrets.hf_token", secretValue);
    expect(set.code, set.text).toBe(0);
    said.push((await pulumi("preview", "--diff")).text);
    const { code, stdout, stderr } = await shared.home.menagerie(["up"]);
    said.push(stdout, stderr);
    expect(code, stdout + stderr).toBe(0);
    const answer = await shared.home.menagerie(["predict", "keeper", "--data", "{}"]);
    expect(JSON.parse(answer.stdout)).toEqual({ sha256: createHash("sha256").update(secretValue).digest("hex") });
  });

  test("prefers nothing else: the Secret of the admin organization serves what the stack does not hold", async () => {
    const unset = await pulumi("config", "rm", "--path", "menagerie:secrets.hf_token");
    expect(unset.code, unset.text).toBe(0);
    const data = { hf_token: Buffer.from("by-hand").toString("base64") };
    const metadata = { name: "admin-organization-secrets", namespace: "models" };
    await applyManifest(cluster, { apiVersion: "v1", kind: "Secret", metadata, data } as Manifest);
    const preview = await pulumi("preview", "--diff");
    said.push(preview.text);
    expect(preview.code, preview.text).toBe(0);
    expect(preview.text).toMatch(/"menagerie-secrets" => "admin-organization-secrets"/);
  });

  test("leaves no value in the clear: not in state, config, logs of the engine or what was printed", async () => {
    const written = environmentLayout("local", shared.home.path);
    for (const value of [secretValue, Buffer.from(secretValue).toString("base64")]) {
      expect(said.join("\n")).not.toContain(value);
      for (const folder of [join(written.root, "pulumi"), written.logs]) {
        const found = execFileSync("sh", ["-c", 'grep -rlF -e "$1" "$2" || true', "sh", value, folder]).toString();
        expect(found).toBe("");
      }
    }
  });
});
