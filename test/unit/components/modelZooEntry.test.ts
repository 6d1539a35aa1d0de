import * as pulumi from "@pulumi/pulumi";
import { afterEach, expect, it, vi } from "vitest";
import { ModelZooEntry, type ZooEntryVersion } from "../../../components/modelZooEntry.ts";
import type { Phase } from "../../../src/domain/zoo/phases.ts";
import { irisServing } from "../../support/irisServing.ts";

/** In which order an entry of the zoo is made: what a resource depends on is awaited by the SDK itself. */

afterEach(() => pulumi.runtime.disconnect());

const version = (number: number, current: boolean, model = "iris"): ZooEntryVersion => ({
  model,
  service: model === "iris" ? `iris-v${number}` : "iris-copy",
  number,
  hash: `hash-${number}`,
  current,
  serving: irisServing,
  image: `registry/iris@sha256:${String(number).repeat(64)}`,
  placement: { pool: "cpu", tolerations: [] } as unknown as ZooEntryVersion["placement"],
  secrets: undefined,
  environment: undefined,
  replaces: undefined,
});

/** Declares the entry; its smoke test ends when `pass` is called. Answers what was made, in order. */
async function declare(phase: Phase, versions: ZooEntryVersion[], target: ZooEntryVersion) {
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
  class Tables extends pulumi.ComponentResource {}
  new ModelZooEntry("iris", {
    kubernetesName: "iris",
    versions,
    target,
    namespace: "models",
    readyTimeoutSeconds: 60,
    lines: [],
    builder: { builder: "directory" } as never,
    gateway: { name: "istio/gateway", hosts: ["*"], url: "http://gateway" } as never,
    rollout: {
      phase,
      from: "1",
      hash: target.hash,
      gates: [],
      bakeSeconds: 0,
      migration: undefined,
      smoke: [{ input: {}, output: {}, tolerance: 0 }],
      tables: new Tables("test:tables", "tables"),
    },
  });
  /** What was made once `what` was, and nothing more came for a moment. */
  const settled = async (what: readonly string[]) => {
    await vi.waitFor(() => expect(made).toEqual(expect.arrayContaining([...what])), { timeout: 50_000 });
    for (let last = -1; last !== made.length; ) {
      last = made.length;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    return [...made];
  };
  return { settled, pass: passed.resolve };
}

it.each([
  ["version", [version(2, true), version(1, false)], version(2, true), "iris"],
  ["copy", [version(1, true), version(2, true, "iris_copy")], version(2, true, "iris_copy"), "iris-copy"],
] as const)("in phase %s nothing reaches what has not passed its smoke set", async (phase, versions, target, route) => {
  const { settled, pass } = await declare(phase, [...versions], target);
  const before = await settled([`ModelReady ${target.service}`]);
  expect(before).not.toContain("ZooRollout iris");
  expect(before).not.toContain(`ModelVersion ${target.service} current`);
  expect(before).not.toContain(`VirtualService ${route}`);
  pass();
  const after = await settled([`ModelVersion ${target.service} current`, `VirtualService ${route}`]);
  const place = (what: string) => after.indexOf(what);
  expect(place("SmokeTest iris")).toBeGreaterThan(-1);
  expect(place("ZooRollout iris")).toBeGreaterThan(place("SmokeTest iris"));
  expect(place(`ModelVersion ${target.service} current`)).toBeGreaterThan(place("ZooRollout iris"));
  expect(place(`VirtualService ${route}`)).toBeGreaterThan(place("ZooRollout iris"));
});
