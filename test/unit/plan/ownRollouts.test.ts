import { expect, it } from "vitest";
import { withOwnRollouts } from "../../../src/plan/ownRollouts.ts";
import { planZoo } from "../../../src/plan/zoo.ts";
import { emptyPlatform, environmentOf } from "../../support/componentEnvironment.ts";
import { irisServing } from "../../support/irisServing.ts";
import { registeredVersion } from "../../support/registeredVersion.ts";

/** A model that another program has in the same database, with an app. */
const since = new Date(0);
const flowers = {
  model: "flowers",
  phase: "done",
  from: undefined,
  hash: "a",
  since,
  bakeSecondsLeft: undefined,
} as const;
const platform = {
  ...emptyPlatform,
  registry: {
    versions: new Map([["flowers", [registeredVersion(1, { apps: 1, isCurrent: true, serving: irisServing })]]]),
    rollouts: new Map([["flowers", flowers]]),
    evidence: [],
  },
};

const planned = (rollouts: object | undefined, config = {}) => {
  const { spec } = environmentOf(config, { platform });
  const own = withOwnRollouts(spec, platform, rollouts === undefined ? {} : { rollouts: rollouts as never });
  return planZoo(spec, { platform: own, hashes: new Map(), secretsOf: () => [], smoke: new Map() });
};

it("a model that another program has is not one that was removed from the stack", () => {
  expect([...planned({}).keys()]).toEqual([]);
  expect([...planned({}, { modelZooDeploymentAutomationEnabled: false }).keys()]).toEqual([]);
});

it("a model that the last `up` knew is", () => {
  expect(() => planned({ flowers: { phase: "done", hash: "a" } })).toThrow("menagerie:zoo.flowers");
});

it("every model counts as the stack's where its outputs are lost", () => {
  expect(() => planned(undefined)).toThrow("menagerie:zoo.flowers");
});
