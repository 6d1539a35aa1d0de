import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeOwnStack, type OwnStack } from "../../../support/ownStack.ts";

/** `menagerie destroy` with the real engine, over a state of components: those need neither a cluster nor a plugin. */

const stack = "destroyed";
let own: OwnStack;

beforeAll(async () => {
  own = await makeOwnStack(stack);
  const { deployment, version } = JSON.parse((await own.pulumi("stack", "export", "-s", stack)).said) as {
    version: number;
    deployment: object;
  };
  const component = (type: string, name: string, rest: object) => ({
    urn: `urn:pulumi:${stack}::menagerie::${type}::${name}`,
    custom: false,
    type,
    ...rest,
  });
  const resources = [
    component("menagerie:zoo:ModelZooEntry", "iris", {}),
    component("menagerie:platform:PlatformDatabase", "platform", { protect: true }),
  ];
  const file = join(own.folder, "state.json");
  await writeFile(file, JSON.stringify({ version, deployment: { ...deployment, resources } }));
  await own.pulumi("stack", "import", "-s", stack, "--file", file);
}, 1_800_000);

afterAll(() => own.dispose());

const destroy = (...args: string[]) => own.menagerie("destroy", "-s", stack, ...args);

async function resources(): Promise<string[]> {
  const { deployment } = JSON.parse((await own.pulumi("stack", "export", "-s", stack)).said) as {
    deployment: { resources?: { type: string; urn: string }[] };
  };
  const found = (deployment.resources ?? []).filter(({ type }) => type !== "pulumi:pulumi:Stack");
  return found.map(({ urn }) => urn.split("::").at(-1) ?? "");
}

it("deletes all of it, what is protected too, once the stack's name is repeated, and nothing before", async () => {
  const unasked = await destroy();
  expect(unasked.said).toContain("delete PlatformDatabase platform: it is protected");
  expect(unasked.said).toContain(`add --yes ${stack}`);
  expect(unasked.code).toBe(3);
  expect((await destroy("--yes", "staging")).code).toBe(2);
  expect(await resources()).toEqual(["iris", "platform"]);
  const destroyed = await destroy("--yes", stack);
  expect(destroyed.code, destroyed.said).toBe(0);
  expect(await resources()).toEqual([]);
  expect((await destroy("--yes", stack)).said).toContain(`stack "${stack}" has no resources`);
});
