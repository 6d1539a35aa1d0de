import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { BadRollout } from "../../adapters/postgres/takeBack/badVerdicts.ts";
import { afterTakeBack, describeTakeBack, type TakenBack } from "../../domain/zoo/takeBack.ts";

/** What the database says of take-backs, the same from every pod. */
export interface GuardStandings {
  readonly takenBack: readonly TakenBack[];
  readonly bad: readonly BadRollout[];
  /** Models whose rollouts are held because both versions fail. */
  readonly bothFail: readonly string[];
}

/** Metrics in Prometheus' text format. While the database does not answer, nothing is told of rollouts. */
export function createMetrics(read: () => Promise<GuardStandings>) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const leads = new Gauge({
    name: "menagerie_guard_leads",
    help: "1 in the pod that judges, 0 in the others.",
    registers,
  });
  leads.set(0);
  const turns = new Counter({
    name: "menagerie_guard_turns_total",
    help: "Turns of judging and taking back, by whether all of it went well.",
    labelNames: ["result"] as const,
    registers,
  });
  const lastTurn = new Gauge({
    name: "menagerie_guard_last_turn_seconds",
    help: "When the last turn that went well ended, in seconds since 1970; of the pod that judges.",
    registers,
  });
  new Gauge({
    name: "menagerie_rollout_taken_back",
    help: "1 for a content that the guard took back, or holds, until an operator resumes it; the same from every pod. `state` is done, or under way while something is left to do. `says` is what previews say of it.",
    labelNames: ["model", "action", "state", "says"] as const,
    registers,
    async collect() {
      this.reset();
      for (const taken of (await read().catch(() => nothing)).takenBack) {
        const { model, action, doneAt, at } = taken;
        // The same from the first moment to the last, and with its day whenever somebody reads it.
        const was = describeTakeBack({ ...taken, doneAt: at }, new Date(0));
        const says = `${was}; ${afterTakeBack(taken)}`;
        this.set({ model, action, state: doneAt === null ? "under way" : "done", says }, 1);
      }
    },
  });
  new Gauge({
    name: "menagerie_rollout_bad",
    help: "1 for a rollout that is judged bad and not taken back, such as by action: tell; the same from every pod.",
    labelNames: ["model", "action"] as const,
    registers,
    async collect() {
      this.reset();
      for (const { model, action } of (await read().catch(() => nothing)).bad) this.set({ model, action }, 1);
    },
  });
  new Gauge({
    name: "menagerie_rollout_both_fail",
    help: "1 for a rollout of which both versions fail, so that its judge decides nothing; the same from every pod.",
    labelNames: ["model"] as const,
    registers,
    async collect() {
      this.reset();
      for (const model of (await read().catch(() => nothing)).bothFail) this.set({ model }, 1);
    },
  });
  return { registry, leads, turns, lastTurn };
}

const nothing: GuardStandings = { takenBack: [], bad: [], bothFail: [] };
