import { describe, expect, it } from "vitest";
import { shadowPort } from "../../../../../src/domain/serving/activator.ts";
import type { SleepingService } from "../../../../../src/domain/sleep/ports.ts";
import { ownersOfPorts } from "../../../../../src/services/api/sleep/shadowFronts.ts";

const service = (name: string, more: Partial<SleepingService> = {}): SleepingService => ({
  name,
  model: "next",
  role: "shadow",
  idleMinutes: 15,
  isStopped: false,
  recorded: true,
  pool: "cpu",
  createdAt: 0,
  ...more,
});

describe("the ports of shadow deployments' models", () => {
  it("are those of primaries and shadows, sleeping or not, and of no version of the zoo", () => {
    const services = [
      service("next-primary", { role: "primary" }),
      service("next-awake", { idleMinutes: undefined }),
      service("iris-v2", { role: "version" }),
    ];
    expect(ownersOfPorts(services)).toEqual(
      new Map([
        [shadowPort("next-primary"), "next-primary"],
        [shadowPort("next-awake"), "next-awake"],
      ]),
    );
  });

  it("of two names with one port, mean the one that may sleep, and neither where both may", () => {
    const [one, other] = ["next-s38", "next-s113"] as const;
    expect(shadowPort(one)).toBe(shadowPort(other));
    const owner = (a: Partial<SleepingService>, b: Partial<SleepingService>) =>
      ownersOfPorts([service(one, a), service(other, b)]).get(shadowPort(one));
    expect(owner({}, { idleMinutes: undefined })).toBe(one);
    expect(owner({ idleMinutes: undefined }, {})).toBe(other);
    expect(owner({}, {})).toBeUndefined();
    expect(owner({ idleMinutes: undefined }, { idleMinutes: undefined })).toBeUndefined();
  });
});
