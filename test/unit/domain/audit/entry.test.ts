import { expect, it } from "vitest";
import { describeDetails, describeOrigin } from "../../../../src/domain/audit/entry.ts";

it("an entry is told on one line, whatever is in it", () => {
  const details = {
    prefix: "Ab12Cd34",
    rights: ["batch", "export"],
    limits: {},
    model: null,
    count: 3,
    edits: [{ key: "traffic" }],
  };
  expect(describeDetails({ details })).toBe('prefix Ab12Cd34, rights batch export, count 3, edits [{"key":"traffic"}]');
  expect(describeDetails({ details: { because: "a\u001b[2Jfalse\nalarm" } })).toBe("because a [2Jfalse alarm");
  expect(describeOrigin({ login: "menagerie_guard", address: "10.0.0.7" })).toBe("menagerie_guard at 10.0.0.7");
  expect(describeOrigin({ login: "postgres", address: null })).toBe("postgres");
});
