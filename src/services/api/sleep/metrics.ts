import { Gauge, type Registry } from "prom-client";
import type { SleepStanding } from "../../../adapters/postgres/sleep/readSleep.ts";
import { freshCache } from "../freshCache.ts";

/** For how long what was read is told again, in milliseconds. */
const kept = 5_000;

const values = [
  {
    name: "menagerie_model_asleep",
    help: "1 for a version that sleeps until the next request, 0 for one that is awake, stopping or waking; the same from every pod.",
    of: ({ isAsleep }: SleepStanding) => Number(isAsleep),
  },
  {
    name: "menagerie_model_asleep_seconds_total",
    help: "How long a version has slept since it was first used; the same from every pod.",
    of: ({ asleepSeconds }: SleepStanding) => asleepSeconds,
  },
  {
    name: "menagerie_model_wakes_total",
    help: "How often a request woke a version; the same from every pod.",
    of: ({ wakes }: SleepStanding) => wakes,
  },
  {
    name: "menagerie_model_wake_failures_total",
    help: "How often a version was found not to start; the same from every pod.",
    of: ({ failures }: SleepStanding) => failures,
  },
];

/** Metrics of versions that may sleep, by the name of their InferenceService. While the database does not answer, nothing is told. */
export function addSleepMetrics(registry: Registry, read: () => Promise<readonly SleepStanding[]>): void {
  const standings = freshCache(read, { freshFor: kept });
  for (const { name, help, of } of values) {
    new Gauge({
      name,
      help,
      labelNames: ["service"] as const,
      registers: [registry],
      async collect() {
        this.reset();
        for (const standing of await standings("").catch(() => []))
          this.set({ service: standing.service }, of(standing));
      },
    });
  }
}
