import { expect, it } from "vitest";
import { recordingsIn } from "../../../src/cli/recordings.ts";

it("recordings of zoo models and of shadow deployments' primaries are found by their names in the config", () => {
  const settings = { sample: 25, bodies: false, redact: [{ kind: "email" }] };
  const recordings = {
    iris: {
      ...settings,
      retentionDays: 7,
      paused: false,
      schema: "recorded_iris",
      url: "http://gateway/iris",
      versions: [
        { number: 2, version: "b" },
        { number: 1, version: "a" },
      ],
    },
    off: { ...settings, retentionDays: 7, paused: false, schema: "recorded_off", url: null, versions: [] },
  };
  const side = { service: "next-primary", truss: "t", hash: "h", version: "c", schema: "shadow_next_primary" };
  const shadow = { url: "http://gateway/next", percent: 10, primary: side, shadows: {}, noise: null, gate: null };
  const found = recordingsIn(
    { recordings },
    { next: { ...shadow, compare: { ignore: ["took_ms"] }, redact: [{ kind: "email" }] } },
  );
  expect(found).toMatchObject([
    // Those of the version that answers come first.
    { name: "iris", kind: "zoo", schema: "recorded_iris", version: "b", settings },
    { name: "off", kind: "zoo", schema: "recorded_off", version: undefined, url: null },
    {
      name: "next",
      kind: "shadow",
      schema: "shadow_next_primary",
      version: "c",
      settings: { sample: 100, bodies: true, redact: [{ kind: "email" }] },
      compare: { ignore: ["took_ms"] },
    },
  ]);
  expect(recordingsIn({}, {})).toEqual([]);
});
