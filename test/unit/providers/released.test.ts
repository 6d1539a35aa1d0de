import { createRequire } from "node:module";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import type { dynamic } from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";

/**
 * The engine takes a dynamic resource's code from the state, so what deletes and refreshes a resource is what a released program wrote
 * there: these texts and kinds stay valid as long as a stack may have them.
 */

const project = join(import.meta.dirname, "../../..");
const require = createRequire(join(project, "package.json"));
// The host's working directory is the project's folder.
const inProject = (module: string): unknown =>
  module === "node:path" ? { resolve: (path: string) => join(project, path) } : require(module);

/** What `exports.handler` of the text answers. */
function providerOf(text: string): dynamic.ResourceProvider {
  const exports: { handler?: () => dynamic.ResourceProvider } = {};
  runInNewContext(text, { exports, require: inProject });
  if (!exports.handler) throw new Error(`no handler in ${text}`);
  return exports.handler();
}

const kinds = [
  "checkoutImage",
  "deployment",
  "deploymentIntent",
  "developmentModelVersion",
  "modelReady",
  "modelVersion",
  "patchSync",
  "pipelineRun",
  "platformSchema",
  "predictionTables",
  "releaseRetention",
  "releaseState",
  "secretValue",
  "smokeTest",
  "trussImage",
  "zooMigration",
  "zooRollout",
];

describe.each(kinds)("a state's resource of kind %s", (kind) => {
  it("is handled by the text of 25094bd", async () => {
    const text = `exports.handler = () => require(require("node:path").resolve("src/providers/registry.ts")).delegateOf("${kind}");\n`;
    const provider = providerOf(text);
    expect(await provider.diff?.("1", {}, {})).toEqual({ changes: false, replaces: [] });
    expect(Object.keys(provider).sort()).toEqual(["check", "create", "delete", "diff", "read", "update"]);
  });

  it("is handled by the functions that the texts before it call by name", async () => {
    const registry = 'require(require("node:path").resolve("src/providers/registry.ts"))';
    const calls = ["check", "create", "read", "remove", "update"].map((each) => `${each}: ${registry}.${each}`);
    const diff = `diff: (id, olds, news) => ${registry}.diff("${kind}", id, olds, news)`;
    const provider = providerOf(`exports.handler = () => ({ ${[...calls, diff].join(", ")} });`);
    expect(await provider.diff?.("1", {}, {})).toEqual({ changes: false, replaces: [] });
    expect(Object.values(provider).map((each) => typeof each)).toEqual(Array(6).fill("function"));
  });
});
