import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseGates } from "../../../src/adapters/kubernetes/karpenterGates.ts";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { type ClusterReader, checkCluster, neededApis, refuseUnserved } from "../../../src/plan/cluster.ts";
import { configOf } from "../../support/stackGraph.ts";

const ec2 = {
  kind: "ec2",
  role: "r",
  amiAlias: "al2023@latest",
  subnetSelector: { a: "b" },
  securityGroupSelector: { a: "b" },
};
const spec = (raw: object) => parseEnvironment({ nodeClass: ec2, ...raw }, { gatewayUrl: "https://models" });
const iris = { iris: { truss: "models/iris", phase: "done" } };
const everything = spec({
  zoo: { iris: { ...iris.iris, mode: "Knative" } },
  mesh: {},
  pools: { t4: { gpu: { kind: "t4", perNode: 1 }, limits: { gpus: 1 }, instanceTypes: ["g4dn.xlarge"] } },
  postgresCluster: { storage: "1Gi" },
  builds: { kind: "tekton", repository: "r.example/models", image: `r.example/buildkit@sha256:${"0".repeat(64)}` },
  services: { image: `r/services@sha256:${"0".repeat(64)}` },
});
const without = (...missing: string[]) => {
  const served = neededApis(everything).flatMap(({ api }) => (missing.includes(api) ? [] : [api]));
  return reading(async () => new Set(served));
};
const reading = (
  servedApis: ClusterReader["servedApis"],
  karpenterGates: ClusterReader["karpenterGates"] = () => Promise.reject(new Error("nobody asks")),
): ClusterReader => ({ servedApis, karpenterGates });

describe("what a cluster must serve", () => {
  it("is what the stack declares, and no more", () => {
    expect(neededApis(spec({}))).toEqual([]);
    expect(neededApis(spec({ zoo: iris })).map(({ api }) => api)).toEqual([
      "serving.kserve.io/v1beta1",
      "networking.istio.io/v1",
    ]);
    expect(neededApis(everything)).toHaveLength(8);
    expect(neededApis(spec({ zoo: iris, gateway: { api: "gateway-api" } })).map(({ api }) => api)).toEqual([
      "serving.kserve.io/v1beta1",
      "gateway.networking.k8s.io/v1",
    ]);
    const keyCheck = spec({
      mesh: { keyCheck: { gatewayPods: { istio: "ingress" } } },
      database: { host: "db.example.com" },
      services: { image: `r/services@sha256:${"0".repeat(64)}` },
    });
    expect(neededApis(keyCheck).map(({ api }) => api)).toEqual([
      "networking.istio.io/v1",
      "security.istio.io/v1",
      "networking.istio.io/v1alpha3",
    ]);
  });

  it("has the provider of Karpenter whose nodes the stack asks for", () => {
    const pools = { t4: { gpu: { kind: "t4", perNode: 1 }, limits: { gpus: 1 } } };
    expect(neededApis(spec({ pools, nodeClass: "kwok" })).map(({ api }) => api)).toEqual([
      "karpenter.sh/v1",
      "karpenter.kwok.sh/v1alpha1",
    ]);
  });

  it.each(["local", "staging", "prod"])(
    "is what the objects of %s are written in, besides what Kubernetes has",
    (stack) => {
      const project = join(import.meta.dirname, "../../..");
      const yaml = readFileSync(join(project, `Pulumi.${stack}.yaml`), "utf8");
      const { resources } = JSON.parse(readFileSync(join(project, `test/golden/${stack}.json`), "utf8")) as {
        resources: object;
      };
      const declared = Object.keys(resources).flatMap((key) => /^kubernetes:([^:]*\.[^:]*):/.exec(key)?.[1] ?? []);
      const own = ["rbac.authorization.k8s.io/v1", "networking.k8s.io/v1", "scheduling.k8s.io/v1"];
      const database = stack === "local" ? "postgres:5432" : undefined;
      const needed = neededApis(
        parseEnvironment(configOf(yaml), { gatewayUrl: "http://gateway", databaseAddress: database }),
      );
      // KServe declares Knative's objects, and what pods use is only read.
      const unwritten = ["serving.knative.dev/v1", "metrics.k8s.io/v1beta1"];
      const found = needed.map(({ api }) => api).filter((api) => !unwritten.includes(api));
      expect(found.sort()).toEqual([...new Set(declared)].filter((api) => !own.includes(api)).sort());
    },
  );

  it("is there, and nobody hears of it", async () => {
    expect(await checkCluster(everything, { preview: true, reader: without() })).toEqual([]);
  });

  it("is told with every API that is missing, the key that asks for it and what helps", async () => {
    const missing = [
      "serving.knative.dev/v1",
      "postgres-operator.crunchydata.com/v1beta1",
      "karpenter.k8s.aws/v1",
      "tekton.dev/v1",
    ];
    await expect(checkCluster(everything, { preview: true, reader: without(...missing) })).rejects.toThrow(
      [
        "menagerie:zoo.iris: the cluster does not serve serving.knative.dev/v1; install Knative Serving, or say mode: Standard",
        "menagerie:pools.t4: the cluster does not serve karpenter.k8s.aws/v1; install Karpenter 1 with its AWS provider, or remove the pools and the models that name them",
        "menagerie:builds.kind: the cluster does not serve tekton.dev/v1; install Tekton Pipelines 1, or pin models by their hash",
        "menagerie:postgresCluster: the cluster does not serve postgres-operator.crunchydata.com/v1beta1; install CrunchyData's operator (PGO 5), or use a server that is there by menagerie:database",
      ].join("\n"),
    );
  });

  it("is not known where the cluster does not answer: a preview says so, an `up` fails", async () => {
    const servedApis = () => Promise.reject(new Error("connect ECONNREFUSED"));
    expect(await checkCluster(spec({ zoo: iris }), { preview: true, reader: reading(servedApis) })).toEqual([
      "not checked whether the cluster serves serving.kserve.io/v1beta1, networking.istio.io/v1: connect ECONNREFUSED",
    ]);
    await expect(checkCluster(spec({ zoo: iris }), { preview: false, reader: reading(servedApis) })).rejects.toThrow(
      "the cluster does not say what it serves: connect ECONNREFUSED",
    );
  });

  it("is of pools with local nodes their node class", () => {
    const pools = { t4: { gpu: { kind: "t4", perNode: 1 }, replicas: 1 } };
    const local = parseEnvironment({ nodeClass: "local", pools }, { gatewayUrl: "http://gateway" });
    expect(() => refuseUnserved(local, new Set(["karpenter.sh/v1", "karpenter.k8s.aws/v1"]))).toThrow(
      "menagerie:pools.t4: the cluster does not serve local.menagerie.dev/v1alpha1; apply src/local/node/localnodeclass.crd.yaml, or remove the pools and the models that name them",
    );
  });
});

describe("a model that scales", () => {
  const prometheus = { url: "http://prometheus:9090" };
  const scaling = (target: object | undefined, more: object = {}) =>
    spec({ zoo: { iris: { ...iris.iris, replicas: { max: 4, target }, ...more } }, prometheus });
  const served = ["serving.kserve.io/v1beta1", "networking.istio.io/v1"];
  const checked = (stack: ReturnType<typeof scaling>, apis: readonly string[], isEmbedded = false) =>
    checkCluster(stack, { preview: true, isEmbedded, reader: reading(async () => new Set(apis)) });

  it.each([
    [{ cpu: 70 }, "metrics.k8s.io/v1beta1", "install metrics-server, or use concurrency or rps"],
    [{ rps: 20 }, "keda.sh/v1alpha1", "install KEDA 2, or use cpu"],
    [{ concurrency: 8 }, "keda.sh/v1alpha1", "install KEDA 2, or use cpu"],
  ])("by %j needs an API that measures it, in an embedded environment too", async (target, api, help) => {
    const key = `menagerie:zoo.iris.replicas.target.${Object.keys(target)[0]}`;
    const told = `${key}: the cluster does not serve ${api}; ${help}`;
    await expect(checked(scaling(target), served)).rejects.toThrow(told);
    await expect(checked(scaling(target), [], true)).rejects.toThrow(told);
    expect(await checked(scaling(target), [...served, api])).toEqual([]);
    expect(await checked(scaling(target), [api], true)).toEqual([]);
    expect(neededApis(scaling(target, { phase: "off" })).map((each) => each.api)).not.toContain(api);
  });

  it("by KServe's choice is only warned of, for such stacks were deployed before", async () => {
    expect(await checked(scaling(undefined), served)).toEqual([
      "menagerie:zoo.iris.replicas: nothing scales it, because the cluster does not serve metrics.k8s.io/v1beta1; install metrics-server, or set max to min",
    ]);
    expect(await checked(scaling(undefined), [...served, "metrics.k8s.io/v1beta1"])).toEqual([]);
    expect(await checked(scaling(undefined, { replicas: {} }), served)).toEqual([]);
  });

  it("in Knative mode is measured by Knative", async () => {
    const knative = scaling({ rps: 20 }, { mode: "Knative" });
    expect(await checked(knative, [...served, "serving.knative.dev/v1"])).toEqual([]);
  });
});

describe("a pool with a fixed number of nodes", () => {
  const fixed = spec({
    pools: { t4: { gpu: { kind: "t4", perNode: 1 }, replicas: 2, instanceTypes: ["g4dn.xlarge"] } },
  });
  const warned = (gates: ClusterReader["karpenterGates"]) =>
    checkCluster(fixed, {
      preview: true,
      reader: reading(async () => new Set(neededApis(fixed).map(({ api }) => api)), gates),
    });

  it("needs a feature gate of Karpenter, and how to switch it on is said", async () => {
    expect(await warned(async () => parseGates("StaticCapacity=false,NodeRepair=true"))).toEqual([
      "menagerie:pools.t4.replicas: Karpenter makes no nodes for it, because its feature gate StaticCapacity is off; set settings.featureGates.staticCapacity=true in Karpenter's Helm chart, or use limits instead of replicas",
    ]);
    expect(await warned(async () => parseGates("NodeRepair=false, StaticCapacity=true"))).toEqual([]);
  });

  it("is told of where the gates cannot be read", async () => {
    const [sentence] = await warned(() => Promise.reject(new Error("deployments is forbidden")));
    expect(sentence).toBe(
      "menagerie:pools.t4.replicas: needs Karpenter's feature gate StaticCapacity, which is off by default; not checked: deployments is forbidden",
    );
    expect(await warned(async () => undefined)).toHaveLength(1);
  });
});
