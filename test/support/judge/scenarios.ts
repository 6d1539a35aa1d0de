import type { ErrorScenario } from "./errorRollout.ts";

const base = 0.005;

function constant(name: string, more: number): ErrorScenario {
  return { name, rates: () => () => [base + more, base] };
}

/** Outages of both versions: each begins within 2,000 requests of the last and takes up to 3,000; a third of the requests fail. */
function bursts(more: number) {
  return (random: () => number) => {
    let isOutage = false;
    let left = 0;
    return (): readonly [number, number] => {
      if (left <= 0) {
        isOutage = !isOutage;
        left = 1 + Math.floor(random() * (isOutage ? 30 : 200));
      }
      left -= 1;
      const now = isOutage ? 0.33 : base;
      return [now + more, now];
    };
  };
}

export const equalVersions: readonly ErrorScenario[] = [
  constant("equal versions", 0),
  { name: "equal, outages of both", rates: bursts(0) },
  {
    name: "equal, daily waves",
    rates: () => (stretch) => {
      const now = 0.04 * (1 + Math.sin(stretch / 32)) + 0.002;
      return [now, now];
    },
  },
  {
    // The more of the last requests failed, the more of the next do: retries that pile up.
    name: "equal, failures that cause more",
    rates: (random) => {
      let now = base;
      return () => {
        now = Math.min(0.4, Math.max(0.002, now * Math.exp(0.5 * (random() * 2 - 1))));
        return [now, now];
      };
    },
  },
  { name: "equal, sticky users of 20 requests", perUser: 20, rates: () => () => [base, base] },
];

export const withinMargin = constant("errors +0.5 points", 0.005);
export const atMargin = constant("errors +1 point (the margin)", 0.01);
export const beyondMargin: readonly ErrorScenario[] = [
  constant("errors +5 points", 0.05),
  { name: "errors +5 points, outages of both", rates: bursts(0.05) },
  constant("errors +50 points", 0.5),
  { name: "every request fails", rates: () => () => [1, base] },
];

/** What must go wrong: a coin was thrown for each user, not for each request. */
export const countedWrongly: ErrorScenario = {
  name: "sticky users, counted by request",
  perUser: 20,
  countsRequests: true,
  rates: () => () => [base, base],
};
