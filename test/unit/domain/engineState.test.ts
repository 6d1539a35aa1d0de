import { describe, expect, it } from "vitest";
import { kubeContextOf, type StateResource, stateResources } from "../../../src/domain/engineState.ts";

const secret = (rest: object) => ({ "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ...rest });
const role = {
  urn: "urn:r",
  type: "postgresql:index/role:Role",
  inputs: { password: secret({ plaintext: '"open"' }) },
};

describe("resources of a stack's state", () => {
  it.each([
    ["an export", { version: 3, deployment: { resources: [role] } }],
    ["the file backend", { version: 3, checkpoint: { stack: "local", latest: { resources: [role] } } }],
  ])("are those of %s, with secrets as they are asked for", (_, state) => {
    const password = (secrets: Parameters<typeof stateResources>[1]) =>
      stateResources(JSON.stringify(state), secrets)[0]?.inputs?.password;
    expect([password("hidden"), password("plain")]).toEqual(["[secret]", "open"]);
    expect(password("marked")).toEqual(role.inputs.password);
  });

  it.each([
    ["no deployment", { version: 3, deployment: null }],
    ["no resources", { version: 3, deployment: { resources: null } }],
    ["no file", {}],
  ])("are none where there is %s", (_, state) => {
    expect(stateResources(JSON.stringify(state), "hidden")).toEqual([]);
  });

  it.each([
    ["cut off", '{"deployment": {"resou'],
    ["no state", "[]"],
    ["a state of another form", '{"deployment": {"resources": {"a": 1}}}'],
    ["a resource without a type", '{"deployment": {"resources": [{"urn": "urn:a"}]}}'],
  ])("are refused in a sentence for what is %s", (_, text) => {
    expect(() => stateResources(text, "hidden")).toThrow(/^the stack's state is /);
  });
});

describe("the cluster of a state", () => {
  const provider = (name: string, context?: string): StateResource => ({
    urn: `urn:${name}`,
    type: "pulumi:providers:kubernetes",
    id: "7",
    inputs: context ? { context } : {},
  });
  const object = (name: string, rest: object = {}): StateResource => ({
    urn: `urn:o-${name}`,
    type: "kubernetes:core/v1:Namespace",
    provider: `urn:${name}::7`,
    ...rest,
  });

  it.each<[string, StateResource[], string | undefined]>([
    ["the context of its objects' provider", [provider("cluster", "staging"), object("cluster")], "staging"],
    [
      "none of a provider without objects",
      [provider("other", "prod"), provider("cluster"), object("cluster")],
      undefined,
    ],
    [
      "none of an object that another took the place of",
      [provider("old", "a"), provider("new", "b"), object("old", { delete: true }), object("new")],
      "b",
    ],
    ["none without objects", [], undefined],
  ])("is %s", (_, resources, context) => {
    expect(kubeContextOf(resources)).toBe(context);
  });

  it("is refused where an interrupted move left objects in two", () => {
    const resources = [provider("old", "a"), provider("new"), object("old"), object("new")];
    expect(() => kubeContextOf(resources)).toThrow('several clusters ("a" and the current context)');
  });
});
