import { describe, expect, test } from "vitest";
import {
  type RecordedResult,
  type RecordedScenario,
  recordedRollout,
  recordedSettings,
} from "../../../support/judge/recordedRollout.ts";
import { binomialTail } from "../../../support/judge/table.ts";
import { wholeMatrix } from "../../../support/wholeMatrix.ts";

const rollouts = wholeMatrix ? 1_000 : 20;
// They compute for as long as the machine takes.
const timeout = 3_600_000;

function every(scenario: RecordedScenario): RecordedResult[] {
  return Array.from({ length: rollouts }, (_, seed) => recordedRollout(scenario, seed));
}

describe(`${rollouts} rollouts of 9,000 requests of some seconds each, as recorders tell of them every five`, {
  timeout,
}, () => {
  test.each<RecordedScenario>([
    { name: "equal versions" },
    { name: "equal, outages of both", outages: true },
    { name: "1.2 times as slow", times: 1.2 },
  ])("$name: not taken back, beyond the risk", (scenario) => {
    const results = every(scenario);
    const alarms = results.filter(({ bad }) => bad !== null).length;
    expect(binomialTail(alarms, rollouts, recordedSettings.risk / 2), `${alarms} of ${rollouts}`).toBeGreaterThan(
      0.001,
    );
    // Slower requests are known later, and are not missing.
    expect(results.filter(({ gaps }) => gaps).length).toBeLessThan(0.05 * rollouts);
  });

  test.each<[RecordedScenario, readonly string[]]>([
    [{ name: "3 times as slow", times: 3 }, ["p50"]],
    [{ name: "streams that fail", moreErrors: 0.1 }, ["streams"]],
    [{ name: "hanging", hanging: 0.8 }, ["p50", "p95", "streams"]],
  ])("taken back: %o", (scenario, metrics) => {
    const results = every(scenario);
    const found = results.filter(({ bad }) => bad && metrics.some((metric) => bad.metrics.includes(metric as never)));
    expect(found.length).toBeGreaterThanOrEqual(0.95 * rollouts);
    expect(results.filter(({ gaps }) => gaps).length).toBeLessThan(0.05 * rollouts);
  });

  test("requests that hang are seen before their time is up, as failures", () => {
    const after = every({ name: "hanging", hanging: 0.9 }).map(({ bad }) => bad?.after ?? Number.POSITIVE_INFINITY);
    expect(after.toSorted((one, other) => one - other)[Math.floor(rollouts / 2)]).toBeLessThanOrEqual(60);
  });
});
