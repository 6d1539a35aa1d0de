import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readTrims } from "../../../../src/local/toolchain/trimmedModules.ts";
import { applyCuts, verifyOriginal } from "../../../../src/local/toolchain/trims.ts";

const kinds = "go/kubernetes/yaml/v2/kinds.go";
const trimmed = (await readTrims({ name: "kubernetes-provider" })).find(({ files }) =>
  files.some(({ path }) => path === kinds),
);
const file = trimmed?.files.find(({ path }) => path === kinds);
const original = join(moduleCache(), `${trimmed?.module}@${trimmed?.version}`, kinds);

function moduleCache(): string {
  try {
    return execFileSync("go", ["env", "GOMODCACHE"], { encoding: "utf8" }).trim();
  } catch {
    return "/nonexistent";
  }
}

/** Where the provider was built from source, its module is there; where it was downloaded there is nothing to compare. */
describe.skipIf(!existsSync(original))("the provider's registration of kinds, without its switch", () => {
  it("gives every kind of the switch the token that the switch gives it", async () => {
    const bytes = await readFile(original);
    if (!file) throw new Error(`no cuts of ${kinds}`);
    verifyOriginal(bytes, file, "the provider's SDK");
    const register = /case "(\S+)\/(\w+)":\s+var res \S+\s+err := ctx\.RegisterResource\("(\S+)", name, props/g;
    const wanted = [...bytes.toString("utf8").matchAll(register)].map(([, apiVersion, kind, token]) => ({
      apiVersion,
      kind,
      token,
    }));
    expect(wanted.length).toBeGreaterThan(150);

    const code = applyCuts(bytes.toString("utf8"), file, "the provider's SDK");
    const body = code.slice(code.indexOf("func RegisterResource("));
    expect(body.match(/ctx\.RegisterResource\(/g)).toHaveLength(1);
    const format =
      /ctx\.RegisterResource\(fmt\.Sprintf\("(\S+)", apiVersion, kind\), name, props, &res, opts\.\.\.\)/.exec(
        body,
      )?.[1] ?? "";
    const renamed = /if apiVersion == "(\S+)" \{\s+apiVersion = "(\S+)"\s+\}/.exec(body) ?? [];
    const tokens = wanted.map(({ apiVersion, kind }) => ({
      apiVersion,
      kind,
      token: format
        .replace("%s", (apiVersion === renamed[1] ? renamed[2] : apiVersion) ?? "")
        .replace("%s", kind ?? ""),
    }));
    expect(tokens).toEqual(wanted);
    expect(wanted.filter(({ token }) => token?.startsWith("kubernetes:core/v1:"))).toHaveLength(16);
  });
});
