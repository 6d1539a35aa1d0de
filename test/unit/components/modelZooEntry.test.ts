import * as pulumi from "@pulumi/pulumi";
import { afterEach, expect, it } from "vitest";
import { ModelZooEntry } from "../../../components/modelZooEntry.ts";
import type { Phase } from "../../../src/domain/zoo/phases.ts";
import { emptyRegistry, type ZooRegistry } from "../../../src/domain/zoo/registry.ts";
import { planZoo } from "../../../src/plan/zoo.ts";
import { emptyPlatform, environmentOf, environmentOnPlatform } from "../../support/componentEnvironment.ts";
import { irisServing } from "../../support/irisServing.ts";

/** In which order an entry of the zoo is made: what a resource depends on is awaited by the SDK itself. */

afterEach(() => pulumi.runtime.disconnect());

/** The database in a rollout from version 1; what the config says of it is planned for real. */
function registryIn(recorded: Phase): ZooRegistry {
  const row = { id: "1", number: 1, hash: "hash-1", isCurrent: true, apps: 0, serving: irisServing };
  const image = `registry/iris@sha256:${"1".repeat(64)}`;
  const since = new Date(0);
  const rollout = { model: "iris", phase: recorded, from: "1", hash: "hash-2", since, bakeSecondsLeft: 0 };
  return {
    ...emptyRegistry,
    versions: new Map([["iris", [{ ...row, image }]]]),
    rollouts: new Map([["iris", rollout]]),
  };
}

/** Declares the entry; its smoke test ends when `pass` is called. Answers what was made, in order. */
async function declare(phase: Phase) {
  const made: string[] = [];
  const passed = Promise.withResolvers<void>();
  await pulumi.runtime.setMocks({
    async newResource({ type, name, inputs, id }) {
      const kind = type.split(":").at(-1);
      if (kind === "SmokeTest") await passed.promise;
      made.push(kind === "ModelVersion" ? `${kind} ${name}${inputs.current ? " current" : ""}` : `${kind} ${name}`);
      return { id: id || name, state: { ...inputs, revision: "r", since: "now", versionId: "1" } };
    },
    call: ({ inputs }) => inputs,
  });
  const platform = { ...emptyPlatform, registry: registryIn("copy") };
  const entry = { truss: "models/iris", phase, from: "1" };
  const { spec } = environmentOf({ zoo: { iris: entry } }, { platform });
  const smoke = new Map([["iris", [{ input: {}, output: {}, tolerance: 0 }]]]);
  const hashes = new Map([["models/iris", "hash-2"]]);
  const zoo = planZoo(spec, { platform, hashes, secretsOf: () => [], smoke });
  new ModelZooEntry("iris", { environment: environmentOnPlatform({}, { platform, zoo }), ...entry });
  /** What was made once `what` was, and nothing more came for a moment. */
  const settled = async (what: readonly string[]) => {
    await expect.poll(() => made).toEqual(expect.arrayContaining([...what]));
    for (let last = -1; last !== made.length; ) {
      last = made.length;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    return [...made];
  };
  return { settled, pass: passed.resolve };
}

it.each([
  ["version", "iris-v2", "iris"],
  ["copy", "iris-copy", "iris-copy"],
] as const)("in phase %s nothing reaches what has not passed its smoke set", async (phase, service, route) => {
  const { settled, pass } = await declare(phase);
  const before = await settled([`ModelReady ${service}`]);
  expect(before).not.toContain("ZooRollout iris");
  expect(before).not.toContain(`ModelVersion ${service} current`);
  expect(before).not.toContain(`VirtualService ${route}`);
  pass();
  const after = await settled([`ModelVersion ${service} current`, `VirtualService ${route}`]);
  const place = (what: string) => after.indexOf(what);
  expect(place("SmokeTest iris")).toBeGreaterThan(-1);
  expect(place("ZooRollout iris")).toBeGreaterThan(place("SmokeTest iris"));
  expect(place(`ModelVersion ${service} current`)).toBeGreaterThan(place("ZooRollout iris"));
  expect(place(`VirtualService ${route}`)).toBeGreaterThan(place("ZooRollout iris"));
});
