import { describe, expect, it } from "vitest";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { checkCluster, neededApis } from "../../../src/plan/cluster.ts";

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
const without =
  (...missing: string[]) =>
  async () =>
    new Set(
      neededApis(everything)
        .map(({ api }) => api)
        .filter((api) => !missing.includes(api)),
    );

describe("what a cluster must serve", () => {
  it("is what the stack declares, and no more", () => {
    expect(neededApis(spec({}))).toEqual([]);
    expect(neededApis(spec({ zoo: iris })).map(({ api }) => api)).toEqual([
      "serving.kserve.io/v1beta1",
      "networking.istio.io/v1",
    ]);
    expect(neededApis(everything)).toHaveLength(8);
  });

  it("is there, and nobody hears of it", async () => {
    expect(await checkCluster(everything, { preview: true, servedApis: without() })).toBeUndefined();
  });

  it("is told with every API that is missing, the key that asks for it and what helps", async () => {
    const missing = [
      "serving.knative.dev/v1",
      "postgres-operator.crunchydata.com/v1beta1",
      "karpenter.k8s.aws/v1",
      "tekton.dev/v1",
    ];
    await expect(checkCluster(everything, { preview: true, servedApis: without(...missing) })).rejects.toThrow(
      [
        "menagerie:zoo.iris: the cluster does not serve serving.knative.dev/v1; install Knative Serving, or say mode: Standard",
        "menagerie:pools.t4: the cluster does not serve karpenter.k8s.aws/v1; install Karpenter 1 with its AWS provider, or remove the pools and let pods ask for GPUs of nodes that are there",
        "menagerie:builds.kind: the cluster does not serve tekton.dev/v1; install Tekton Pipelines 1, or pin models by their hash",
        "menagerie:postgresCluster: the cluster does not serve postgres-operator.crunchydata.com/v1beta1; install CrunchyData's operator (PGO 5), or use a server that is there by menagerie:database",
      ].join("\n"),
    );
  });

  it("is not known where the cluster does not answer: a preview says so, an `up` fails", async () => {
    const servedApis = () => Promise.reject(new Error("connect ECONNREFUSED"));
    expect(await checkCluster(spec({ zoo: iris }), { preview: true, servedApis })).toBe(
      "not checked whether the cluster serves serving.kserve.io/v1beta1, networking.istio.io/v1: connect ECONNREFUSED",
    );
    await expect(checkCluster(spec({ zoo: iris }), { preview: false, servedApis })).rejects.toThrow(
      "the cluster does not say what it serves: connect ECONNREFUSED",
    );
  });

  it("is brought along by an embedded environment", async () => {
    const local = parseEnvironment({ nodeClass: "local", zoo: iris }, { gatewayUrl: "http://gateway" });
    const servedApis = () => Promise.reject(new Error("nobody asks"));
    expect(await checkCluster(local, { preview: false, servedApis })).toBeUndefined();
  });
});
