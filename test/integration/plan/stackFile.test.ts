import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { urlOf } from "../../../src/adapters/postgres/server.ts";
import { silent } from "../../../src/domain/progress.ts";
import { menagerieCache } from "../../../src/local/layout.ts";
import { ensureToolchain, preparePulumiHome } from "../../../src/local/toolchain/index.ts";
import { apiServer } from "../../support/apiServer.ts";
import { startPostgres } from "../../support/postgres.ts";

/** The program under the real engine, without a cluster: a bare `pulumi preview`, as with staging and prod. */

const project = join(import.meta.dirname, "../../..");
let folder: string;
let pulumi: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-stack-file-"));
  const toolchain = await ensureToolchain({
    cache: menagerieCache(),
    progress: silent,
    signal: new AbortController().signal,
  });
  const home = await preparePulumiHome(join(folder, "home"), toolchain);
  pulumi = home.pulumi;
  await mkdir(join(folder, "backend"));
  env = {
    ...process.env,
    ...home.env,
    PULUMI_BACKEND_URL: `file://${folder}/backend`,
    PULUMI_CONFIG_PASSPHRASE: "passphrase",
    PULUMI_OPTION_CONFIG_FILE: undefined,
    PULUMI_STACK: undefined,
    KUBECONFIG: join(folder, "none"),
    MENAGERIE_GATEWAY_URL: "http://127.0.0.1:1",
  };
  // `stack init` writes the salt beside the Pulumi.yaml that it finds, and the checkout is not to have it.
  await writeFile(join(folder, "Pulumi.yaml"), "name: menagerie\nruntime: nodejs\n");
  await run(["stack", "init", "tried"], folder);
}, 1_800_000);

afterAll(async () => {
  // The engine writes the salt where it finds no file.
  await rm(join(project, "Pulumi.tried.yaml"), { force: true });
  await rm(folder, { recursive: true, force: true });
});

function run(args: readonly string[], cwd: string): Promise<{ readonly code: number; readonly said: string }> {
  return new Promise((resolve) => {
    execFile(pulumi, [...args, "--non-interactive", "--color=never"], { cwd, env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, said: `${stdout}${stderr}` });
    });
  });
}

/** A preview with `text` as the file that `--config-file` names from the folder that the engine is started in. */
async function preview(text: string, cwd = project) {
  const salt = await readFile(join(folder, "Pulumi.tried.yaml"), "utf8");
  const path = join(folder, "config.yaml");
  await writeFile(path, `${text}\n${salt}`);
  return run(["preview", "--stack", "tried", "--cwd", project, "--config-file", path], cwd);
}

describe("a bare preview", () => {
  it("of a right file passes", async () => {
    const zoo = "  menagerie:zoo:\n    iris: { truss: models/iris, phase: done }";
    const { code, said } = await preview(`config:\n  menagerie:nodeClass: local\n${zoo}`);
    expect(said).toMatch(/iris/);
    expect(code, said).toBe(0);
  });

  it("of routes that its cluster cannot serve is refused with their keys", async () => {
    const group = "/apis/gateway.networking.k8s.io/v1";
    const allowedRoutes = { namespaces: { from: "All" } };
    const cluster = await apiServer({
      "/apis": { groups: [{ versions: [{ groupVersion: "gateway.networking.k8s.io/v1" }] }] },
      [group]: { resources: [] },
      [`${group}/namespaces/istio-system/gateways/menagerie`]: {
        spec: { gatewayClassName: "other", listeners: [{ allowedRoutes }] },
      },
      [`${group}/gatewayclasses/other`]: {
        spec: { controllerName: "example.com/c" },
        status: { supportedFeatures: [{ name: "HTTPRoute" }] },
      },
    });
    await writeFile(env.KUBECONFIG ?? "", cluster.exportConfig());
    const zoo = "  menagerie:zoo: { iris: { truss: models/iris, phase: done } }";
    const { code, said } = await preview(
      `config:\n  menagerie:nodeClass: local\n  menagerie:gateway: { api: gateway-api }\n${zoo}`,
    );
    await rm(env.KUBECONFIG ?? "");
    expect(code).not.toBe(0);
    expect(said).toContain(
      "menagerie:zoo.iris: needs HTTPRoutePathRewrite, which GatewayClass other does not list among its supportedFeatures; use a Gateway of another class, or set menagerie:gateway.api to istio",
    );
  });

  it("refuses a file whose keys have another prefix in one sentence, without a trace", async () => {
    const { code, said } = await preview("config:\n  menagery:nodeClass: local");
    expect(said).toContain('did you mean "menagerie:nodeClass"?');
    expect(said).not.toMatch(/^\s+at /m);
    expect(code).not.toBe(0);
  });

  it("refuses a stack whose file is missing, which the engine takes for an empty one", async () => {
    const { code, said } = await run(["preview", "--stack", "tried"], project);
    expect(said).toContain("Pulumi.tried.yaml: declares nothing");
    expect(code).not.toBe(0);
  });

  it("with targets says that the record of releases is not written", async () => {
    const postgres = await startPostgres();
    env.MENAGERIE_DATABASE_URL = urlOf(postgres.server, postgres.server.maintenanceDatabase);
    try {
      const salt = await readFile(join(folder, "Pulumi.tried.yaml"), "utf8");
      const path = join(folder, "targeted.yaml");
      const database = "menagerie:database: { host: db.example.com, adminUser: admin }";
      await writeFile(path, `config:\n  menagerie:nodeClass: local\n  ${database}\n${salt}`);
      const args = ["preview", "--stack", "tried", "--config-file", path];
      const targeted = await run([...args, "--target", "urn:pulumi:tried::menagerie::any::thing"], project);
      expect(targeted.said).toContain("a run with --target or --exclude does not write the record of releases");
    } finally {
      delete env.MENAGERIE_DATABASE_URL;
      await postgres.stop();
    }
  });

  it("reads the file that is named from the engine's own folder", async () => {
    const salt = await readFile(join(folder, "Pulumi.tried.yaml"), "utf8");
    await writeFile(join(folder, "relative.yaml"), `confg: {}\n${salt}`);
    const named = join("..", "..", "..", "..", "..", "..", "..", folder, "relative.yaml");
    const { said } = await run(["preview", "--stack", "tried", "--config-file", named], join(project, "src", "domain"));
    expect(said).toContain('confg: unknown key; did you mean "config"?');
  });
});
