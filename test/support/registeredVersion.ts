import type { RegisteredVersion } from "../../src/domain/zoo/plan.ts";

/** Content of version `digit`, where a test only tells contents apart. */
export const contentOf = (digit: number): string => String(digit).repeat(64);

/** Version `number` of a model: nobody uses it, and its image is built. */
export function registeredVersion(number: number, change: Partial<RegisteredVersion> = {}): RegisteredVersion {
  return {
    id: `${10 + number}`,
    number,
    hash: contentOf(number),
    isCurrent: false,
    apps: 0,
    image: `registry/m@sha256:${contentOf(number)}`,
    ...change,
  };
}
