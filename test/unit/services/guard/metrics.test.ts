import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { expect, it } from "vitest";
import type { BadRollout } from "../../../../src/adapters/postgres/takeBack/badVerdicts.ts";
import { afterTakeBack, describeTakeBack, type TakenBack } from "../../../../src/domain/zoo/takeBack.ts";
import { createMetrics } from "../../../../src/services/guard/metrics.ts";

const taken: TakenBack = {
  id: "1",
  model: "iris",
  from: "3",
  hash: "b",
  action: "revert",
  reason: "errors 12 of 180 against 3 of 1,620, at least 2.1 points more, 1.0 points are allowed",
  cause: "7",
  weight: 50,
  at: new Date("2026-11-30T14:02:59Z"),
  doneAt: null,
  obstacle: "no pod of the old version is ready",
};
const bad: BadRollout = {
  modelId: "2",
  model: "digits",
  from: "5",
  to: "6",
  hash: "c",
  verdictId: "8",
  action: "tell",
  reason: "errors",
};
const lines = async (read: Parameters<typeof createMetrics>[0]) =>
  (await createMetrics(read).registry.metrics()).split("\n").filter((line) => line.startsWith("menagerie_rollout"));

it("a take-back says in the alert what the preview says of it, from the intent to the end", async () => {
  const says =
    "taken back at 2026-11-30 14:02 (errors 12 of 180 against 3 of 1,620); set phase: reverted, or a new content";
  const done = { ...taken, doneAt: new Date("2026-11-30T14:03:09Z"), obstacle: null };
  const tomorrow = new Date("2026-12-01T08:00:00Z");
  expect(`${describeTakeBack(done, tomorrow)}; ${afterTakeBack(done)}`).toBe(says);
  for (const [state, each] of [
    ["under way", taken],
    ["done", done],
  ] as const)
    expect(await lines(async () => ({ takenBack: [each], bad: [], bothFail: [] }))).toEqual([
      `menagerie_rollout_taken_back{model="iris",action="revert",state="${state}",says="${says}"} 1`,
    ]);
  const rules = load(readFileSync(join(import.meta.dirname, "../../../../operations/prometheus-rules.yml"), "utf8"));
  const { groups } = rules as { groups: { rules: { alert: string; annotations: { summary: string } }[] }[] };
  const alert = groups.flatMap((group) => group.rules).find((rule) => rule.alert === "RolloutTakenBack");
  expect(alert?.annotations.summary).toBe("{{ $labels.model }}: {{ $labels.says }}");
});

it("rollouts that are bad, or of which both versions fail, have a row each; a database that is away tells of none", async () => {
  expect(await lines(async () => ({ takenBack: [], bad: [bad], bothFail: ["iris"] }))).toEqual([
    'menagerie_rollout_bad{model="digits",action="tell"} 1',
    'menagerie_rollout_both_fail{model="iris"} 1',
  ]);
  expect(await lines(() => Promise.reject(new Error("away")))).toEqual([]);
});
