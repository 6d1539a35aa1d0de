import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readState } from "../../src/local/environmentState.ts";
import { environmentLayout, menagerieCache } from "../../src/local/layout.ts";
import { embeddedTarget } from "../../src/local/target.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { OwnEngine } from "../local/support/ownEngine.ts";

/**
 * Two stacks on one cluster, as docs/scale.md has them, by the real engine: the first with the platform's database and services, the
 * second beside it, and the page's program that reads both. There is one PostgreSQL, so the second has no database.
 */

let home: TestHome;
let shared: string;
let prod: OwnEngine;
let vision: OwnEngine;
let gateway: string;

const model = (name: string, factor: string) => `    ${name}:
      truss: models/multiplier
      phase: done
      resources: { cpu: 500m, memory: 512Mi }
      env: { FACTOR: "${factor}" }
`;
const common = (context: string) => `config:
  menagerie:kubeContext: ${context}
  menagerie:nodeClass: local
  menagerie:serving: { readyTimeoutSeconds: 200, requireApiKey: false }
`;

beforeAll(async () => {
  home = await TestHome.create(await copyOfCheckout());
  shared = await mkdtemp(join(tmpdir(), "menagerie-stacks-"));
  await mkdir(join(shared, "backend"));
  const { code, stderr } = await home.menagerie(["up", "--no-program"]);
  if (code !== 0) throw new Error(stderr);
  const layout = environmentLayout("local", home.path);
  const state = await readState(layout);
  if (!state) throw new Error("the environment keeps no state");
  const { gatewayUrl, apiUrl, databaseServer } = embeddedTarget(layout, state);
  gateway = gatewayUrl;
  const env = {
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    PULUMI_BACKEND_URL: `file://${join(shared, "backend")}`,
    MENAGERIE_IMAGE_STORE: layout.images,
    MENAGERIE_CACHE: menagerieCache(),
  };
  const options = { trace: false, env };
  vision = await OwnEngine.create(home, ["prod-vision"], options);
  const database = {
    MENAGERIE_DATABASE_URL: databaseServer?.url ?? "",
    MENAGERIE_DATABASE_ADDRESS: databaseServer?.address ?? "",
    MENAGERIE_API_URL: apiUrl ?? "",
  };
  prod = await OwnEngine.create(home, ["prod"], { ...options, env: { ...env, ...database } });
  const stack = (name: string, text: string) => writeFile(join(home.project, `Pulumi.${name}.yaml`), text);
  await stack(
    "prod",
    `${common("prod")}  menagerie:gateway: { url: "${gateway}" }
  menagerie:namespace: zoo
  menagerie:dynamicSettings: { createNamespace: true }
  menagerie:pools: { a10g: { gpu: { kind: a10g, perNode: 1 }, replicas: 1 } }
  menagerie:zoo:
${model("multiplier", "2")}`,
  );
  await stack(
    "prod-vision",
    `${common("prod-vision")}  menagerie:gateway: { url: "${gateway}" }
  menagerie:namespace: zoo-vision
  menagerie:dynamicSettings: { namespace: vision, createNamespace: true }
  menagerie:pools: { vision-a10g: { gpu: { kind: a10g, perNode: 1 }, replicas: 1 } }
  menagerie:zoo:
${model("multiplier", "3")}${model("brightness", "4")}`,
  );
});

afterAll(async () => {
  await prod?.dispose();
  await vision?.dispose();
  await home.dispose();
  await rm(home.project, { recursive: true, force: true });
  await rm(shared, { recursive: true, force: true });
});

async function succeed(engine: OwnEngine, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await engine.run(args);
  expect(code, stdout + stderr).toBe(0);
  return stdout;
}

async function answer(namespace: string, name: string): Promise<unknown> {
  const response = await fetch(`${gateway}/serving/${namespace}/${name}/v1/models/model:predict`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"values": ["1.5"]}',
  });
  return response.ok ? ((await response.json()) as { results: unknown }).results : response.status;
}

const answers = async () => [
  await answer("zoo", "multiplier"),
  await answer("zoo-vision", "multiplier"),
  await answer("zoo-vision", "brightness"),
];

test("both are deployed, serve a model of one name each, and neither changes what the other made", async () => {
  for (const [engine, name] of [
    [prod, "prod"],
    [vision, "prod-vision"],
  ] as const) {
    await succeed(engine, "stack", "init", name);
    await succeed(engine, "up", "-s", name, "--yes", "--skip-preview", "--suppress-outputs");
  }
  await vi.waitFor(async () => expect(await answers()).toEqual([[3], [4.5], [6]]), { timeout: 60_000, interval: 500 });
  await succeed(prod, "preview", "-s", "prod", "--refresh", "--expect-no-changes");
  await succeed(vision, "preview", "-s", "prod-vision", "--refresh", "--expect-no-changes");
});

test("the page's program reads the models of both, and makes nothing of theirs", async () => {
  const page = await readFile(join(home.project, "docs/scale.md"), "utf8");
  const [, program = ""] = /```ts\n(.*?)```/s.exec(page) ?? [];
  expect(program).toContain("StackReference");
  const folder = join(shared, "all");
  await mkdir(folder);
  await symlink(join(home.project, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "index.ts"), program);
  await writeFile(join(folder, "package.json"), '{ "name": "all", "type": "module", "main": "index.ts" }\n');
  await writeFile(
    join(folder, "Pulumi.yaml"),
    "name: all\nruntime: { name: nodejs, options: { typescript: false } }\n",
  );
  await succeed(vision, "-C", folder, "stack", "init", "all");
  const shown = await succeed(vision, "-C", folder, "up", "-s", "all", "--yes", "--skip-preview");
  expect(shown).toMatch(/\+ 1 created/);
  const models = JSON.parse(await succeed(vision, "-C", folder, "stack", "output", "-s", "all", "models", "--json"));
  expect(Object.keys(models).sort()).toEqual(["prod-vision/brightness", "prod-vision/multiplier", "prod/multiplier"]);
});

test("one is taken away, and the other serves on", async () => {
  await succeed(vision, "destroy", "-s", "prod-vision", "--yes", "--skip-preview");
  expect(await answer("zoo", "multiplier")).toEqual([3]);
  await vi.waitFor(async () => expect(await answer("zoo-vision", "multiplier")).toBe(404), {
    timeout: 60_000,
    interval: 500,
  });
  await succeed(prod, "preview", "-s", "prod", "--refresh", "--expect-no-changes");
});
