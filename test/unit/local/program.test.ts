import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import manifest from "../../../package.json" with { type: "json" };
import { projectFolder } from "../../../src/local/localStack.ts";
import { programIn } from "../../../src/local/program.ts";
import { readProgramStack } from "../../../src/local/programStackFile.ts";

/** Programs of others, as far as a folder can say whether the engine could run one. */

let folder: string;
const { "@pulumi/kubernetes": kubernetes, "@pulumi/postgresql": postgresql } = manifest.devDependencies;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "menagerie-program-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const project = (yaml: string) => writeFileSync(join(folder, "Pulumi.yaml"), yaml);

function installed(name: string, version: string, exports: object = {}): void {
  const place = join(folder, "node_modules", name);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "package.json"), JSON.stringify({ name, version, ...exports }));
}

function everythingInstalled(): void {
  project("name: my-models\nruntime: nodejs\n");
  installed("@pulumi/pulumi", "3.300.0");
  installed("@pulumi/kubernetes", kubernetes);
  installed("@pulumi/postgresql", postgresql);
  const exports = { ".": "./index.js", "./providers": "./index.js", "./package.json": "./package.json" };
  installed("menagerie", "0.1.0", { exports });
  writeFileSync(join(folder, "node_modules/menagerie/index.js"), "");
}

describe("a folder that --program names", () => {
  it("is a program with its packages", async () => {
    everythingInstalled();
    expect(await programIn(folder)).toEqual({ folder, project: "my-models", stackFiles: folder });
    project("name: my-models\nruntime: { name: nodejs }\nstackConfigDir: stacks\n");
    expect(await programIn(folder)).toMatchObject({ stackFiles: join(folder, "stacks") });
  });

  it.each<[string, () => void, string]>([
    ["that is not there", () => rmSync(folder, { recursive: true }), "there is no such folder"],
    ["without a Pulumi.yaml", () => {}, "it has no Pulumi.yaml that names a project; make one there"],
    ["whose Pulumi.yaml is not YAML", () => project("name: [\n"), "its Pulumi.yaml cannot be read"],
    ["of another runtime", () => project("name: x\nruntime: python\n"), 'the runtime in Pulumi.yaml is "python"'],
    [
      "whose project has the name of the environment's own stack",
      () => project("name: menagerie\nruntime: nodejs\n"),
      "the project is named menagerie, as the environment's own stack is; change `name`",
    ],
    ["without packages", () => project("name: x\nruntime: nodejs\n"), "not installed there; run `npm install` in it"],
    [
      "without the package",
      () => {
        everythingInstalled();
        rmSync(join(folder, "node_modules/menagerie"), { recursive: true });
      },
      "the package menagerie is not installed there; run `npm run pack`",
    ],
    [
      "with a package that was not compiled",
      () => {
        everythingInstalled();
        rmSync(join(folder, "node_modules/menagerie/index.js"));
      },
      "holds no compiled code; pack it with `npm run pack`",
    ],
    [
      "with another provider than the environment's plugin",
      () => {
        everythingInstalled();
        installed("@pulumi/kubernetes", "4.99.0");
      },
      `has @pulumi/kubernetes 4.99.0, and the environment the plugin of ${kubernetes}; run`,
    ],
  ])("%s is refused with what to do", async (_, make, sentence) => {
    make();
    await expect(programIn(folder)).rejects.toThrow(sentence);
  });

  it("that is the checkout is not a program of others", async () => {
    await expect(programIn(projectFolder)).rejects.toThrow("leave --program out");
  });
});

describe("a stack file of a program", () => {
  it("may have keys of any namespace; one without is the project's", () => {
    const text = "encryptionsalt: v1\nconfig:\n  size: 3\n  aws:region: eu-central-1\n";
    expect(readProgramStack(text, "my-models")).toEqual({
      config: { "my-models:size": 3, "aws:region": "eu-central-1" },
      settings: { encryptionsalt: "v1" },
      isReadable: true,
    });
    expect(readProgramStack("", "my-models")).toMatchObject({ config: {}, isReadable: true });
  });

  it.each(["config: [", "- config", "config: 3"])("that is none is not read: %s", (text) => {
    expect(readProgramStack(text, "my-models").isReadable).toBe(false);
  });
});
