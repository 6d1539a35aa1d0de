import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { ServedVersion, type ServedVersionArgs } from "../../../components/servedVersion.ts";
import { SecretValue } from "../../../src/resources/secretValue.ts";
import { ZooMigration } from "../../../src/resources/zooMigration.ts";
import { ZooRollout } from "../../../src/resources/zooRollout.ts";
import { environmentOf } from "../../support/componentEnvironment.ts";
import { irisServing } from "../../support/irisServing.ts";
import { servedPlan } from "../../support/servedPlan.ts";

/** Of the engine's protocol, which comes without types. */
interface AliasMessage {
  getSpec(): { getName(): string } | undefined;
}

/** What a caller gives as options reaches the engine beside what a class adds of its own. */

const register = vi.spyOn(MockMonitor.prototype, "registerResource");

beforeAll(() =>
  pulumi.runtime.setMocks({
    newResource: ({ inputs, name, id }) => ({ id: id || name, state: { ...inputs, revision: "r" } }),
    call: ({ inputs }) => inputs,
  }),
);
afterAll(() => pulumi.runtime.disconnect());

async function requestOf(name: string) {
  return vi.waitFor(() => {
    const request = register.mock.calls.map(([each]) => each).find((each) => each.getName() === name);
    if (!request) throw new Error(`${name} is not registered yet`);
    return request;
  });
}

const served = (gpus: number): ServedVersionArgs => ({
  environment: environmentOf(),
  version: servedPlan(2, {
    serving: { ...irisServing, resources: { cpu: "1", memory: "1Gi", gpus } },
    takesPlaceOf: "iris-v1",
  }),
  image: { url: "registry/iris", digest: "sha256:0" },
});

it.each([
  [0, ["given"]],
  [1, ["given", "iris-v1"]],
])("a served version with %i GPUs keeps its caller's aliases", async (gpus, names) => {
  const name = `served-${gpus}`;
  new ServedVersion(name, served(gpus), { aliases: [{ name: "given" }] });
  const aliases = (await requestOf(name)).getAliasesList().map((alias: AliasMessage) => alias.getSpec()?.getName());
  expect(aliases).toEqual(names);
});

it.each<[string, (name: string, options: pulumi.CustomResourceOptions) => pulumi.Resource, string]>([
  ["SecretValue", (name, options) => new SecretValue(name, {}, options), "value"],
  ["ZooMigration", (name, options) => new ZooMigration(name, {} as never, options), "targetUrl"],
  ["ZooRollout", (name, options) => new ZooRollout(name, {} as never, options), "targetUrl"],
])("%s adds its secret output to its caller's", async (name, declare, own) => {
  declare(name, { additionalSecretOutputs: ["given"], aliases: [{ name: "before" }] });
  const request = await requestOf(name);
  expect(request.getAdditionalsecretoutputsList()).toEqual(["given", own]);
  expect(request.getAliasesList().map((alias: AliasMessage) => alias.getSpec()?.getName())).toEqual(["before"]);
});
