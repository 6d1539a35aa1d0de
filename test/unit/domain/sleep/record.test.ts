import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  answered,
  confirmStop,
  failed,
  firstRecord,
  markStopping,
  type SleepAnswer,
  type SleepLease,
  type SleepRecord,
  type SleepRules,
  use,
} from "../../../../src/domain/sleep/record.ts";

const rules: SleepRules = { leaseSeconds: 30, wakerSeconds: 5, failureSeconds: 10, maxHeld: 5 };
const idleSeconds = 60;

const asleep: SleepRecord = { ...firstRecord(0), phase: "asleep", generation: 3, since: 100, usedAt: 40 };

describe("a version that sleeps", () => {
  const at = (now: number, leases: readonly SleepLease[] = []) => ({ leases, now, rules });

  it("is woken by the first that comes, and waited for by the others", () => {
    const first = use(asleep, { holder: "a", held: 1, isStopped: true }, at(200));
    expect(first.answer).toEqual({ kind: "wake", generation: 4, granted: 1 });
    expect(first.record).toMatchObject({ phase: "waking", wakes: 1, slept: 100 });
    const second = use(first.record, { holder: "b", held: 2, isStopped: true }, at(201));
    expect(second.answer).toEqual({ kind: "go", phase: "waking", generation: 4, granted: 2, seconds: 1 });
  });

  it("is woken again by another one where the cluster was not told, and counts as woken once", () => {
    const { record } = use(asleep, { holder: "a", held: 1, isStopped: true }, at(200));
    const later = use(record, { holder: "b", held: 1, isStopped: true }, at(205));
    expect(later.answer).toEqual({ kind: "wake", generation: 5, granted: 1 });
    expect(later.record).toMatchObject({ wakes: 1, slept: 100, since: 200 });
  });

  it("that does not start is not waited for by those who come a moment later", () => {
    const { record } = use(asleep, { holder: "a", held: 1, isStopped: true }, at(200));
    const broken = failed(record, "container model keeps ending", 230);
    const soon = use(broken, { holder: "b", held: 1, isStopped: false }, at(239));
    expect(soon).toMatchObject({
      lease: undefined,
      answer: { kind: "failed", reason: "container model keeps ending" },
    });
    expect(use(broken, { holder: "b", held: 1, isStopped: false }, at(240)).answer).toMatchObject({ kind: "go" });
    expect(answered(broken, 250)).toMatchObject({ phase: "awake", failure: null, failures: 1 });
  });

  it("holds a bounded number of requests in all processes together", () => {
    const leases = [
      { holder: "a", until: 220, held: 3 },
      { holder: "b", until: 220, held: 1 },
      { holder: "gone", until: 199, held: 5 },
    ];
    const { answer, lease } = use(asleep, { holder: "b", held: 9, isStopped: true }, at(200, leases));
    expect(answer).toMatchObject({ granted: 2 });
    expect(lease).toMatchObject({ held: 2, until: 230 });
  });

  it.each([true, false])(
    "is left asleep where nobody waits for it, as at a patch, though the process may not have seen the stop yet (seen: %s)",
    (isStopped) => {
      const leave = use(asleep, { holder: "a", held: 0, isStopped }, at(200));
      expect(leave).toEqual({ record: asleep, lease: undefined, answer: { kind: "asleep" } });
    },
  );

  it("that did not start is not tried again because a process goes on using it", () => {
    const { record } = use(asleep, { holder: "a", held: 1, isStopped: true }, at(200));
    const patched = use(
      failed(record, "its patches are not in", 230),
      { holder: "b", held: 0, isStopped: false },
      at(231),
    );
    expect(patched.answer).toMatchObject({ kind: "go", phase: "waking" });
    const next = use(patched.record, { holder: "b", held: 1, isStopped: false }, at(232));
    expect(next.answer).toEqual({ kind: "failed", reason: "its patches are not in" });
  });

  it("that was stopped by hand is woken too", () => {
    const { answer } = use(firstRecord(0), { holder: "a", held: 1, isStopped: true }, at(10));
    expect(answer).toEqual({ kind: "wake", generation: 1, granted: 1 });
  });
});

describe("a version that nobody uses", () => {
  const view = (now: number, leases: readonly SleepLease[] = [], quietSince = 0) => ({
    leases,
    now,
    idleSeconds,
    quietSince,
    rules,
  });

  it("is stopped in two steps, and stays where a request comes between them", () => {
    const marked = markStopping(firstRecord(0), view(60));
    expect(marked).toMatchObject({ phase: "stopping", generation: 1 });
    if (!marked) throw new Error("not marked");
    expect(confirmStop(marked, 1, view(61))).toMatchObject({ phase: "asleep", since: 61 });
    const { record, answer } = use(marked, { holder: "a", held: 1, isStopped: false }, { leases: [], now: 61, rules });
    expect(answer).toMatchObject({ kind: "go", phase: "awake" });
    expect(confirmStop(record, 1, view(62))).toBeUndefined();
  });

  it("is not stopped before its time, nor while a lease holds, nor for a whole lease after one that nobody gave back", () => {
    expect(markStopping(firstRecord(0), view(59))).toBeUndefined();
    const lease = (until: number) => [{ holder: "a", until, held: 0 }];
    expect(markStopping(firstRecord(0), view(100, lease(101)))).toBeUndefined();
    expect(markStopping(firstRecord(0), view(100, lease(71)))).toBeUndefined();
    expect(markStopping(firstRecord(0), view(100, lease(70)))).toBeDefined();
  });

  it("is not stopped within a whole lease of a time in which leases could not be renewed", () => {
    expect(markStopping(firstRecord(0), view(100, [], 71))).toBeUndefined();
    expect(markStopping(firstRecord(0), view(100, [], 70))).toBeDefined();
  });
});

/**
 * Processes that use a version, lose the database, die, and one that stops it; their steps interleaved in every order. The cluster is told
 * under the row's lock, so that step is one with its check.
 */
describe("whatever the order of steps", () => {
  // Shorter than a lease, so that leases alone keep a version from its stop.
  const idleSeconds = 5;
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("begin" as const), who: fc.nat(2) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("end" as const), who: fc.nat(2) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("renew" as const), who: fc.nat(2) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("release" as const), who: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("die" as const), who: fc.nat(2) }) },
    // The process alone cannot reach the database, and is back before its lease has been over for a whole lease.
    { weight: 2, arbitrary: fc.record({ do: fc.constant("cut" as const), who: fc.nat(2) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("pass" as const), seconds: fc.nat(40) }) },
    // Between two renewals.
    { weight: 4, arbitrary: fc.record({ do: fc.constant("wait" as const), seconds: fc.integer({ min: 5, max: 9 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("outage" as const), seconds: fc.nat(90) }) },
    { weight: 2, arbitrary: fc.constant({ do: "mark" as const }) },
    { weight: 2, arbitrary: fc.constant({ do: "confirm" as const }) },
    { weight: 2, arbitrary: fc.constant({ do: "tell" as const }) },
  );
  const stop = [{ do: "mark" as const }, { do: "confirm" as const }, { do: "tell" as const }];
  const steps = fc
    .array(
      fc.oneof({ weight: 4, arbitrary: step.map((each) => [each]) }, { weight: 2, arbitrary: fc.constant(stop) }),
      {
        maxLength: 60,
      },
    )
    .map((parts) => parts.flat());

  it("no pod is taken from under a request, one process wakes, and whoever asks is answered", () => {
    fc.assert(
      fc.property(steps, (taken) => {
        let record = firstRecord(0);
        let now = 0;
        let quietSince = 0;
        let isStopped = false;
        let marked: number | undefined;
        let confirmed: number | undefined;
        const leases = new Map<string, SleepLease>();
        const processes = [0, 1, 2].map((id) => ({ id, life: 0, inFlight: 0, leaseUntil: -1, cutUntil: -1 }));
        const holderOf = ({ id, life }: { id: number; life: number }) => `${id}/${life}`;
        const ask = (process: (typeof processes)[number], held: number): SleepAnswer => {
          const used = use(
            record,
            { holder: holderOf(process), held, isStopped },
            { leases: [...leases.values()], now, rules },
          );
          record = used.record;
          if (used.lease) leases.set(used.lease.holder, used.lease);
          if (used.lease) process.leaseUntil = used.lease.until;
          if (used.answer.kind === "wake") isStopped = false;
          return used.answer;
        };
        const renewAll = (): void => {
          for (const process of processes) if (process.inFlight > 0 && process.cutUntil <= now) ask(process, 0);
        };
        const view = () => ({ leases: [...leases.values()], now, idleSeconds, quietSince, rules });
        for (const each of taken) {
          switch (each.do) {
            case "begin": {
              const process = processes[each.who];
              if (!process) break;
              if (process.cutUntil > now) break;
              if (now >= process.leaseUntil) expect(ask(process, 1).kind).not.toBe("failed");
              expect(isStopped).toBe(false);
              process.inFlight += 1;
              break;
            }
            case "end": {
              const process = processes[each.who];
              if (process && process.inFlight > 0) process.inFlight -= 1;
              break;
            }
            case "renew":
            case "release": {
              const process = processes[each.who];
              if (!process || process.cutUntil > now) break;
              if (process.inFlight > 0) ask(process, 0);
              else if (each.do === "release") {
                leases.delete(holderOf(process));
                process.leaseUntil = -1;
              }
              break;
            }
            case "die": {
              const process = processes[each.who];
              if (process) Object.assign(process, { life: process.life + 1, inFlight: 0, leaseUntil: -1 });
              break;
            }
            case "pass":
              // Renewals come before a lease is over, while the database answers.
              for (let second = 0; second < each.seconds; second += 10) {
                now += Math.min(10, each.seconds - second);
                renewAll();
              }
              break;
            case "wait":
              // However its renewals fall, one comes before its lease, or the outage, has been over for a whole lease.
              for (const process of processes) {
                const since = Math.max(process.leaseUntil, quietSince);
                const isLate = now + each.seconds - since >= rules.leaseSeconds;
                if (process.inFlight > 0 && process.cutUntil <= now && isLate) ask(process, 0);
              }
              now += each.seconds;
              break;
            case "cut": {
              const process = processes[each.who];
              if (process && process.cutUntil <= now && now < process.leaseUntil)
                process.cutUntil = process.leaseUntil + rules.leaseSeconds - 11;
              break;
            }
            case "outage":
              now += each.seconds;
              quietSince = now;
              marked = undefined;
              // Whoever is back renews before a whole lease has passed, though not at once.
              break;
            case "mark": {
              const next = markStopping(record, view());
              if (next) record = next;
              marked = next?.generation ?? marked;
              break;
            }
            case "confirm": {
              const next = marked === undefined ? undefined : confirmStop(record, marked, view());
              if (next) record = next;
              confirmed = next?.generation ?? confirmed;
              break;
            }
            case "tell":
              if (record.phase === "asleep" && record.generation === confirmed) {
                expect(processes.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]);
                isStopped = true;
              }
              break;
          }
        }
      }),
      { numRuns: 20_000 },
    );
  });
});
