import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { stackFileSchema } from "../../../src/config/jsonSchema.ts";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { stackConfig } from "../../../src/config/stackConfig.ts";
import { OperatorError } from "../../../src/domain/errors.ts";

const project = join(import.meta.dirname, "../../..");
const gatewayUrl = "http://127.0.0.1:8080";

interface WrongConfig {
  /** A stack's config as YAML; `nodeClass: EC2` stands for a complete one. */
  readonly config: string;
  readonly says: readonly string[];
}

const ec2 = {
  kind: "ec2",
  role: "node",
  amiAlias: "al2023@v1",
  subnetSelector: { team: "zoo" },
  securityGroupSelector: { team: "zoo" },
};

function readConfig(text: string): Record<string, unknown> {
  const raw = load(text) as Record<string, unknown>;
  return raw.nodeClass === "EC2" ? { ...raw, nodeClass: ec2 } : raw;
}

function issuesOf(raw: unknown, defaults: Parameters<typeof parseEnvironment>[1] = { gatewayUrl }): string[] {
  try {
    parseEnvironment(raw, defaults);
    return [];
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return error.message.split("\n");
  }
}

describe("a wrong config is told the key, the value and what to change", () => {
  const cases = load(readFileSync(join(import.meta.dirname, "wrongConfigs.yaml"), "utf8")) as WrongConfig[];
  it.each(cases.map(({ config, says }) => [config, says] as const))("%s", (config, says) => {
    expect(issuesOf(readConfig(config))).toEqual(says);
  });

  it("a name that no host has room for, in its namespace", () => {
    const file = join(project, "test/fixtures/stack/long-name.yaml");
    const { config } = load(readFileSync(file, "utf8")) as { config: Record<string, string> };
    const name = "a".repeat(40);
    expect(issuesOf(stackConfig(config))).toEqual([
      `menagerie:zoo.${name}: has 40 characters, and a DNS label at most 63: the host "${name}-v99999-predictor-customers-machine-learning-production" would have 95; use at most 8 characters, such as "aaaaaaaa", or shorten menagerie:namespace to at most 5 characters`,
    ]);
  });

  it("covers more than 200 of them", () => {
    expect(cases.length).toBeGreaterThan(200);
    expect(new Set(cases.map(({ config }) => config)).size).toBe(cases.length);
  });

  it("never shows what may be a secret", () => {
    for (const { config } of cases.filter((each) => each.config.includes("hunter2"))) {
      expect(issuesOf(readConfig(config)).join("\n")).not.toContain("hunter2");
    }
  });

  it("secrets in the clear", () => {
    const raw = { secrets: { hf: "hunter2" } };
    expect(issuesOf(raw, { gatewayUrl, secretKeys: ["menagerie:secrets"] })).toEqual([]);
    expect(issuesOf(raw, { gatewayUrl, secretKeys: [] })).toEqual([
      "menagerie:secrets: holds values in the clear; remove them from the file, and set each with `pulumi config set --secret --path 'menagerie:secrets.<name>'`",
    ]);
  });

  it.each(["databaseUrl", "guardUrl"])("the migrations' %s in the clear", (key) => {
    const raw = { migrationTarget: { table: "oracles", [key]: "postgresql://u:hunter2@h/d" } };
    expect(issuesOf(raw, { gatewayUrl, secretKeys: ["menagerie:migrationTarget"] })).toEqual([]);
    expect(issuesOf(raw, { gatewayUrl, secretKeys: [] })).toEqual([
      `menagerie:migrationTarget.${key}: holds a password in the clear; remove it from the file, and set it with \`pulumi config set --secret --path menagerie:migrationTarget.${key}\``,
    ]);
    expect(parseEnvironment(raw, { gatewayUrl })).toMatchObject({ guardsTarget: key === "guardUrl" });
    expect(parseEnvironment(raw, { gatewayUrl }).migrationTarget).not.toHaveProperty(key);
  });

  it("a judge that reverts has no say where the guard has no login with the apps", () => {
    const judged = (migrationTarget: object) => ({
      database: { host: "db" },
      migrationTarget: { table: "apps", ...migrationTarget },
      zoo: {
        m: {
          truss: "models/m",
          phase: "forward",
          from: 3,
          traffic: 1,
          recording: {},
          judge: {},
          apps: { from: 1, to: 2 },
        },
      },
    });
    expect(issuesOf(judged({}), { gatewayUrl })).toEqual([expect.stringContaining("menagerie:zoo.m.judge.action")]);
    expect(issuesOf(judged({ guardUrl: "postgresql://guard@db/app" }), { gatewayUrl })).toEqual([]);
  });

  it("all at once, those of single keys first, and none that only follows from another", () => {
    const model = { truss: "models/m", phase: "done" };
    const zoo = { a: { ...model, phase: "dnoe" }, b: { ...model, pool: "t5" }, c_copy: model };
    expect(issuesOf({ zoo, namespace: "kube-system" })).toEqual([
      'menagerie:zoo.a.phase: "dnoe" is not allowed; did you mean "done"?',
      'menagerie:namespace: "kube-system" belongs to the cluster; use a namespace of its own, such as models',
      'menagerie:zoo.c_copy: names ending in "_copy" are for the copies that a rollout makes; choose another name',
      'menagerie:zoo.b.pool: no pool is named "t5"; use cpu, or declare it under menagerie:pools',
    ]);
    expect(issuesOf({ zoo: { b: { ...model, pool: "t4" } }, pools: { t4: {} } })).toEqual([
      "menagerie:pools.t4.gpu: missing; write {kind: t4, perNode: 1}",
    ]);
  });

  it("without a gateway address anywhere", () => {
    expect(issuesOf({}, {})).toEqual([
      "menagerie:gateway.url: missing; give the address clients use, or run through `menagerie`, which sets MENAGERIE_GATEWAY_URL",
    ]);
  });
});

describe("a right config", () => {
  it.each([
    ["its own key", { services: { apiUrl: "https://api" }, gateway: { url: "https://gateway" } }, "https://api"],
    ["the gateway's key", { gateway: { url: "https://gateway" } }, "https://gateway"],
    ["the shell alone", {}, undefined],
  ])("says where the API service is by %s", (_key, config, declared) => {
    const { services } = parseEnvironment(config, { gatewayUrl });
    expect(services.declaredApiUrl).toBe(declared);
    expect(services.apiUrl).toBe(declared ?? gatewayUrl);
  });

  it("may be empty: everything has a default", () => {
    expect(parseEnvironment({}, { gatewayUrl })).toEqual({
      namespace: "models",
      zoo: {},
      development: {},
      shadows: {},
      pools: {},
      nodeClass: "local",
      gateway: { api: "istio", name: "istio-system/menagerie", hosts: ["*"], url: gatewayUrl, checksKeys: false },
      serving: { mode: "Standard", readyTimeoutSeconds: 600, requireApiKey: true },
      previewDatabase: "required",
      services: { namespace: "menagerie", replicas: 1, apiUrl: gatewayUrl },
      dynamicSettings: {
        namespace: "baseten",
        name: "baseten-django-dynamic-settings",
        createNamespace: false,
        takeover: true,
      },
      ratelimitEnabled: true,
      modelZooDeploymentAutomationEnabled: true,
      secrets: [],
      adminSecrets: "admin-organization-secrets",
      guardsTarget: false,
      builds: {
        kind: "directory",
        namespace: "menagerie-builds",
        layerCache: true,
        timeoutMinutes: 60,
        retries: 0,
        keep: 3,
        resources: { cpu: "500m", memory: "2Gi" },
      },
      versioning: { scheme: "deployment-manager", candidate: false },
      models: {},
    });
  });

  it("gives a model its defaults: one pod, one GPU on a pool that has them, the environment's mode", () => {
    const pools = { t4: { gpu: { kind: "t4", perNode: 1 }, replicas: 1 } };
    const zoo = { m: { truss: "models/m/", phase: "done", pool: "t4" }, n: { truss: "models/n", phase: "off" } };
    const { m, n } = parseEnvironment({ pools, zoo, serving: { mode: "Knative" } }, { gatewayUrl }).zoo;
    expect(m).toEqual({
      truss: "models/m",
      phase: "done",
      pool: "t4",
      mode: "Knative",
      replicas: { min: 1, max: 1 },
      resources: { cpu: "1", memory: "2Gi", gpus: 1 },
      env: {},
      state: false,
      share: 100,
      leave: [],
      paused: false,
      revert: "journaled",
      bake: { minutes: 2880, smoke: true },
    });
    expect(n?.resources.gpus).toBe(0);
  });

  it("scales up from min when only that is given, and from zero to one", () => {
    const model = (min: number) => ({ truss: "models/m", phase: "done", mode: "Knative", replicas: { min } });
    const { zoo } = parseEnvironment({ zoo: { a: model(3), b: model(0) } }, { gatewayUrl });
    expect([zoo.a?.replicas, zoo.b?.replicas]).toEqual([
      { min: 3, max: 3 },
      { min: 0, max: 1 },
    ]);
  });

  it("says when a model in Standard mode sleeps that has no pod that always runs", () => {
    const model = (replicas: object, mode = "Standard") => ({ truss: "models/m", phase: "done", mode, replicas });
    const { zoo } = parseEnvironment(
      {
        zoo: { a: model({ min: 0 }), b: model({ min: 0, max: 3, idleMinutes: 5 }), c: model({ min: 0 }, "Knative") },
      },
      { gatewayUrl },
    );
    expect([zoo.a?.replicas, zoo.b?.replicas, zoo.c?.replicas]).toEqual([
      { min: 0, max: 1, idleMinutes: 15 },
      { min: 0, max: 3, idleMinutes: 5 },
      { min: 0, max: 1 },
    ]);
  });

  it("takes CPU as a number or as text", () => {
    const model = (cpu: unknown) => ({ truss: "models/m", phase: "done", resources: { cpu } });
    const { zoo } = parseEnvironment({ zoo: { a: model(1.5), b: model("500m") } }, { gatewayUrl });
    expect([zoo.a?.resources.cpu, zoo.b?.resources.cpu]).toEqual(["1.5", "500m"]);
  });

  it("prefers its own gateway address to the defaults'", () => {
    const url = "https://models.example.com";
    expect(parseEnvironment({ gateway: { url } }, { gatewayUrl }).gateway.url).toBe(url);
  });

  it("models that are off take no GPU from their pool", () => {
    const pools = { t4: { gpu: { kind: "t4", perNode: 1 }, replicas: 1 } };
    const zoo = {
      a: { truss: "models/a", phase: "done", pool: "t4" },
      b: { truss: "models/b", phase: "off", pool: "t4" },
    };
    expect(issuesOf({ pools, zoo })).toEqual([]);
  });
});

describe("the engine's config", () => {
  it("is text; mappings and lists come as JSON, and keys of other projects are left out", () => {
    const all = {
      "menagerie:zoo": '{"a":{"phase":"off"}}',
      "menagerie:nodeClass": "local",
      "aws:region": "eu-central-1",
    };
    expect(stackConfig(all)).toEqual({ zoo: { a: { phase: "off" } }, nodeClass: "local" });
  });
});

describe("the committed files", () => {
  it("config.schema.json is up to date (node src/config/writeSchema.ts && npm run format)", () => {
    const committed: unknown = JSON.parse(readFileSync(join(project, "src/config/config.schema.json"), "utf8"));
    expect(committed).toEqual(JSON.parse(JSON.stringify(stackFileSchema())));
  });

  it.each(["local", "staging", "prod"])("stack %s is right, names the schema and holds no secret", (stack) => {
    const text = readFileSync(join(project, `Pulumi.${stack}.yaml`), "utf8");
    expect(text.split("\n")[0]).toBe("# yaml-language-server: $schema=src/config/config.schema.json");
    expect(text).not.toMatch(/secure:|encryptionsalt|encryptedkey/);
    const { config } = load(text) as { config: Record<string, string> };
    const raw = Object.fromEntries(
      Object.entries(config).map(([key, value]) => [key.replace(/^menagerie:/, ""), value]),
    );
    expect(issuesOf(raw, stack === "local" ? { gatewayUrl } : {})).toEqual([]);
  });

  it("Pulumi.yaml gives the same defaults as the schema", () => {
    const { config } = load(readFileSync(join(project, "Pulumi.yaml"), "utf8")) as {
      config: Record<string, { default: unknown }>;
    };
    const spec: Record<string, unknown> = { ...parseEnvironment({}, { gatewayUrl }) };
    for (const [key, { default: value }] of Object.entries(config)) {
      expect(spec[key.replace(/^menagerie:/, "")]).toEqual(value);
    }
  });
});

describe("an embedded environment", () => {
  const zoo = { iris: { truss: "models/iris", phase: "done" } };
  const embedded = { gatewayUrl, embedded: true };

  it("has no Knative, whichever key asks for it", () => {
    const says =
      "the embedded environment has no Knative Serving; use Standard, or a cluster that has it (`menagerie up --kubeconfig`)";
    const raw = {
      nodeClass: "local",
      zoo: { ...zoo, m: { ...zoo.iris, mode: "Knative" } },
      serving: { mode: "Knative" },
    };
    expect(issuesOf(raw, embedded)).toEqual([`menagerie:serving.mode: ${says}`, `menagerie:zoo.m.mode: ${says}`]);
    expect(issuesOf(raw)).toEqual([]);
    expect(issuesOf({ nodeClass: "local", zoo, serving: { mode: "Standard" } }, embedded)).toEqual([]);
  });
});
