import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { rules } from "../../../policy/rules/index.ts";
import { type OrderedResource, servicesBeforeTables } from "../../../policy/rules/tablesBeforeServices.ts";
import { withUnknowns } from "../../../policy/rules/values.ts";
import { httpRouteManifest } from "../../../src/domain/serving/httpRoute.ts";
import { virtualServiceManifest } from "../../../src/domain/serving/virtualService.ts";
import { everyRoute } from "../domain/serving/routes.ts";

const digest = `sha256:${"a".repeat(64)}`;
const enough = { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "64Mi" } };
const serviceType = "kubernetes:serving.kserve.io/v1beta1:InferenceService";
const deploymentType = "kubernetes:apps/v1:Deployment";
const configMapType = "kubernetes:core/v1:ConfigMap";
const routeType = "kubernetes:networking.istio.io/v1:VirtualService";
const bindingType = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding";
const roleType = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole";

const service = (container: object, kind = "zoo", maxReplicas = 2) => ({
  metadata: { labels: { "menagerie.dev/kind": kind } },
  spec: { predictor: { maxReplicas, containers: [{ name: "kserve-container", ...container }] } },
});
const deployment = (container: object) => ({
  spec: { template: { spec: { containers: [{ name: "api", ...container }] } } },
});
const route = (prefix: string, rewrite = "/v1/") => ({
  metadata: { labels: { "app.kubernetes.io/component": "model" } },
  spec: { http: [{ match: [{ uri: { prefix } }], rewrite: { uri: rewrite } }] },
});

const recorderType = "pulumi-nodejs:dynamic/menagerie:ModelRecorder";
const recorder = (container: object) => ({
  transformer: { containers: [{ name: "kserve-container", ...container }] },
});
const everyVerb = ["get", "list", "watch", "create", "update", "patch", "delete"];
const namespacedRoleType = "kubernetes:rbac.authorization.k8s.io/v1:Role";
const httpRouteType = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute";
const ingressType = "kubernetes:networking.k8s.io/v1:Ingress";
const toService = (host: string, prefix: string, rewrite?: string) => ({
  spec: {
    http: [
      {
        match: [{ uri: { prefix } }],
        ...(rewrite === undefined ? {} : { rewrite: { uri: rewrite } }),
        route: [{ destination: { host } }],
      },
    ],
  },
});
const toBackend = (name: string, value: string) => ({
  spec: { rules: [{ matches: [{ path: { type: "PathPrefix", value } }], backendRefs: [{ name }] }] },
});
const ingress = (name: string) => ({
  spec: { rules: [{ http: { paths: [{ path: "/", backend: { service: { name } } }] } }] },
});
/** A manifest that was once let through. */
const inCase = (name: string) =>
  load(readFileSync(join(import.meta.dirname, "cases", `${name}.yaml`), "utf8")) as object;

/** For each rule what it catches, with words of the sentence, and what passes. */
const cases: Record<string, { caught: [string, object, string][]; passes: [string, object][] }> = {
  "images-by-digest": {
    caught: [
      [serviceType, service({ image: "registry/iris:latest" }), 'image "registry/iris:latest" has no digest'],
      [deploymentType, deployment({ image: `registry/api@${digest}0` }), "container api"],
      [recorderType, recorder({ image: "registry/services:latest" }), "container kserve-container"],
    ],
    passes: [[serviceType, service({ image: `registry/iris@${digest}` })]],
  },
  "one-development-replica": {
    caught: [[serviceType, service({}, "development", 2), "maxReplicas is 2"]],
    passes: [
      [serviceType, service({}, "development", 1)],
      [serviceType, service({}, "zoo", 8)],
    ],
  },
  "resources-set": {
    caught: [
      [serviceType, service({}), "resources.requests.cpu is not set"],
      [deploymentType, deployment({ resources: { requests: enough.requests } }), "resources.limits.memory is not set"],
    ],
    passes: [[deploymentType, deployment({ resources: enough })]],
  },
  "no-control-route": {
    caught: [
      [routeType, route("/serving/models/iris/"), "use a prefix /serving/<namespace>/<model>/v1/"],
      [routeType, route("/serving/models/iris/control/", "/control/"), "leads to the control server"],
      [routeType, route("/serving/models/iris/v1/", "/"), 'rewrites to "/"'],
      [routeType, route("/serving/models/iris/v1/", "/v1/../control/"), "leads to the control server"],
      [routeType, route("/serving/models/iris/v1/", "/metrics"), 'rewrites to "/metrics"'],
      [routeType, route("/serving/models/iris/openai/"), "use a prefix"],
      [routeType, route("/serving/models/iris/generate"), "use a prefix"],
      [routeType, route("/serving/models/iris/METRICS/"), "use a prefix"],
      [routeType, { ...route(""), spec: { http: [{ route: [] }] } }, "matches every path"],
      // Without the label: by where it leads.
      [routeType, inCase("route-to-root"), 'matches {"prefix":"/"}; use a prefix /serving/<namespace>/<model>/v1/'],
      [routeType, toService("iris-v1-transformer.models", "/x"), "use a prefix"],
      [routeType, toService("iris-v1-predictor-00001-private", "/x"), "use a prefix"],
      [
        routeType,
        { spec: { tcp: [{ route: [{ destination: { host: "iris-v1-predictor" } }] }] } },
        "leads to a model as a whole",
      ],
      [routeType, toService("anything", "/%63ontrol/"), "leads to the control server"],
      [httpRouteType, toBackend("iris-v1-predictor", "/"), "use a prefix"],
      [httpRouteType, { spec: { rules: [{ backendRefs: [{ name: "iris-v1-predictor" }] }] } }, "matches every path"],
      [ingressType, ingress("iris-v1-predictor"), "an Ingress leads to a model"],
    ],
    passes: [
      [routeType, route("/serving/models/iris/v1/")],
      [routeType, route("/serving/models/iris/v2/", "/v2/")],
      [routeType, route("/serving/models/iris/openai/v1/", "/development/7/openai/v1/")],
      [routeType, route("/serving/models/iris/controlnet/", "/controlnet/")],
      [httpRouteType, toBackend("iris-v1-predictor", "/serving/models/iris/api/")],
      [routeType, toService("api.menagerie.svc.cluster.local", "/")],
      [routeType, toService("iris-v1-predictor.models.svc.cluster.local", "/serving/models/iris/v1/", "/v1/")],
      [httpRouteType, toBackend("api", "/")],
      [ingressType, ingress("api")],
    ],
  },
  "no-cluster-admin": {
    caught: [
      [bindingType, { roleRef: { kind: "ClusterRole", name: "cluster-admin" } }, "binds cluster-admin"],
      [roleType, { rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }] }, "every verb on every resource"],
      [roleType, inCase("every-verb"), "rules[0]: allows every verb on pods, secrets, deployments, jobs"],
      [roleType, { rules: [{ resources: ["pods"], verbs: ["*"] }] }, "every verb on pods in every namespace"],
      [namespacedRoleType, { rules: [{ resources: ["*"], verbs: everyVerb }] }, "every verb on every resource"],
      [roleType, { rules: [{ resources: ["clusterroles"], verbs: ["escalate"] }] }, "allows escalate on clusterroles"],
    ],
    passes: [
      [roleType, { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] }],
      [namespacedRoleType, { rules: [{ resources: ["inferenceservices"], verbs: everyVerb }] }],
      [roleType, { rules: [{ resources: ["pods"], verbs: everyVerb.filter((verb) => verb !== "delete") }] }],
    ],
  },
  "no-plain-secrets": {
    caught: [
      [deploymentType, deployment({ env: [{ name: "HF_TOKEN", value: "hf_abc" }] }), "variable HF_TOKEN"],
      [deploymentType, deployment({ env: [{ name: "DATABASE", value: "postgresql://me:pw@host/db" }] }), "DATABASE"],
      [configMapType, { data: { apiKey: "abc" } }, "data.apiKey holds a secret"],
      ...["AWS_SECRET_ACCESS_KEY", "GITHUB_PAT", "hfToken", "aws-secret-key"].map((key): [string, object, string] => [
        configMapType,
        inCase("hidden-secrets"),
        `data.${key} holds a secret`,
      ]),
      [configMapType, { data: { ".env": "FACTOR=3\nHF_TOKEN=hf_abc\n" } }, "data..env: HF_TOKEN holds a secret"],
      [configMapType, { binaryData: { x: Buffer.from("password: pw").toString("base64") } }, "data.x: password holds"],
      [deploymentType, deployment({ args: ["--api-key=abc"] }), "container api: argument api-key holds a secret"],
      [deploymentType, deployment({ command: ["run", "--token", "abc"] }), "container api: argument token holds"],
      [
        serviceType,
        { spec: { predictor: { model: { env: [{ name: "HF_TOKEN", value: "hf_abc" }] } } } },
        "container model: variable HF_TOKEN",
      ],
      [
        "kubernetes:tekton.dev/v1:PipelineRun",
        { spec: { params: [{ name: "git-token", value: "abc" }] } },
        "parameter git-token holds a secret",
      ],
      [
        configMapType,
        { metadata: { annotations: { "example.com/applied": `{"token":"ghp_${"0".repeat(36)}"}` } } },
        "annotation example.com/applied holds a secret",
      ],
    ],
    passes: [
      [configMapType, { data: { FACTOR: "3", tokenizer: "models/tokenizer.json", secretary: "Ada" } }],
      [deploymentType, deployment({ args: ["--max-tokens=4096", "--tokenizer", "x", "--token-file", "/run/token"] })],
      [
        deploymentType,
        deployment({ env: [{ name: "HF_TOKEN", valueFrom: { secretKeyRef: { key: "a", name: "b" } } }] }),
      ],
      [deploymentType, deployment({ env: [{ name: "URL", value: "postgresql://host/db" }] })],
      [configMapType, { data: { ratelimitEnabled: "true" } }],
    ],
  },
};

it("every rule has cases", () => {
  expect(rules.map(({ name }) => name).sort()).toEqual(Object.keys(cases).sort());
});

describe.each(rules.map((rule) => [rule.name, rule] as const))("%s", (name, rule) => {
  it.each(cases[name]?.caught ?? [])("catches in %s %j: %s", (type, inputs, words) => {
    const sentences = rule.violations({ type, name: "it", inputs: { ...inputs } });
    expect(sentences.join("\n")).toContain(words);
  });

  it.each(cases[name]?.passes ?? [])("passes %s %j", (type, inputs) => {
    expect(rule.violations({ type, name: "it", inputs: { ...inputs } })).toEqual([]);
  });

  it("tells no secret's value", () => {
    const inputs = deployment({
      env: [{ name: "HF_TOKEN", value: "hf_abc" }],
      image: `x@${digest}`,
      resources: enough,
    });
    expect(rule.violations({ type: deploymentType, name: "it", inputs }).join()).not.toContain("hf_abc");
  });
});

describe("what a preview does not know yet", () => {
  // As the SDK gives it to a rule: reading it throws.
  const proxied = createRequire(import.meta.url)("@pulumi/policy/proxy.js") as {
    unknownCheckingProxy: (inputs: object) => object;
    unknownStringValue: string;
    unknownArrayValue: string;
    unknownNumberValue: string;
  };
  const previewed = (inputs: object) => withUnknowns(proxied.unknownCheckingProxy(inputs)) as Record<string, unknown>;
  const image = proxied.unknownStringValue;
  const broken = (type: string, inputs: object) =>
    rules.flatMap((rule) => rule.violations({ type, name: "it", inputs: previewed(inputs) }).map(() => rule.name));

  it("is found no fault with", () => {
    expect(broken(serviceType, service({ image, resources: enough }))).toEqual([]);
    expect(broken(serviceType, service({ image, resources: proxied.unknownStringValue }))).toEqual([]);
    const replicas = proxied.unknownNumberValue as unknown as number;
    expect(broken(serviceType, service({ image, resources: enough }, "development", replicas))).toEqual([]);
    expect(broken(routeType, route(proxied.unknownStringValue))).toEqual([]);
    const unmatched = { ...route(""), spec: { http: [{ match: proxied.unknownArrayValue }] } };
    expect(broken(routeType, unmatched)).toEqual([]);
    expect(broken(configMapType, { data: { apiKey: proxied.unknownStringValue } })).toEqual([]);
  });

  it("keeps no rule from the rest of the resource", () => {
    const env = [{ name: "HF_TOKEN", value: "hf_abc" }];
    expect(new Set(broken(serviceType, service({ image, env })))).toEqual(
      new Set(["resources-set", "no-plain-secrets"]),
    );
    const containers = [
      { name: "a", image, resources: enough },
      { name: "b", image: "r/b:latest", resources: enough },
    ];
    expect(broken(deploymentType, { spec: { template: { spec: { containers } } } })).toEqual(["images-by-digest"]);
    expect(broken(configMapType, { data: { a: proxied.unknownStringValue, apiKey: "abc" } })).toEqual([
      "no-plain-secrets",
    ]);
  });
});

describe("tables-before-services", () => {
  const tables = {
    urn: "tables",
    type: "pulumi-nodejs:dynamic/menagerie:PlatformSchema",
    name: "platform",
    waitsFor: [],
  };
  const api = (...waitsFor: string[]): OrderedResource => ({ urn: "api", type: deploymentType, name: "api", waitsFor });

  it("catches a Deployment that would start before the migrations ran", () => {
    expect(servicesBeforeTables([tables, api()]).get("api")).toContain("api does not wait for the platform's tables");
  });

  it("passes one that waits, be it through its component or its Secret, and stacks without a database", () => {
    const secret = { urn: "secret", type: "kubernetes:core/v1:Secret", name: "database", waitsFor: ["tables"] };
    expect(servicesBeforeTables([tables, secret, api("secret")])).toEqual(new Map());
    expect(servicesBeforeTables([api()])).toEqual(new Map());
  });
});

/** Pulumi's mark of a secret value in a serialized graph. */
const secretMark = "4dabf18193072939515e22adb298388d";

function shown(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(shown);
  if (secretMark in value) return shown((value as { value?: unknown }).value);
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, shown(of)]));
}

it.each(Object.entries(everyRoute({ name: "istio-ingress/models", hosts: ["*"] })))(
  "the route of %s breaks no rule as an object of either kind",
  (name, each) => {
    for (const [type, { metadata, spec }] of [
      [routeType, virtualServiceManifest(each)],
      [httpRouteType, httpRouteManifest(each)],
    ] as const) {
      const inputs = { metadata, spec };
      expect(rules.flatMap((rule) => rule.violations({ type, name, inputs }))).toEqual([]);
    }
  },
);

describe.each(["local", "staging", "prod"])("the committed stack %s", (stack) => {
  it("breaks no rule", () => {
    const file = join(import.meta.dirname, "../../golden", `${stack}.json`);
    const { resources } = JSON.parse(readFileSync(file, "utf8")) as { resources: Record<string, object> };
    const broken = Object.entries(resources).flatMap(([key, inputs]) => {
      const [type = "", ...name] = key.split(" ");
      const resource = { type, name: name.join(" "), inputs: shown(inputs) as Record<string, unknown> };
      return rules.flatMap((rule) => rule.violations(resource).map((sentence) => `${key}: ${rule.name}: ${sentence}`));
    });
    expect(Object.keys(resources).length).toBeGreaterThan(50);
    expect(broken).toEqual([]);
  });
});
