import { describe, expect, it } from "vitest";
import {
  identifierIssue,
  longestPart,
  longNameIssue,
  requireServiceName,
  serviceNames,
} from "../../../src/domain/generatedNames.ts";
import { releaseRoles, stateSchemaName } from "../../../src/domain/release/stateSchema.ts";

const standard = { namespace: "models", mode: "Standard" } as const;

describe("a name fits where every name that is made from it does", () => {
  it.each([
    ["the host of a predictor", standard, "-v1", 63 - "-v1-predictor-models".length],
    ["the host of a recorder", { ...standard, recorded: true }, "", 63 - "-transformer-models".length],
    [
      "the label of a Deployment, in a short namespace",
      { ...standard, namespace: "m" },
      "",
      63 - "isvc.-predictor".length,
    ],
    [
      "a Knative revision, whatever its namespace",
      { namespace: "m".repeat(63), mode: "Knative" },
      "-v1",
      63 - "-v1-predictor-00001".length,
    ],
  ] as const)("%s", (_, service, suffix, longest) => {
    const names = serviceNames(service, suffix);
    expect(longestPart(names)).toBe(longest);
    expect(longNameIssue("a".repeat(longest), names)).toBeUndefined();
    expect(longNameIssue("a".repeat(longest + 1), names)?.fix).toContain(`use at most ${longest} characters`);
  });

  it("says the limit, the length, and the longest beginning that fits", () => {
    const names = serviceNames({ ...standard, namespace: "m".repeat(40) }, "-v1");
    expect(longNameIssue("ranker-of-news", names, { key: "menagerie:namespace", length: 40 })).toEqual({
      problem: `has 14 characters, and a DNS label at most 63: the host "ranker-of-news-v1-predictor-${"m".repeat(40)}" would have 68`,
      fix: 'use at most 9 characters, such as "ranker-of", or shorten menagerie:namespace to at most 35 characters',
    });
  });

  it("is judged once more where an InferenceService is rendered", () => {
    expect(() => requireServiceName("iris-v100000", standard)).not.toThrow();
    expect(() => requireServiceName("pushed-123456789", { ...standard, namespace: "m".repeat(40) })).toThrow(
      /InferenceService "pushed-123456789": has 16 characters, and a DNS label at most 63/,
    );
  });
});

describe("a PostgreSQL identifier", () => {
  it("has 63 bytes, not characters, and is cut between them", () => {
    expect(identifierIssue("ü".repeat(31))).toBeUndefined();
    expect(identifierIssue("ü".repeat(32))).toEqual({
      problem: "has 64 bytes, and a PostgreSQL identifier at most 63, where PostgreSQL would cut it off",
      fix: `use a shorter one, such as "${"ü".repeat(31)}"`,
    });
  });

  it("of a release fits, however long the tag is", () => {
    const { service, pipeline } = releaseRoles(stateSchemaName("v".repeat(200)));
    expect([service, pipeline].map(identifierIssue)).toEqual([undefined, undefined]);
  });
});
