import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { dump } from "js-yaml";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { declaredEnvironment } from "../../../../src/cli/up/declaredEnvironment.ts";
import { type EnvironmentLayout, environmentLayout } from "../../../../src/local/layout.ts";

let home: string;
let layout: EnvironmentLayout;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "declared-"));
  layout = environmentLayout("local", home);
});
afterEach(() => rm(home, { recursive: true, force: true }));

const iris = { truss: "models/iris", phase: "done" };

function declared(text: string): ReturnType<typeof declaredEnvironment> {
  return declaredEnvironment(layout, "embedded", Buffer.from(text));
}

function declare(config: Record<string, unknown>): ReturnType<typeof declaredEnvironment> {
  const prefixed = Object.fromEntries(Object.entries(config).map(([key, value]) => [`menagerie:${key}`, value]));
  return declared(dump({ config: prefixed }));
}

describe("what a stack declares, before anything is brought up", () => {
  it("is what its program will read", async () => {
    const spec = await declare({ nodeClass: "local", zoo: { iris }, builds: { kind: "tekton" } });
    expect(spec.zoo.iris?.truss).toBe("models/iris");
    expect(spec.builds.kind).toBe("tekton");
    expect(spec.database).toBeDefined();
  });

  it("is refused with every mistake at once", async () => {
    const refused = declare({ nodeClass: "local", zoo: { iris: { ...iris, phase: "forwrd" } }, polls: {} });
    await expect(refused).rejects.toMatchObject({ exitCode: 2 });
    await expect(refused).rejects.toThrow(/menagerie:zoo\.iris\.phase: "forwrd" .*\n?.*menagerie:polls/s);
  });

  it("holds secrets that only the environment's passphrase opens, also those that are stored beside it", async () => {
    const secure = { secure: "v1:abcd:efgh" };
    const kept = join(dirname(layout.pulumi.backend), "Pulumi.local.yaml");
    await mkdir(dirname(kept), { recursive: true });
    await writeFile(kept, dump({ config: { "menagerie:secrets": { hf_access_token: secure } } }));
    const spec = await declare({ nodeClass: "local", databasePassword: secure });
    expect(spec.secrets).toEqual(["hf_access_token"]);
    await expect(declare({ nodeClass: "local", secrets: { token: "in the clear" } })).rejects.toThrow(
      "menagerie:secrets.token: holds its value in the clear",
    );
  });

  it("is refused for a secret in the clear, with the command that stores it for this environment", async () => {
    await expect(declare({ nodeClass: "local", databasePassword: "correct-horse" })).rejects.toThrow(
      `set it with \`menagerie pulumi -e ${layout.name} -- config set --secret menagerie:databasePassword\``,
    );
  });

  it("is refused where the file is not YAML", async () => {
    await expect(declared("config: [")).rejects.toThrow(/^Pulumi\.local\.yaml:1:\d+: is not valid YAML/);
  });

  it("is what it was before a value that cannot be decrypted, once that is removed", async () => {
    const kept = join(dirname(layout.pulumi.backend), "Pulumi.local.yaml");
    await mkdir(dirname(kept), { recursive: true });
    const secure = { secure: "v1:abcd:efgh" };
    const stored = { "menagerie:databasePassword": { secure: "v1:junk" }, "menagerie:secrets": { token: secure } };
    await writeFile(kept, dump({ config: stored }));
    const refused = declare({ nodeClass: "local", databasePassword: { secure: "v1:junk" } });
    await expect(refused).rejects.toThrow("menagerie:databasePassword: its encrypted value cannot be decrypted");
    expect((await declare({ nodeClass: "local" })).secrets).toEqual(["token"]);
  });
});
