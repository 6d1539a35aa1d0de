import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { toolsFolder } from "../../../../src/local/toolchain/fingerprint.ts";
import { tools } from "../../../../src/local/toolchain/tools.ts";
import { readTrims } from "../../../../src/local/toolchain/trimmedModules.ts";

/**
 * Modules that tools have in different versions, and why. All others are compiled by several tools and have one version,
 * so that go's build cache has them once: when a tool's pins move, the others follow (docs/tool-builds.md).
 */
const different: Readonly<Record<string, string>> = {
  "github.com/pulumi/pulumi/sdk/v3": "the provider's release and the last language host that resolves are older",
  "github.com/pulumi/pulumi/pkg/v3": "the provider's release is older",
  "google.golang.org/genproto": "searched for packages that are elsewhere now, compiled by none",
  "go.etcd.io/etcd/api/v3": "etcd has its own version, the control plane a newer client's",
  "go.etcd.io/etcd/client/pkg/v3": "as above",
  "go.etcd.io/etcd/client/v3": "as above",
  "sigs.k8s.io/controller-runtime": "KServe replaces it, the provider uses its client alone",
  "istio.io/api": "KServe's API types know an older Istio",
  "istio.io/client-go": "as above",
  "sigs.k8s.io/gateway-api": "istiod needs the version that it serves",
};

/** Module → version of what a tool's build unpacks: only of those go.sum has the hash of more than a go.mod. */
async function compiledModules(tool: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(toolsFolder, tool, "go.sum"), "utf8").catch(() => "");
  return new Map(
    [...text.matchAll(/^(\S+) (v\S+) h1:/gm)].flatMap(([, module, version]) =>
      module && version && !version.endsWith("/go.mod") ? [[module, version] as const] : [],
    ),
  );
}

describe("pins of the tools", () => {
  it.each(tools.map(({ name }) => name))("of %s are those that its cuts were made for", async (name) => {
    const pinned = await compiledModules(name);
    for (const { module, version } of await readTrims({ name }))
      expect([module, pinned.get(module)]).toEqual([module, version]);
  });

  it("are the same where tools share a module, but for what is known to differ", async () => {
    const versions = new Map<string, Map<string, string[]>>();
    for (const { name } of tools) {
      for (const [module, version] of await compiledModules(name)) {
        const users = versions.get(module) ?? new Map<string, string[]>();
        versions.set(module, users.set(version, [...(users.get(version) ?? []), name]));
      }
    }
    const apart = [...versions]
      .filter(([, users]) => users.size > 1)
      .map(([module, users]) => [module, Object.fromEntries(users)]);
    expect(apart.filter(([module]) => !(String(module) in different))).toEqual([]);
  });

  it("have a list of cuts only where a tool is", async () => {
    const names = new Set(tools.map(({ name }) => name));
    const files = await readdir(toolsFolder, { recursive: true });
    for (const file of files.filter((path) => path.endsWith("trims.yaml"))) expect(names).toContain(file.split("/")[0]);
  });
});
