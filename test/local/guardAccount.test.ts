import type { KubeConfig, V1SubjectRulesReviewStatus } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyObjects } from "../../src/adapters/kubernetes/apply.ts";
import { readyPods } from "../../src/adapters/kubernetes/oldVersion.ts";
import { isApiError, request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { applyTraffic, trafficStanding } from "../../src/adapters/kubernetes/traffic.ts";
import type { RouteApi } from "../../src/domain/serving/route.ts";
import { type DividedRoute, renderTraffic } from "../../src/domain/serving/trafficRoute.ts";
import { graphOf } from "../support/stackGraph.ts";
import { type Manifest, namespace } from "./support/manifests.ts";
import { OwnApiServer } from "./support/ownApiServer.ts";

/**
 * What the guard's account may do, asked of a real API server that has every account, role and binding that a stack declares. Both versions of
 * what divides requests: VirtualServices, and HTTPRoutes.
 */

type Method = Parameters<typeof request>[1];

interface Rules extends Manifest {
  readonly rules: readonly object[];
}

const models = "models";
const services = "menagerie";
const entry = { truss: "models/iris", phase: "done", recording: {} };
const zoo = { iris: { ...entry, judge: {} }, my_model: { ...entry, judge: {} }, other: entry };
const crds = [
  "virtualservices.networking.istio.io",
  "envoyfilters.networking.istio.io",
  "httproutes.gateway.networking.k8s.io",
  "inferenceservices.serving.kserve.io",
];

let server: OwnApiServer;
beforeAll(async () => {
  server = await OwnApiServer.start(crds);
});
afterAll(() => server?.stop());

describe.each([
  ["istio", "/apis/networking.istio.io/v1", "virtualservices", "httproutes"],
  ["gateway-api", "/apis/gateway.networking.k8s.io/v1", "httproutes", "virtualservices"],
] as const)("with %s", (api, group, kind, otherKind) => {
  /** Rules that any account has, by namespace, before the stack's are there. */
  let anybodys: ReadonlyMap<string, readonly string[]>;
  let declared: readonly Manifest[];
  let spaces: readonly string[];
  let guard: KubeConfig;
  const collection = `${group}/namespaces/${models}/${kind}`;
  const path = (name: string) => `${collection}/${name}`;

  beforeAll(async () => {
    declared = await accessOf(api);
    const named = declared.flatMap(({ metadata }) => metadata.namespace ?? []);
    spaces = [...new Set(["default", "kube-system", ...named])].sort();
    for (const space of spaces) await applyObjects(server.admin, [namespace(space)], "by-hand");
    await applyObjects(server.admin, [account("stranger")], "by-hand");
    anybodys = await allRules(await server.account(services, "stranger"), spaces);
    const [accounts, others] = [declared.filter(isAccount), declared.filter((each) => !isAccount(each))];
    for (const each of [...accounts, ...others]) await applyObjects(server.admin, [each], "by-hand");
    for (const name of ["iris", "my-model", "other"]) {
      await applyObjects(server.admin, [renderTraffic(row(name, 50), routeOf(name, api)) as Manifest], "by-hand");
    }
    guard = await server.account(services, "guard");
  });

  it("has what is declared in the models' namespace, and what any account has, wherever else", async () => {
    const role = declared.find(({ kind, metadata }) => kind === "Role" && metadata.name === "menagerie-guard") as Rules;
    const rules = role.rules.map((rule) => JSON.stringify(sorted(rule)));
    expect(rules).toHaveLength(2);
    const expected = [...anybodys].map(([space, own]) => [space, [...own, ...(space === models ? rules : [])].sort()]);
    expect(Object.fromEntries(await allRules(guard, spaces))).toEqual(Object.fromEntries(expected));
  });

  it("divides the requests of a model with a judge, and counts pods", async () => {
    const address = { config: guard, namespace: models, name: "iris", api };
    const read = async () => row("iris", 0, 2);
    expect(await applyTraffic(address, read)).toBe(2);
    expect(await trafficStanding(address, await read())).toBe("as written");
    expect(await readyPods(guard, models, "iris-v1")).toBe(0);
  });

  it("does not make one again that somebody deleted", async () => {
    const gone = renderTraffic(row("my-model", 0, 2), routeOf("my-model", api));
    await request(server.admin, "DELETE", path("my-model-traffic"));
    await refused("PATCH", path("my-model-traffic"), gone);
  });

  it.each<[Method, string]>([
    ["GET", collection],
    ["POST", collection],
    ["GET", path("other-traffic")],
    ["PATCH", path("other-traffic")],
    ["PATCH", path("iris")],
    ["PATCH", path("iris-traffic").replace(models, services)],
    ["PUT", path("iris-traffic")],
    ["DELETE", path("iris-traffic")],
    ["DELETE", collection],
    ["PATCH", `${path("iris-traffic")}/status`],
    ["PATCH", path("iris-traffic").replace(group, otherGroup(api)).replace(kind, otherKind)],
    ["PATCH", `/apis/networking.istio.io/v1alpha3/namespaces/${models}/envoyfilters/models-iris-by-header`],
    ...(["GET", "POST", "DELETE"] as const).flatMap((method) =>
      [
        `/api/v1/namespaces/${models}/secrets`,
        `/api/v1/namespaces/${services}/secrets`,
        `/api/v1/namespaces/${models}/configmaps`,
        `/apis/apps/v1/namespaces/${models}/deployments`,
        `/apis/apps/v1/namespaces/${services}/deployments`,
        `/apis/serving.kserve.io/v1beta1/namespaces/${models}/inferenceservices`,
        `/apis/rbac.authorization.k8s.io/v1/namespaces/${models}/roles`,
        `/apis/rbac.authorization.k8s.io/v1/namespaces/${models}/rolebindings`,
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        "/api/v1/namespaces",
        "/api/v1/nodes",
      ].map((collection): [Method, string] => [method, collection]),
    ),
    ["GET", `/api/v1/namespaces/${services}/secrets/guard-database`],
    ["GET", `/api/v1/namespaces/${services}/pods`],
    ["GET", "/api/v1/pods"],
    ["GET", `/api/v1/namespaces/${models}/pods/iris-v1-predictor`],
    ["GET", `/api/v1/namespaces/${models}/pods/iris-v1-predictor/log`],
    ["POST", `/api/v1/namespaces/${models}/pods/iris-v1-predictor/exec`],
    ["POST", `/api/v1/namespaces/${models}/pods`],
    ["DELETE", `/api/v1/namespaces/${models}/pods/iris-v1-predictor`],
    ["PATCH", `/apis/apps/v1/namespaces/${services}/deployments/guard`],
    ["PATCH", `/apis/serving.kserve.io/v1beta1/namespaces/${models}/inferenceservices/iris-v1`],
    ["PATCH", `/apis/rbac.authorization.k8s.io/v1/namespaces/${models}/roles/menagerie-guard`],
    ["PATCH", `/apis/rbac.authorization.k8s.io/v1/namespaces/${models}/rolebindings/menagerie-guard`],
    ["POST", `/api/v1/namespaces/${services}/serviceaccounts/guard/token`],
  ])("may not %s %s", (method, place) => refused(method, place));

  it("may not act as somebody else", async () => {
    const headers = { "impersonate-user": "admin", "impersonate-group": "system:masters" };
    const asked = request(guard, "GET", `/api/v1/namespaces/${models}/pods`, { headers });
    await expect(asked).rejects.toSatisfy(isForbidden);
  });

  async function refused(method: Method, place: string, body: object = {}): Promise<void> {
    const patch = { body, contentType: "application/apply-patch+yaml", query: { fieldManager: "guard", force: true } };
    const options = method === "PATCH" ? patch : method === "POST" || method === "PUT" ? { body } : {};
    await expect(request(guard, method, place, options)).rejects.toSatisfy(isForbidden);
  }
});

const isForbidden = (error: unknown): boolean => isApiError(error, 403);
const isAccount = ({ kind }: Manifest): boolean => kind === "ServiceAccount";
const account = (name: string): Manifest => ({
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name, namespace: services },
});
const otherGroup = (api: RouteApi): string =>
  `/apis/${api === "istio" ? "gateway.networking.k8s.io" : "networking.istio.io"}/v1`;

/** Everything of a stack that gives somebody a right in its cluster. */
async function accessOf(api: RouteApi): Promise<readonly Manifest[]> {
  const gateway = { name: "istio-ingress/models", url: "https://models.test", hosts: ["models.test"], api };
  const { resources } = await graphOf("staging", { config: { gateway, zoo } });
  const objects = Object.values(resources as Readonly<Record<string, Manifest>>);
  return objects.filter((each) => isAccount(each) || each.apiVersion?.startsWith("rbac."));
}

/** What the account may do in each namespace; rules for the whole cluster are among those of each. */
async function allRules(asked: KubeConfig, spaces: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for (const space of spaces) {
    const path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    const body = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectRulesReview", spec: { namespace: space } };
    const { status } = await requestJson<{ status: V1SubjectRulesReviewStatus }>(asked, "POST", path, { body });
    expect(status.incomplete).toBe(false);
    const rules = [...status.resourceRules, ...status.nonResourceRules];
    found.set(space, rules.map((rule) => JSON.stringify(sorted(rule))).sort());
  }
  return found;
}

function sorted(rule: object): object {
  return Object.fromEntries(Object.entries(rule).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function row(model: string, weight: number, generation = 1) {
  const pair = { from: "11", to: "12", hash: "content-1", control: 0, sticky: undefined, changedAt: new Date(0) };
  return { model, generation, weight, ...pair };
}

function routeOf(name: string, api: RouteApi): DividedRoute {
  const side = (number: number) =>
    ({ versionId: `1${number}`, service: `${name}-v${number}`, mode: "Standard", recorded: false }) as const;
  const gateway = { name: "istio-ingress/models", hosts: ["models.test"], api };
  return { name, namespace: models, model: name, kind: "zoo", managedBy: "stack", gateway, old: side(1), new: side(2) };
}
