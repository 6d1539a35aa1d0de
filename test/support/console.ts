import type { LastMinute } from "../../src/domain/traffic/lastMinute.ts";
import type { ShownStanding } from "../../src/domain/zoo/shownStanding.ts";

/** What a browser would run, if a page did not show it as text. */
export const hostileText = `<script>document.title = "run"</script>"'><img src=x onerror=alert(1)>`;

const until = Date.UTC(2026, 10, 30, 18) / 1000;
const whole = { knownSeconds: 60, endsKnownSeconds: 60, countedUntil: until, silent: [] };

/** A minute that was counted whole, and in which nobody asked. */
export const shownMinute: LastMinute = {
  window: { since: until - 60, until },
  paths: { route: whole, app: whole },
  versions: [],
  unknownToGateway: new Set(),
};

/** A rollout in phase bake from version 1 to version 2, which answers a quarter. */
export function shownStanding(name: string, more: Partial<ShownStanding> = {}): ShownStanding {
  const from = { id: "1", number: 1, hash: "a".repeat(64), isCurrent: true, apps: 2 };
  const to = { id: "2", number: 2, hash: "b".repeat(64), isCurrent: false, apps: 0 };
  return {
    name,
    phase: "bake",
    since: new Date("2026-11-30T12:00:00Z"),
    from,
    to,
    versions: [from, to],
    traffic: { generation: 3, weight: 25, control: 0, sticky: undefined },
    copyApps: 0,
    bakeSecondsLeft: 60,
    takenBack: null,
    evidence: [],
    next: { set: ["phase: done"], refused: null },
    revert: { set: "phase: reverted", command: "menagerie rollout revert --id 2" },
    judgement: null,
    migration: null,
    target: null,
    ...more,
  };
}
