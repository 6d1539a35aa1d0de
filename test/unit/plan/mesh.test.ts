import { describe, expect, it } from "vitest";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { checkMesh, type MeshReader, withEmbeddedGateway } from "../../../src/plan/mesh.ts";

const ec2 = {
  kind: "ec2",
  role: "r",
  amiAlias: "al2023@latest",
  subnetSelector: { a: "b" },
  securityGroupSelector: { a: "b" },
};
const image = `r/services@sha256:${"0".repeat(64)}`;
const stack = {
  nodeClass: ec2,
  gateway: { name: "istio-ingress/models" },
  database: { host: "db.example.com" },
  services: { image, apiUrl: "https://api.example.com" },
};
const spec = (mesh?: object) =>
  parseEnvironment({ ...stack, ...(mesh ? { mesh } : {}) }, { gatewayUrl: "https://models" });
const keyCheck = { gatewayPods: { istio: "ingress", app: "gateway" } };

/** A mesh whose gateway's pods carry istio: ingress and app: gateway, and that knows the provider. */
const reader = (changes: Partial<MeshReader> = {}): MeshReader => ({
  countPods: async (namespace, labels) =>
    namespace === "istio-ingress" && labels.istio === "ingress" && labels.app === "gateway" ? 2 : 0,
  meshConfigs: async () => [{ providers: ["menagerie-keys"], trustDomains: ["cluster.local"] }],
  ...changes,
});
const knows = (providers: readonly string[], ...trustDomains: string[]) =>
  reader({ meshConfigs: async () => [{ providers, trustDomains }] });

describe("what recorders are told", () => {
  const recorded = (by: MeshReader) =>
    checkMesh(
      parseEnvironment(
        { ...stack, mesh: { keyCheck }, zoo: { speaker: { truss: "models/speaker", phase: "done", recording: {} } } },
        { gatewayUrl: "https://models" },
      ),
      { preview: false, reader: by },
    );
  const passing = (claimProviders: readonly string[], organizationProviders: readonly string[]) =>
    reader({
      meshConfigs: async () => [
        {
          providers: ["menagerie-keys"],
          trustDomains: ["cluster.local"],
          claimProviders,
          organizationProviders,
        },
      ],
    });
  const own = ["menagerie-keys"];

  it.each<[string, Parameters<typeof passing>]>([
    ["x-menagerie-usage", [["another"], own]],
    ["x-menagerie-organization", [own, ["another"]]],
  ])("and Istio does not pass on, such as %s, is a warning that stops nothing", async (header, providers) => {
    const [warning, ...others] = await recorded(passing(...providers));
    expect(others).toEqual([]);
    expect(warning).toContain(`extension provider "menagerie-keys" of Istio's MeshConfig does not pass ${header} on`);
    expect(await recorded(passing(own, own))).toEqual([]);
  });
});

async function told(mesh: object | undefined, by: MeshReader): Promise<readonly string[]> {
  const previewed = await checkMesh(spec(mesh), { preview: true, reader: by });
  const up = checkMesh(spec(mesh), { preview: false, reader: by });
  if (previewed.length === 0) expect(await up).toEqual([]);
  else await expect(up).rejects.toThrow(previewed.join("\n"));
  return previewed;
}

describe("a mesh that is not as the stack says is told by a preview and refused by an up:", () => {
  it("labels that no pod of the gateway carries, which would let everybody pass", async () => {
    expect(await told({ keyCheck: { gatewayPods: { istio: "ingressgateway" } } }, reader())).toEqual([
      "menagerie:mesh.keyCheck.gatewayPods: {istio: ingressgateway} are labels of no pod in namespace istio-ingress, so no key would be asked for; give those of the gateway's pods (kubectl get pods -n istio-ingress --show-labels)",
    ]);
  });

  it("a provider that Istio does not know, which would let nobody pass", async () => {
    const other = { keyCheck: { ...keyCheck, provider: "keys" } };
    expect(await told(other, knows(["otel", "menagerie-keys"], "cluster.local"))).toEqual([
      'menagerie:mesh.keyCheck.provider: Istio\'s MeshConfig has no extension provider "keys" (it knows otel, menagerie-keys), so the gateway would refuse every request to a model; add it as docs/operations.md says',
    ]);
    expect((await told(other, knows([], "cluster.local")))[0]).toContain("(it has none)");
  });

  it("another trust domain, which would keep the API service from development versions", async () => {
    expect(await told({ trustDomain: "td.example" }, knows([], "mesh.example", "old.example"))).toEqual([
      'menagerie:mesh.trustDomain: "td.example" is not the mesh\'s, so the API service could not reach development versions; use mesh.example or old.example',
    ]);
  });

  it("all of it at once", async () => {
    expect(await told({ trustDomain: "t", keyCheck: { gatewayPods: { a: "b" } } }, knows([], "m"))).toHaveLength(3);
  });
});

describe("nobody hears of a mesh", () => {
  it("that is as the stack says, an alias of its trust domain and one of several revisions included", async () => {
    expect(await told({ keyCheck }, reader())).toEqual([]);
    expect(await told({ trustDomain: "old.example" }, knows([], "mesh.example", "old.example"))).toEqual([]);
    const revisions = reader({
      meshConfigs: async () => [
        { providers: [], trustDomains: ["cluster.local"] },
        { providers: ["menagerie-keys"], trustDomains: ["cluster.local"] },
      ],
    });
    expect(await told({ keyCheck }, revisions)).toEqual([]);
  });

  it("that the stack does not name, or that has no part in it", async () => {
    const nobody = reader({
      countPods: () => Promise.reject(new Error("asked")),
      meshConfigs: () => Promise.reject(new Error("asked")),
    });
    expect(await told(undefined, nobody)).toEqual([]);
  });
});

describe("the gateway of an embedded environment", () => {
  const local = (gatewayPods: object, gateway?: object) =>
    parseEnvironment(
      { nodeClass: "local", mesh: { keyCheck: { gatewayPods } }, ...(gateway ? { gateway } : {}) },
      { gatewayUrl: "http://127.0.0.1:18080" },
    );
  const embedded = withEmbeddedGateway(reader({ countPods: () => Promise.reject(new Error("asked")) }));
  const toldOf = (stack: ReturnType<typeof local>) => checkMesh(stack, { preview: true, reader: embedded });

  it("is known by its labels, in its namespace, although it is not a pod", async () => {
    expect(await toldOf(local({ istio: "ingress" }))).toEqual([]);
    expect(await toldOf(local({ istio: "ingressgateway" }))).toHaveLength(1);
    expect(await toldOf(local({ istio: "ingress", app: "gateway" }))).toHaveLength(1);
    expect(await toldOf(local({ istio: "ingress" }, { name: "istio-ingress/models" }))).toHaveLength(1);
  });
});

it("what may not be read is said, and is no reason to refuse an up", async () => {
  const forbidden = reader({
    countPods: () => Promise.reject(new Error("pods is forbidden")),
    meshConfigs: async () => [],
  });
  for (const preview of [true, false]) {
    expect(await checkMesh(spec({ keyCheck }), { preview, reader: forbidden })).toEqual([
      "not checked whether the gateway has pods that ask for keys, as mesh.keyCheck says: pods is forbidden",
      "not checked whether Istio's MeshConfig agrees with menagerie:mesh: there is no MeshConfig in namespace istio-system",
    ]);
  }
});
